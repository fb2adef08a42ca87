"""Plays a scenario of tests/vectors/incidents: shops and tills as they are there, events at their times, the engine
over incidents in memory. It can be told late and in another order, everything twice, and with the engine begun anew."""

import json
import pickle
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from collector.incidents.engine.facts import Happening, Key, Known, site_place, till_place
from collector.incidents.engine.memory import Memory
from collector.incidents.engine.patrol import SILENT_KEY, SITE_KEY, Patrol, ShopNow
from collector.incidents.engine.place import Here, Place
from collector.incidents.engine.policy import Rules
from collector.incidents.engine.replay import Replay
from collector.incidents.engine.silence import Shop, Till, together
from collector.incidents.rules import RULES
from collector.inventory.hours import week_of
from collector.inventory.windows import Window
from protocols.wire.v1 import Change, SubjectKind

FOLDER = Path(__file__).parents[2] / "vectors" / "incidents"
HOLD_S = {"device": 4.0, "host": 30.0, "backup": 0.0, "silent": 30.0}
LIMIT = timedelta(seconds=300)
Scenario = dict[str, Any]


def scenarios() -> list[Scenario]:
    found = []
    for file in sorted(FOLDER.glob("*.json")):
        found += json.loads(file.read_text("utf-8"))["scenarios"]
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """`at` by the clock of who tells, `arrives` by the server's; seconds since the start."""

    at: float
    arrives: float
    verb: str
    where: str
    rest: tuple[Any, ...] = ()


@dataclass(slots=True)
class Played:
    replay: Replay
    told: set[int] = field(default_factory=set)

    @property
    def book(self) -> Memory:
        return self.replay.book


def seconds(value: float | str) -> float:
    """90, "90", "1:30:00"."""
    if isinstance(value, int | float):
        return float(value)
    parts = [float(part) for part in value.split(":")]
    return sum(part * 60**n for n, part in enumerate(reversed(parts)))


def steps(scenario: Scenario) -> list[Step]:
    found = list(_expanded(scenario["do"], 0.0))
    return sorted(found, key=lambda step: step.at)


def _expanded(rows: list[list[Any]], base: float) -> Iterator[Step]:
    for t, verb, *rest in rows:
        at = base + seconds(t)
        if verb == "times":
            count, every, inner = rest
            for n in range(count):
                yield from _expanded(inner, at + n * seconds(every))
        else:
            yield Step(at, at, verb, str(rest[0]), tuple(rest[1:]))


def late(found: list[Step], rng: random.Random, by: float) -> list[Step]:
    """Each arrives up to `by` seconds late; what one till tells stays in its order, as its lane keeps it."""
    last: dict[str, float] = {}
    turn: dict[str, float] = {}
    moved = []
    for step in found:
        arrives = step.at
        if step.verb in ("raised", "cleared"):
            arrives = max(step.at + rng.uniform(0, by), last.get(step.where, 0.0))
            last[step.where] = arrives
        turn.setdefault(step.where, rng.random())
        moved.append(Step(step.at, arrives, step.verb, step.where, step.rest))
    return sorted(moved, key=lambda step: (step.arrives, turn[step.where], step.at))


def drained(found: list[Step], rng: random.Random, by: float) -> list[Step]:
    """What is told of a device before a moment of its own, up to `by`, arrives at that moment, in its order: so in any
    interleaving of tills and of the devices of a till. The wire promises more, the order of all that a till tells."""
    moment: dict[tuple[str, str], float] = {}
    moved = []
    for step in found:
        arrives = step.at
        if step.verb in ("raised", "cleared"):
            arrives = max(arrives, moment.setdefault((step.where, step.rest[0]), rng.uniform(0, by)))
        moved.append(Step(step.at, arrives, step.verb, step.where, step.rest))
    return sorted(moved, key=lambda step: step.arrives)


def twice(found: list[Step]) -> list[Step]:
    """Each report again before the next one of its till: what is older is known by its number and never gets here."""
    return [step for one in found for step in [one] * (2 if one.verb in ("raised", "cleared") else 1)]


def doubled(found: list[Step], rng: random.Random) -> list[Step]:
    again = [
        Step(step.at, step.arrives + rng.uniform(0, 30), step.verb, step.where, step.rest)
        for step in found
        if step.verb in ("raised", "cleared")
    ]
    return sorted([*found, *again], key=lambda step: step.arrives)


class World:
    def __init__(self, scenario: Scenario) -> None:
        self.start = datetime.fromisoformat(scenario.get("start", "2026-05-04T09:00:00+00:00"))
        self.tick_s = float(scenario.get("tick_s", 5))
        self.until = seconds(scenario["until"])
        self.rules = Rules.of(RULES, HOLD_S, scenario.get("rules"))
        self.heard: dict[str, datetime | None] = {}
        self.stopped: dict[str, datetime] = {}
        self.places: dict[str, Here] = {}
        self.tills: dict[int, list[str]] = {}
        for row in shop_rows(scenario):
            self._shop(row, scenario.get("windows", []))
        self.maintained = [name for name, place in self.places.items() if place.windows]
        self.played = Played(Replay(self.place, self.rules, None, self.maintained))

    def _shop(self, row: dict[str, Any], windows: list[dict[str, Any]]) -> None:
        shop = int(row["id"])
        areas = [f"{kind}:{row[kind]}" for kind in ("provider", "region") if row.get(kind)]
        common: dict[str, Any] = {"site": shop, "areas": tuple(areas), "week": week_of(row.get("hours", {}))}
        common["zone"] = row.get("zone", "Europe/Riga")
        self.tills[shop] = [f"{shop}/{n + 1}" for n in range(row.get("tills", 1))]
        whole = tuple(window(w) for w in windows if str(w["of"]) == str(shop))
        name = site_place(shop)
        self.places[name] = Here(name=name, windows=whole, **common)
        for till in self.tills[shop]:
            own = tuple(window(w) for w in windows if w["of"] == till)
            self.places[till_place(till)] = Here(
                name=till_place(till), terminal=till, windows=(*whole, *own), **common
            )
            self.heard[till] = None

    def place(self, name: str) -> Place:
        if name not in self.places:
            self.places[name] = Here(name=name)
        return self.places[name]

    def at(self, s: float) -> datetime:
        return self.start + timedelta(seconds=s)

    def run(self, found: list[Step], restart_at: float | None = None, longer: float = 0) -> Played:
        """`heard` of a till is None while it is heard all the time. `longer`: seconds after the scenario's end."""
        waiting = list(found)
        now = 0.0
        while now <= self.until + longer:
            while waiting and waiting[0].arrives <= now:
                step = waiting.pop(0)
                self._do(step)
            if restart_at is not None and now >= restart_at:
                self._restart()
                restart_at = None
            self._tick(self.at(now))
            now += self.tick_s
        return self.played

    def _restart(self) -> None:
        """Only what the book holds is kept."""
        book = self.played.book
        places, book._place = book._place, None  # type: ignore[assignment]
        again: Memory = pickle.loads(pickle.dumps(book))
        again._place = places
        self.played = Played(Replay(self.place, self.rules, again, self.maintained), self.played.told)

    def _do(self, step: Step) -> None:
        now = self.at(step.arrives)
        match step.verb:
            case "raised" | "cleared":
                self._report(step, now)
            case "quiet" | "stops" | "heard":
                self._hear_of(step, now)
            case "receipt":
                for name in [n for n, p in self.places.items() if p.site == int(step.where)]:
                    self.places[name] = replace(self.places[name], receipt_at=now)
            case "resolve":
                self._by_hand(step)
            case _:
                raise ValueError(step.verb)

    def _report(self, step: Step, now: datetime) -> None:
        subject, code = step.rest
        at = self.at(step.at)
        key = Key(kind_of(code, subject), subject, code)
        happening = Happening(key=key, change=Change(step.verb), at=at, since=at)
        self.played.replay.tell(till_place(step.where), happening, now)

    def _hear_of(self, step: Step, now: datetime) -> None:
        for till in self._named(step.where):
            self.heard[till] = None if step.verb == "heard" else now
            if step.verb == "stops":
                self.stopped[till] = now
            elif step.verb == "heard":
                self.stopped.pop(till, None)

    def _by_hand(self, step: Step) -> None:
        """A person resolves what is open."""
        book = self.played.book
        for known in book.open():
            if known.spot.place == step.where and known.spot.code == step.rest[0]:
                book._unlist(known)
                book.incidents[known.id] = _closed(known)

    def _named(self, where: str) -> list[str]:
        """ "1/2", "1/*", "*"."""
        shop, _slash, till = where.partition("/")
        if shop == "*":
            return list(self.heard)
        return self.tills[int(shop)] if till == "*" else [where]

    def _tick(self, now: datetime) -> None:
        replay = self.played.replay
        patrol = Patrol(replay.driver, LIMIT, lambda name: self.place(f"area/{name}"))
        self._hear(patrol, now)
        replay.tick(now)
        patrol.go(self._silent_shops(now), self._already(now), now)
        patrol.areas_back(self._areas(), now)
        for known in replay.book.open():
            if not known.why:
                self.played.told.add(known.id)

    def _up(self, name: str, key: Key) -> bool:
        watch = self.played.book.watch((name, key.kind.value, key.id, key.code))  # type: ignore[arg-type]
        return watch is not None and watch.up_at is not None

    def _hear(self, patrol: Patrol, now: datetime) -> None:
        for shop, tills in self.tills.items():
            back = [
                self.place(till_place(t))
                for t in tills
                if self.heard[t] is None and self._up(till_place(t), SILENT_KEY)
            ]
            if self._up(site_place(shop), SITE_KEY) and any(self.heard[t] is None for t in tills):
                back.append(self.place(site_place(shop)))
            patrol.back(back, now)

    def _silent_shops(self, now: datetime) -> Iterator[ShopNow]:
        if not self._quiet(now, LIMIT):
            return
        near = self._quiet(now, LIMIT - together(LIMIT))
        for shop, tills in self.tills.items():
            if not near.intersection(tills):
                continue
            listed = tuple(
                (
                    Till(id=t, heard_at=self.heard[t] or now, stopped_at=self.stopped.get(t)),
                    self.place(till_place(t)),
                )
                for t in tills
            )
            yield ShopNow(id=shop, place=self.place(site_place(shop)), tills=listed)

    def _quiet(self, now: datetime, limit: timedelta) -> set[str]:
        """Silent for so long, and nobody was told of it."""
        return {
            till
            for till, at in self.heard.items()
            if at is not None and now - at > limit and not self._up(till_place(till), SILENT_KEY)
        }

    def _already(self, now: datetime) -> list[Shop]:
        return [
            Shop(id=known.site, since=known.since, areas=self.place(known.spot.place).areas)
            for known in self.played.book.open()
            if known.spot.code == "site.offline" and known.site is not None and known.lasting
        ]

    def _areas(self) -> list[str]:
        open_ = [known for known in self.played.book.open() if known.spot.code == "site.offline"]
        return [k.spot.place.removeprefix("area/") for k in open_ if k.spot.place.startswith("area/")]


def shop_rows(scenario: Scenario) -> Iterator[dict[str, Any]]:
    yield from scenario.get("shops", [])
    many = scenario.get("many")
    if many:
        for n in range(many["shops"]):
            row = {"id": n + 1, "tills": many.get("tills", 1)}
            for kind in ("provider", "region"):
                if names := many.get(kind + "s"):
                    row[kind] = names[n % len(names)]
            yield row


def window(row: dict[str, Any]) -> Window:
    return Window(
        id=1,
        begins_at=datetime.fromisoformat(row["from"]),
        ends_at=datetime.fromisoformat(row["to"]),
        days=tuple(row.get("days", ())),
        begin=_minute(row.get("begin", "00:00")),
        end=_minute(row.get("end", "00:00")),
        device=row.get("device", ""),
    )


def _minute(text: str) -> int:
    found = time.fromisoformat(text)
    return found.hour * 60 + found.minute


def _closed(known: Known) -> Known:
    return replace(known, open=False, by_itself=False)


def kind_of(code: str, subject: str) -> SubjectKind:
    if code.startswith("backup."):
        return SubjectKind.BACKUP
    return SubjectKind.DEVICE if subject else SubjectKind.TERMINAL


@cache
def name_of(spot: tuple[str, str, str, str]) -> str:
    place, _kind, subject, code = spot
    return " ".join(part for part in (place, subject, code) if part)


def state_of(known: Known) -> str:
    if not known.open:
        return "resolved" if known.by_itself else "done"
    return "holds" if known.cleared_at else "open"


def line_of(played: Played, known: Known) -> str:
    """One incident in the words of the vectors."""
    book = played.book
    count = book.stories[known.id].count
    text = f"{name_of(known.spot)}: {state_of(known)} {known.severity.value}"
    text += f" x{count}" if count > 1 else ""
    if known.cause is not None:
        return f"{text} ({known.why}: {name_of(book.incidents[known.cause].spot)})"
    return f"{text} ({known.why})" if known.why else text


def lines(played: Played) -> list[str]:
    """Every incident, by place and then by time."""
    rows = sorted(played.book.incidents, key=lambda known: (name_of(known.spot), known.opened_at))
    return [line_of(played, known) for known in rows]


def end_state(played: Played) -> list[tuple[str, datetime]]:
    """What must be the same however it was told: every incident, and when it opened."""
    return sorted((line_of(played, known), known.opened_at) for known in played.book.incidents)


def told(played: Played) -> list[str]:
    """The incidents that stood on their own at some look, so that somebody was told."""
    return sorted(name_of(played.book.incidents[number].spot) for number in played.told)


def tally(played: Played) -> dict[str, int]:
    return dict(Counter(known.spot.code for known in played.book.incidents))


def states(played: Played) -> dict[str, str]:
    return {name_of(known.spot): state_of(known) for known in played.book.incidents}


def opened(played: Played, world: World) -> dict[str, float]:
    return {name_of(k.spot): (k.opened_at - world.start).total_seconds() for k in played.book.incidents}

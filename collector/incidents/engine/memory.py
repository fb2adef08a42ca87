"""Incidents in memory: for looking back over a stored period, for the scenarios and for the benchmark."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush

from collector.incidents.engine.cause import CAUSES
from collector.incidents.engine.decisions import (
    Clear,
    Decision,
    Escalate,
    Open,
    Release,
    Reopen,
    Repeat,
    Resolve,
    Suppress,
)
from collector.incidents.engine.facts import Known, Spot, Watch, Why
from collector.incidents.engine.place import Place


@dataclass(slots=True)
class Story:
    """What became of one incident: how often its fault came, how often the incident was reopened, and its steps."""

    count: int = 1
    steps: list[tuple[str, datetime]] = field(default_factory=list)
    resolved_at: datetime | None = None


class Memory:
    """`place` finds a place by its name."""

    def __init__(self, place: Callable[[str], Place]) -> None:
        self.incidents: list[Known] = []
        self.stories: list[Story] = []
        self._place = place
        self._watches: dict[Spot, Watch] = {}
        self._newest: dict[Spot, int] = {}
        self._open_in: dict[str, dict[int, None]] = {}
        self._causes_in: dict[str, dict[int, None]] = {}
        self._of_shop: dict[int, dict[int, None]] = {}
        self._effects: dict[int, dict[int, None]] = {}
        self._standing: dict[str, list[tuple[datetime, int]]] = {}
        self._stormed: dict[str, list[datetime]] = {}
        self._due: list[tuple[datetime, Spot]] = []
        self._ended: dict[int, None] = {}
        self._maintained: dict[int, None] = {}

    def watch(self, spot: Spot) -> Watch | None:
        return self._watches.get(spot)

    def keep(self, watch: Watch) -> None:
        self._watches[watch.spot] = watch
        if watch.due_at is not None:
            heappush(self._due, (watch.due_at, watch.spot))

    def newest(self, spot: Spot) -> Known | None:
        found = self._newest.get(spot)
        return None if found is None else self.incidents[found]

    def get(self, incident: int) -> Known | None:
        return self.incidents[incident]

    def place_of(self, known: Known) -> Place:
        return self._place(known.spot.place)

    def around(self, place: Place, codes: Iterable[str]) -> Iterator[Known]:
        """Only of `cause.CAUSES`, which is all that is asked for."""
        names = [place.name, *(f"area/{area}" for area in place.areas)]
        if place.site is not None:
            names.append(f"site/{place.site}")
        for name in names:
            for number in self._causes_in.get(name, ()):
                if self.incidents[number].spot.code in codes:
                    yield self.incidents[number]

    def within(self, cause: Known) -> list[Known]:
        if cause.terminal:
            numbers: Iterable[int] = self._open_in.get(cause.spot.place, ())
        elif cause.site is not None:
            numbers = self._of_shop.get(cause.site, ())
        else:
            numbers = [n for name, group in self._open_in.items() if name.startswith("site/") for n in group]
        return [self.incidents[n] for n in numbers if not self.incidents[n].why]

    def effects(self, cause: int) -> Iterator[Known]:
        return (self.incidents[number] for number in self._effects.get(cause, ()))

    def standing(self, code: str, since: datetime, until: datetime, most: int) -> list[Known]:
        times = self._standing.get(code, [])
        found = times[bisect_left(times, (since, -1)) :][:most]
        return [self.incidents[n] for at, n in found if at <= until]

    def stormed(self, code: str, since: datetime, until: datetime) -> bool:
        times = self._stormed.get(code, [])
        found = bisect_left(times, since)
        return found < len(times) and times[found] <= until

    def due(self, now: datetime) -> Iterator[Spot]:
        """Those whose time has come, each once, in the order of their times. What a look at them makes due at once is
        among them."""
        while self._due and self._due[0][0] <= now:
            at, spot = heappop(self._due)
            watch = self._watches.get(spot)
            if watch is not None and watch.due_at == at:
                yield spot

    def next_due(self) -> datetime | None:
        while self._due:
            at, spot = self._due[0]
            watch = self._watches.get(spot)
            if watch is not None and watch.due_at == at:
                return at
            heappop(self._due)
        return None

    def doubtful(self) -> list[Known]:
        """Those whose cause has ended since this was asked last, and those that a window keeps."""
        causes, self._ended = self._ended, {}
        numbers = [n for cause in causes for n in self._effects.get(cause, ())]
        return [self.incidents[n] for n in (*numbers, *self._maintained)]

    def open_in(self, place: str) -> list[Known]:
        return [self.incidents[n] for n in self._open_in.get(place, ())]

    def open(self) -> list[Known]:
        return [self.incidents[n] for group in self._open_in.values() for n in group]

    def write(self, decision: Decision, place: Place, now: datetime) -> Known:  # noqa: ARG002 - as a Book
        if isinstance(decision, Open):
            return self._open(decision, place)
        before = self.incidents[decision.incident]
        after = self._changed(before, decision)
        self.incidents[before.id] = after
        self._note(decision, after)
        return after

    def _open(self, decision: Open, place: Place) -> Known:
        known = Known(
            id=len(self.incidents),
            spot=decision.spot,
            rule=decision.rule,
            severity=decision.severity,
            since=decision.since,
            opened_at=decision.at,
            terminal=place.terminal,
            site=place.site,
        )
        self.incidents.append(known)
        self.stories.append(Story(steps=[("Open", decision.at)]))
        self._newest[decision.spot] = known.id
        self._list(known)
        return known

    def _changed(self, before: Known, decision: Decision) -> Known:
        after = before
        match decision:
            case Clear():
                after = before._replace(cleared_at=decision.at)
            case Reopen():
                after = self._reopened(before)
            case Resolve():
                self._unlist(before)
                after = before._replace(open=False, by_itself=True)
            case Escalate():
                after = before._replace(severity=decision.severity)
            case Suppress():
                after = self._suppressed(before, decision)
            case Release():
                self._let_go(before)
                after = before._replace(why="", cause=None)
                self._stand(after)
        return after

    def _suppressed(self, before: Known, decision: Suppress) -> Known:
        self._let_go(before)
        if decision.why == Why.MAINTENANCE:
            self._maintained[before.id] = None
        if decision.cause is not None:
            self._effects.setdefault(decision.cause, {})[before.id] = None
        if decision.why == Why.STORM:
            insort(self._stormed.setdefault(before.spot.code, []), before.opened_at)
        return before._replace(why=decision.why, cause=decision.cause)

    def _reopened(self, before: Known) -> Known:
        if before.open:
            return before._replace(cleared_at=None)
        after = before._replace(open=True, cleared_at=None, by_itself=False, why="", cause=None)
        self._list(after)
        return after

    def _note(self, decision: Decision, after: Known) -> None:
        story = self.stories[after.id]
        if isinstance(decision, Repeat | Reopen):
            story.count += 1
        if isinstance(decision, Resolve):
            story.resolved_at = decision.at
        elif isinstance(decision, Reopen):
            story.resolved_at = None
        if isinstance(decision, Repeat | Reopen | Clear) and decision.quiet:
            return
        story.steps.append((type(decision).__name__, decision.at))

    def _list(self, known: Known) -> None:
        self._open_in.setdefault(known.spot.place, {})[known.id] = None
        if known.spot.code in CAUSES:
            self._causes_in.setdefault(known.spot.place, {})[known.id] = None
        if known.site is not None:
            self._of_shop.setdefault(known.site, {})[known.id] = None
        self._stand(known)

    def _stand(self, known: Known) -> None:
        if known.terminal or known.site is not None:
            insort(self._standing.setdefault(known.spot.code, []), (known.opened_at, known.id))

    def _unlist(self, known: Known) -> None:
        self._open_in[known.spot.place].pop(known.id, None)
        self._causes_in.get(known.spot.place, {}).pop(known.id, None)
        if known.site is not None:
            self._of_shop[known.site].pop(known.id, None)
        if self._effects.get(known.id):
            self._ended[known.id] = None
        self._let_go(known)

    def _let_go(self, known: Known) -> None:
        """It is neither suppressed nor does it stand."""
        self._maintained.pop(known.id, None)
        times = self._standing.get(known.spot.code, [])
        found = bisect_left(times, (known.opened_at, known.id))
        if found < len(times) and times[found] == (known.opened_at, known.id):
            del times[found]
        if known.cause is not None:
            self._effects.get(known.cause, {}).pop(known.id, None)

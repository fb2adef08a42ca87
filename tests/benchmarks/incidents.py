"""What incidents cost. The engine alone, on one core with many incidents open; and a storm of events through a real
collector on SQLite, worked off while somebody reads the pages of the desk. python -m tests.benchmarks.incidents
[EVENTS [STORM]] prints one JSON line per figure."""

import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import process_time

import requests

from collector.core import clock
from collector.incidents.engine.facts import Happening, Key, till_place
from collector.incidents.engine.place import Here
from collector.incidents.engine.policy import Rules
from collector.incidents.engine.replay import Replay
from collector.incidents.rules import RULES
from protocols.wire import v1
from tests.benchmarks.figure import Figure
from tests.collector.served import Served, Till

OPEN = 10_000
START = datetime(2026, 5, 4, 9, tzinfo=UTC)
STAYS = ("host.disk_low", "fiscal.memory_near_full")
"""What many tills have, and nobody does anything about."""
COMES = (
    "printer.paper_end",
    "printer.cover_open",
    "printer.offline",
    "drawer.open_too_long",
    "device.no_reply",
)
PASSWORD = "kafija un maize"
TILLS = 24
REPORT = 50
Told = tuple[str, Happening, datetime]


def told(place: str, code: str, raised: bool, at: datetime) -> Told:
    kind = v1.SubjectKind.TERMINAL if code.startswith("host.") else v1.SubjectKind.DEVICE
    key = Key(kind, "" if kind is v1.SubjectKind.TERMINAL else "printer", code)
    change = v1.Change.RAISED if raised else v1.Change.CLEARED
    return place, Happening(key=key, change=change, at=at, since=at), at


def engine_with(open_: int) -> tuple[Replay, list[str]]:
    """A replay with so many incidents open, ten tills a shop."""
    count = open_ // len(STAYS)
    places = {
        till_place(str(n)): Here(
            name=till_place(str(n)),
            terminal=str(n),
            site=n // 10,
            areas=(f"provider:{n % 3}", f"region:{n % 7}"),
        )
        for n in range(count)
    }
    world = Replay(
        lambda name: places.get(name) or Here(name=name), Rules.of(RULES, {"device": 4.0, "host": 30.0})
    )
    for n, place in enumerate(places):
        for code in STAYS:
            at = START + timedelta(seconds=n * 10)
            world.tell(*told(place, code, True, at))
    return world, list(places)


def events(places: Sequence[str], count: int) -> list[Told]:
    """Faults that come and go, of all tills in any order, twenty a second by their own clocks."""
    rng = random.Random(4)
    up: set[tuple[str, str]] = set()
    found = []
    base = START + timedelta(days=1)
    for n in range(count):
        one = (rng.choice(places), rng.choice(COMES))
        found.append(told(*one, one not in up, base + timedelta(milliseconds=50 * n)))
        up ^= {one}
    return found


def engine(count: int) -> None:
    """With a tick each second, as the collector has it. In processor time: others may use the machine."""
    world, places = engine_with(OPEN)
    stories = events(places, count)
    opened = len(world.book.open())
    began_s, next_tick = process_time(), stories[0][2]
    for place, happening, now in stories:
        if now >= next_tick:
            world.tick(now)
            next_tick = now + timedelta(seconds=1)
        world.tell(place, happening, now)
    spent_s = process_time() - began_s
    Figure("incidents", "engine_events", count / spent_s, "1/s", 20_000, at_least=True).tell(
        open_before=opened, open_after=len(world.book.open()), events=count
    )


def reports_of(till: Till, count: int, rng: random.Random) -> Iterator[list[v1.AnyMessage]]:
    seq, up = 0, set[str]()
    while seq < count:
        batch: list[v1.AnyMessage] = []
        for _ in range(min(REPORT, count - seq)):
            seq += 1
            code = rng.choice(COMES)
            change = v1.Change.CLEARED if code in up else v1.Change.RAISED
            up ^= {code}
            now = clock.now()
            subject = v1.Subject(kind=v1.SubjectKind.DEVICE, id="printer")
            batch.append(v1.Event(seq=seq, at=now, subject=subject, code=code, change=change, since=now))
        yield batch


def send(till: Till, count: int) -> int:
    sent = 0
    for batch in reports_of(till, count, random.Random(till.id)):
        while True:
            answer = till.report(*batch)
            if answer.ok:
                break
            Event().wait(0.2)  # the door is full: it says when to come again
        sent += len(batch)
    return sent


def signed_in(served: Served) -> requests.Session:
    served.cli("user", "add", "anna", "--role", "manager", "--password-stdin", stdin=PASSWORD)
    session = requests.Session()
    session.verify, session.trust_env = served.authority, False
    served.sessions.append(session)
    session.get(f"{served.url}/sign-in", timeout=30)
    form = {"username": "anna", "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    answer = session.post(
        f"{served.url}/sign-in", form, headers={"Referer": f"{served.url}/sign-in"}, timeout=30
    )
    assert answer.ok, answer.text
    assert "sign-in" not in answer.url, "signed in"
    return session


def read_pages(session: requests.Session, url: str, stop: Event) -> list[float]:
    """As one person does who never rests for longer than a quarter of a second."""
    waits: list[float] = []
    pages = ("/", "/incidents/", "/incidents/?show=all&sort=newest", "/devices/")
    while not stop.is_set():
        for page in pages:
            began_s = clock.monotonic()
            answer = session.get(f"{url}{page}", timeout=60)
            waits.append(clock.monotonic() - began_s)
            assert answer.ok, (page, answer.status_code)
            stop.wait(0.25)
    return waits


def p95_ms(waits: Sequence[float]) -> float:
    return sorted(waits)[int(len(waits) * 0.95)] * 1e3


def storm(served: Served, count: int, tills: int = TILLS) -> dict[str, float]:
    """Figures of a storm of so many events, in all told by so many tills."""
    tellers = [served.terminal() for _ in range(tills)]
    session, stop = signed_in(served), Event()
    with ThreadPoolExecutor(tills + 1) as pool:
        quiet = Event()
        calm = pool.submit(read_pages, session, served.url, quiet)
        quiet.wait(4)
        quiet.set()
        before = calm.result()
        reader = pool.submit(read_pages, session, served.url, stop)
        began_s = clock.monotonic()
        sent = sum(pool.map(lambda till: send(till, count // tills), tellers))
        spent_s = clock.monotonic() - began_s
        stop.set()
        waits = reader.result()
    stored = served.rows("SELECT COUNT(*) FROM ingest_message WHERE kind = 'event'")[0][0]
    assert stored == sent, (stored, sent)
    return {
        "events": sent,
        "events_per_s": sent / spent_s,
        "pages": len(waits),
        "before_p95_ms": p95_ms(before),
        "p50_ms": sorted(waits)[len(waits) // 2] * 1e3,
        "p95_ms": p95_ms(waits),
    }


def main(count: int, storm_events: int) -> None:
    engine(count)
    with TemporaryDirectory() as folder, Served(Path(folder) / "collector") as served:
        found = storm(served, storm_events)
    shown = {name: round(value, 1) for name, value in found.items() if name != "p95_ms"}
    Figure("incidents", "storm_pages_p95", found["p95_ms"], "ms", 300).tell(**shown)


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[1:]]
    main(given[0] if given else 200_000, given[1] if len(given) > 1 else 100_000)

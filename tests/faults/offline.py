"""A till that was without a line for thirty days, and what its sender does when the line is back."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

from agent.runtime.clock import SystemClock
from agent.spool import Spool
from agent.uplink import identity
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from protocols.wire import v1

DAYS = 30
DEVICES = ("printer", "fiscal", "drawer")
TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)
_PER_PUT = 2000


class SteppedClock:
    """Stands where it is put; waiting takes no time."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def wait(self, event: Event, _timeout_s: float) -> bool:
        return event.is_set()


def fill(file: Path, until: datetime, every: timedelta) -> tuple[int, int]:
    """Put thirty days of figures and states at this pace, and some events a day. The numbers of messages of the two
    lanes."""
    clock = SteppedClock(until - timedelta(days=DAYS))
    ordered = loose = 0
    with Spool(file, clock, owner=True) as spool:
        waiting: list[v1.AnyMessage] = []
        for message in _life(clock, until, every):
            waiting.append(message)
            ordered += message.kind == "event"
            loose += message.kind != "event"
            if len(waiting) == _PER_PUT:
                spool.put_all(waiting)
                waiting = []
        spool.put_all(waiting)
    return ordered, loose


def _life(clock: SteppedClock, until: datetime, every: timedelta) -> Iterator[v1.AnyMessage]:
    count = 0
    while clock.at < until:
        clock.at += every
        count += 1
        yield v1.Sample(seq=1, at=clock.at, subject=TILL, values={"cpu_percent": float(count)})
        for device in DEVICES:
            state: v1.Detail = {"paper_end": bool(count % 2), "receipt_open": False}
            reason = f"look {count}"
            yield v1.State(
                seq=1, at=clock.at, device=device, contact=v1.Contact.OK, reason=reason, state=state
            )
        if count % 12 == 0:
            change = v1.Change.RAISED if count % 24 else v1.Change.CLEARED
            subject = v1.Subject(kind=v1.SubjectKind.DEVICE, id="printer")
            yield v1.Event(
                seq=1, at=clock.at, subject=subject, code="printer.paper_end", change=change, since=clock.at
            )


def client_of(me: identity.Identity, clock: SteppedClock) -> Client:
    trust = trust_only(me.ca_file.read_text("ascii"))
    return Client(Connection(me.collector, trust), me.key, me.terminal, clock)


def now() -> datetime:
    return SystemClock().now()

"""What the engine is told and what it knows: faults, where they are, and the incidents that were opened for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Self

from protocols.status.faults import Severity
from protocols.wire.v1 import Change, SubjectKind

RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.ERROR: 2, Severity.CRITICAL: 3}
NONE = timedelta()
MARKS = 32
"""So many comings and goings of a fault are remembered."""


@dataclass(frozen=True, slots=True)
class Key:
    """A fault of one place: what it is about, and its code."""

    kind: SubjectKind
    id: str
    code: str


class Spot(NamedTuple):
    """A fault and its place: at most one incident is open for it. `place` is "till/ID", "site/ID" or "area/NAME"."""

    place: str
    kind: str
    id: str
    code: str

    @classmethod
    def of(cls, place: str, key: Key) -> Self:
        return cls(place, key.kind.value, key.id, key.code)


def till_place(terminal: str) -> str:
    return f"till/{terminal}"


def site_place(site: int) -> str:
    return f"site/{site}"


def area_place(area: str) -> str:
    return f"area/{area}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A fault began or ended. `since`: when the condition was first seen."""

    key: Key
    change: Change
    at: datetime
    since: datetime
    reason: str = ""

    @property
    def raised(self) -> bool:
        return self.change is Change.RAISED


class Why(StrEnum):
    """Why nobody is told of an incident."""

    CAUSE = "cause"
    MAINTENANCE = "maintenance"
    STORM = "storm"


@dataclass(slots=True)
class Known:
    """The newest incident of a spot; only its book changes it. `cleared_at`: the fault is gone
    and the hold runs, or ran. `by_itself`: it ended so, and nobody had a hand in it. `cause` and `why` while it is
    suppressed."""

    id: int
    spot: Spot
    rule: str
    severity: Severity
    since: datetime
    opened_at: datetime
    open: bool = True
    terminal: str = ""
    site: int | None = None
    cleared_at: datetime | None = None
    by_itself: bool = False
    cause: int | None = None
    why: str = ""

    @property
    def lasting(self) -> bool:
        return self.open and self.cleared_at is None


def mark_of(at: datetime, raised: bool) -> int:
    """Microseconds since 1970, and in the lowest bit whether the fault came."""
    whole = at.timestamp()
    return (int(whole) * 1_000_000 + at.microsecond) * 2 + raised


def raises(marks: Sequence[int]) -> list[int]:
    """When it came, in microseconds."""
    return [mark >> 1 for mark in marks if mark & 1]


@dataclass(slots=True)
class Watch:
    """What is remembered of a spot whether or not an incident is open; who judges the spot changes it, and keeps it
    then. `up_at`: the fault is there, since it was last told to come. `waits`: it has what it takes to open, but for
    time. `ahead`: how much the server's clock is ahead of that of who told."""

    spot: Spot
    marks: tuple[int, ...] = ()
    up_at: datetime | None = None
    since: datetime | None = None
    waits: bool = False
    flapping_since: datetime | None = None
    reason: str = ""
    ahead: timedelta = NONE
    due_at: datetime | None = None

    @classmethod
    def of(cls, spot: Spot, known: Known | None) -> "Watch":
        """Of a spot that was not watched yet; its incident may be older than this."""
        if known is None or not known.lasting:
            return cls(spot)
        return cls(spot, up_at=known.opened_at, since=known.since)

    def hear(self, happening: Happening, mark: int, ahead: timedelta) -> None:
        """`mark`: that of the happening."""
        self.marks = (*self.marks[-MARKS + 1 :], mark)
        self.ahead = ahead
        if not happening.raised:
            self.up_at, self.waits = None, False
            return
        if self.up_at is None:
            self.up_at, self.since = happening.at, happening.since
        self.reason = happening.reason or self.reason

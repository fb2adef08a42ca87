"""What can be decided. Each is one row in the life of an incident, but for the quiet ones, which only count.
Tuples, because nearly every event makes one."""

from datetime import datetime
from typing import NamedTuple

from collector.incidents.engine.facts import Spot
from protocols.status.faults import Severity


class Open(NamedTuple):
    spot: Spot
    rule: str
    severity: Severity
    at: datetime
    since: datetime
    reason: str


class Repeat(NamedTuple):
    """Seen again while open; counts. `quiet`: it comes and goes, and another row would say nothing new."""

    incident: int
    at: datetime
    reason: str
    quiet: bool = False


class Clear(NamedTuple):
    """The fault is gone; the incident resolves itself after `hold_s` unless it comes back."""

    incident: int
    at: datetime
    hold_s: float
    quiet: bool = False


class Reopen(NamedTuple):
    """It came back within its window: the same incident goes on; counts."""

    incident: int
    at: datetime
    reason: str
    quiet: bool = False


class Resolve(NamedTuple):
    """By itself, the hold time being over at `at`."""

    incident: int
    at: datetime


class Escalate(NamedTuple):
    """Graver than before: it lasts, or trade began."""

    incident: int
    at: datetime
    severity: Severity


class Flap(NamedTuple):
    """It comes and goes so often that it stays open until it was calm for a while."""

    incident: int
    at: datetime


class Suppress(NamedTuple):
    """Nobody is told of it: it is an effect of `cause`, or expected."""

    incident: int
    at: datetime
    why: str
    cause: int | None = None


class Release(NamedTuple):
    """What suppressed it is over, and it lasts: from now on it stands on its own."""

    incident: int
    at: datetime


Decision = Open | Repeat | Clear | Reopen | Resolve | Escalate | Flap | Suppress | Release

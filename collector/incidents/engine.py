"""What one happening means for the incidents of one fault. Pure: it knows no database and no clock; `apply`
writes what it decides. Every time in it is the clock of who told (the terminal's for its own faults)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from protocols.status.faults import FAULTS, Severity
from protocols.wire.v1 import Change, SubjectKind


@dataclass(frozen=True, slots=True)
class Key:
    """At most one incident is open per key and terminal."""

    kind: SubjectKind
    id: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A fault began or ended. `since`: when the condition was first seen."""

    key: Key
    change: Change
    at: datetime
    since: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The newest incident of a key. `cleared_at`: the fault is gone and the hold runs. `resolved_at` with
    `by_itself`: the hold ended and nobody had a hand in it."""

    id: int
    rule: str
    open: bool
    cleared_at: datetime | None = None
    by_itself: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """What the rules may know of where it happens. `hold_s`: rule name -> seconds."""

    hold_s: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    key: Key
    rule: str
    severity: Severity
    at: datetime
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """Seen again while open; counts."""

    incident: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Clear:
    """The fault is gone; the incident resolves itself after `hold_s` unless it comes back."""

    incident: int
    at: datetime
    hold_s: float


@dataclass(frozen=True, slots=True)
class Reopen:
    """It came back within the hold time: the same incident goes on; counts."""

    incident: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Resolve:
    """By itself, the hold time being over at `at`."""

    incident: int
    at: datetime


Decision = Open | Repeat | Clear | Reopen | Resolve


class Rule(Protocol):
    """One kind of fault. `applies` says whether the code is its own; `decide` is called for these only and
    must not keep anything between calls."""

    name: str

    def applies(self, code: str) -> bool: ...

    def decide(self, happening: Happening, known: Known | None, place: Place) -> list[Decision]: ...


def decide(happening: Happening, known: Known | None, place: Place, rules: Sequence[Rule]) -> list[Decision]:
    """The first rule that the code belongs to decides; nothing for a code that is not in the closed list,
    which a newer agent may send: it stays on the timeline."""
    if happening.key.code not in FAULTS:
        return []
    for rule in rules:
        if rule.applies(happening.key.code):
            return rule.decide(happening, known, place)
    return []


def follow(rule: str, happening: Happening, known: Known | None, place: Place) -> list[Decision]:
    """The life that nearly every fault has: open once, count repeats, clear, hold, resolve; back within the
    hold time means the same incident."""
    if happening.change is Change.CLEARED:
        return _cleared(rule, happening, known, place)
    opening = Open(
        key=happening.key,
        rule=rule,
        severity=FAULTS[happening.key.code].severity,
        at=happening.at,
        since=happening.since,
        reason=happening.reason,
    )
    if known is None:
        return [opening]
    if known.cleared_at is None:
        return [Repeat(known.id, happening.at, happening.reason)] if known.open else [opening]
    return _came_back(opening, known, place)


def due(known: Known, place: Place) -> Resolve | None:
    """The end of the hold time that runs, if one does. The caller knows whether it has come."""
    if not known.open or known.cleared_at is None:
        return None
    return Resolve(known.id, known.cleared_at + timedelta(seconds=place.hold_s.get(known.rule, 0)))


def _cleared(rule: str, happening: Happening, known: Known | None, place: Place) -> list[Decision]:
    if known is None or not known.open or known.cleared_at is not None:
        return []
    return [Clear(known.id, happening.at, place.hold_s.get(rule, 0))]


def _came_back(opening: Open, known: Known, place: Place) -> list[Decision]:
    """Judged by the times of the one who told, so that a backlog gives the same history in any number of
    reports."""
    assert known.cleared_at is not None  # noqa: S101 - asked before
    hold_ends = known.cleared_at + timedelta(seconds=place.hold_s.get(known.rule, 0))
    if opening.at < hold_ends and (known.open or (known.by_itself and opening.at >= known.cleared_at)):
        return [Reopen(known.id, opening.at, opening.reason)]
    return [Resolve(known.id, hold_ends), opening] if known.open else [opening]

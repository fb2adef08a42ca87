"""Who is told of a turn of an incident. Pure: turns, wishes and what was told already in; decisions out. One message
per cause: an incident that is the effect of another, or expected, is told to nobody."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.notify.hours import Week, next_open
from protocols.status.faults import Severity

RANK: Mapping[str, int] = {severity.value: place for place, severity in enumerate(Severity)}
BEGINS = frozenset({"opened", "reopened", "released", "escalated", "major"})
ENDS = frozenset({"resolved", "closed", "cancelled", "merged"})
SILENCES = "suppressed"
ASSIGNS = "assigned"
HEARD = BEGINS | ENDS | {SILENCES, ASSIGNS}
"""Kinds of transitions that may matter to somebody; all others are passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """`open`, `suppressed`, `severity` and `assignee`: of the incident as it is now, which may be later than the
    turn. `by`: who did it, None where Plomba did."""

    transition: int
    kind: str
    severity: str
    customer: int | None
    site: int | None
    open: bool
    suppressed: bool
    assignee: int | None = None
    by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desire:
    """What one address is to be told. Neither customers nor sites: everything."""

    address: int
    person: int
    severity: str
    zone: str
    hours: Week
    customers: frozenset[int] = frozenset()
    sites: frozenset[int] = frozenset()
    tells_end: bool = True

    def covers(self, turn: Turn) -> bool:
        somewhere = not (self.customers or self.sites)
        return RANK[turn.severity] >= RANK[self.severity] and (
            somewhere or turn.customer in self.customers or turn.site in self.sites
        )


@dataclass(frozen=True, slots=True)
class Belief:
    """What an address knows of an incident. `knows`: the last that it was told is that it began; `severity`: the
    gravest that it was told, or is about to be. `begin_waits`, `end_waits`: the telling that waits, 0 for none."""

    knows: bool = False
    severity: str = ""
    begin_waits: int = 0
    end_waits: int = 0


@dataclass(frozen=True, slots=True)
class Tell:
    address: int
    phase: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Drop:
    """What waits is not told: `why` is over, suppressed or reopened."""

    waiting: int
    why: str


Decision = Tell | Drop


def decide(
    turn: Turn,
    desires: Sequence[Desire],
    beliefs: Mapping[int, Belief],
    now: datetime,
    group: timedelta,
) -> list[Decision]:
    """At most one `Tell` per address. `beliefs` by address; every address that was told is in it."""
    if turn.kind in ENDS:
        return _ended(desires, beliefs, now, group)
    if turn.kind == ASSIGNS:
        return _assigned(turn, desires, now + group)
    if turn.suppressed or turn.kind == SILENCES:
        waiting = [belief.begin_waits for belief in beliefs.values() if belief.begin_waits]
        return [Drop(telling, "suppressed") for telling in waiting]
    if not turn.open:
        return []
    wanted = _by_address(desire for desire in desires if desire.covers(turn))
    found = (
        _began(turn, address, beliefs.get(address, Belief()), _due(own, now + group))
        for address, own in wanted.items()
    )
    return [decision for decision in found if decision]


def still_true(phase: str, *, is_open: bool, suppressed: bool, is_mine: bool) -> str:
    """Why a telling is not true any more when its time has come; empty where it is. `is_mine`: the incident is assigned
    to who is told."""
    if phase == "ended":
        return "reopened" if is_open else ""
    if not is_open:
        return "over"
    if phase == "assigned":
        return "" if is_mine else "reassigned"
    return "suppressed" if suppressed else ""


def _assigned(turn: Turn, desires: Sequence[Desire], at: datetime) -> list[Decision]:
    """To who shall work on it, whatever its severity and its place; not to who took it."""
    if not turn.open or turn.assignee is None or turn.assignee == turn.by:
        return []
    own = _by_address(desire for desire in desires if desire.person == turn.assignee)
    found = ((address, _due(wishes, at)) for address, wishes in own.items())
    return [Tell(address, "assigned", due_at) for address, due_at in found if due_at]


def _began(turn: Turn, address: int, belief: Belief, due_at: datetime | None) -> Decision | None:
    if belief.end_waits:
        return Drop(belief.end_waits, "reopened")
    graver = RANK[turn.severity] > RANK.get(belief.severity, -1) or turn.kind == "major"
    if belief.begin_waits or (belief.knows and not graver):
        return None
    return Tell(address, "graver" if belief.knows else "began", due_at) if due_at else None


def _ended(
    desires: Sequence[Desire], beliefs: Mapping[int, Belief], now: datetime, group: timedelta
) -> list[Decision]:
    """For those who know of it, in their hours, whatever of their wishes has changed since."""
    wishes = _by_address(desire for desire in desires if desire.tells_end)
    found: list[Decision] = []
    for address, belief in beliefs.items():
        if belief.begin_waits:
            found.append(Drop(belief.begin_waits, "over"))
        due_at = _due(wishes.get(address, []), now + group)
        if belief.knows and not belief.end_waits and due_at:
            found.append(Tell(address, "ended", due_at))
    return found


def _due(desires: Sequence[Desire], at: datetime) -> datetime | None:
    """The first moment in the hours of any of them."""
    moments = [next_open(desire.hours, desire.zone, at) for desire in desires]
    return min((moment for moment in moments if moment), default=None)


def _by_address(desires: Iterable[Desire]) -> dict[int, list[Desire]]:
    found: dict[int, list[Desire]] = {}
    for desire in desires:
        found.setdefault(desire.address, []).append(desire)
    return found


@dataclass(frozen=True, slots=True)
class Limits:
    group: timedelta
    most: int
    window: timedelta


def room_at(sent: Sequence[datetime], limits: Limits, now: datetime) -> datetime:
    """When an address may get its next message: now, or when enough of those it got in the window are past. `sent`:
    when each was written."""
    recent = sorted(at for at in sent if at > now - limits.window)
    return now if len(recent) < limits.most else recent[-limits.most] + limits.window


def is_last(sent: Sequence[datetime], limits: Limits, now: datetime) -> bool:
    """The next message is the last before the cap: it says so."""
    return sum(at > now - limits.window for at in sent) == limits.most - 1

"""The course of one fault in one place: what time alone brought, and what a report of it means. Judged by the times of
the one who told, so that a backlog gives the same history however late it comes and whenever somebody looks."""

from datetime import datetime, timedelta
from operator import itemgetter
from typing import NamedTuple

from collector.incidents.engine.decisions import (
    Clear,
    Decision,
    Escalate,
    Open,
    Reopen,
    Repeat,
    Resolve,
)
from collector.incidents.engine.facts import RANK, Happening, Known, Watch, raises
from collector.incidents.engine.place import Place
from collector.incidents.engine.policy import Policy, Rule
from protocols.status.faults import FAULTS, Severity

_LOWER = {Severity.CRITICAL: Severity.ERROR, Severity.ERROR: Severity.WARNING}


class Judged(NamedTuple):
    """By which rule, with which figures, and where."""

    rule: Rule
    policy: Policy
    place: Place


def next_at(watch: Watch, known: Known | None, by: Judged) -> datetime | None:
    """When time alone brings something, by the clock of who told."""
    if watch.waits:
        return opens_at(watch, by)
    if known is None or not known.open:
        return None
    if known.cleared_at is not None:
        return known.cleared_at + hold(watch, by.policy)
    graver = _graver(known, by)
    return graver[0] if graver else None


def brought(watch: Watch, known: Known | None, by: Judged, at: datetime) -> Decision:
    """What time alone brings at the moment that `next_at` told."""
    if watch.waits:
        return _opening(watch, known, by, at)
    assert known is not None  # noqa: S101 - next_at told a time for it
    if known.cleared_at is not None:
        return Resolve(known.id, at)
    graver = _graver(known, by)
    assert graver is not None  # noqa: S101 - likewise
    return Escalate(known.id, graver[0], graver[1])


def opens_at(watch: Watch, by: Judged) -> datetime:
    """When the fault that waits will have lasted long enough, and nobody works there any more."""
    assert watch.up_at is not None  # noqa: S101 - only what is there waits
    at = watch.up_at + by.policy.spans.wait
    return by.place.maintained_until(at, device_of(watch)) or at


def device_of(watch: Watch) -> str:
    return watch.spot.id if watch.spot.kind == "device" else ""


def hold(watch: Watch, policy: Policy) -> timedelta:
    return policy.spans.hold if watch.flapping_since is None else policy.spans.calm


def is_double(watch: Watch, mark: int) -> bool:
    """Told before, with the same time."""
    return mark in watch.marks


def hear(watch: Watch, known: Known | None, happening: Happening, by: Judged) -> Decision | None:
    """What a report means, after time has brought everything up to then. `watch` has heard it already; what waits then
    is for time again."""
    if happening.raised:
        return _raised(watch, known, happening, by.policy)
    return _cleared(watch, known, happening, by.policy)


def _raised(watch: Watch, known: Known | None, happening: Happening, policy: Policy) -> Decision | None:
    was_flapping = watch.flapping_since is not None
    if not was_flapping and _flaps(watch, policy):
        watch.flapping_since = happening.at
    if known is None or not known.open:
        watch.waits = watch.waits or _enough(watch, policy)
    elif known.cleared_at is not None:
        return Reopen(known.id, happening.at, happening.reason, was_flapping)
    elif policy.repeats:
        return Repeat(known.id, happening.at, happening.reason, was_flapping)
    return None


def _cleared(watch: Watch, known: Known | None, happening: Happening, policy: Policy) -> Decision | None:
    if known is None or not known.lasting:
        return None
    if policy.good > 1 and any(mark & 1 for mark in watch.marks[-policy.good :]):
        return None
    flapping = watch.flapping_since is not None
    return Clear(known.id, happening.at, policy.calm_s if flapping else policy.hold_s, flapping)


def _enough(watch: Watch, policy: Policy) -> bool:
    """`need` of the last `of` reports within the window say that it is there."""
    if policy.need == 1:
        return True
    from_us = (watch.marks[-1] >> 1) - policy.spans.window_us
    last = [mark for mark in watch.marks[-policy.of :] if mark >> 1 >= from_us]
    return sum(mark & 1 for mark in last) >= policy.need


def _flaps(watch: Watch, policy: Policy) -> bool:
    """A fault that is told again and again without having gone does not flap."""
    if len(watch.marks) < 2 * policy.flaps - 1:
        return False
    came = raises(watch.marks)
    if len(came) < policy.flaps or len(watch.marks) - len(came) < policy.flaps - 1:
        return False
    return came[-1] - came[-policy.flaps] <= policy.spans.flap_us


def _opening(watch: Watch, known: Known | None, by: Judged, at: datetime) -> Decision:
    assert watch.up_at is not None  # noqa: S101 - it waits, so it is there
    if known is not None and _same(known, watch.up_at, by.policy):
        return Reopen(known.id, at, watch.reason, watch.flapping_since is not None)
    severity = FAULTS[watch.spot.code].severity
    if by.policy.trading and not by.place.trading(at):
        severity = _LOWER.get(severity, severity)
    return Open(
        spot=watch.spot,
        rule=by.rule.name,
        severity=severity,
        at=at,
        since=watch.since or watch.up_at,
        reason=watch.reason,
    )


def _same(known: Known, up_at: datetime, policy: Policy) -> bool:
    """Back within its window after it ended by itself."""
    if known.open or not known.by_itself or known.cleared_at is None:
        return False
    return known.cleared_at <= up_at < known.cleared_at + policy.spans.same


def _graver(known: Known, by: Judged) -> tuple[datetime, Severity] | None:
    """When it becomes graver than it is, and how grave."""
    base = FAULTS[known.spot.code].severity
    steps = by.policy.spans.graver[known.severity]
    if not steps and known.severity is base:
        return None
    found = [(_in_trade(known.since + after, by), severity) for after, severity in steps]
    if by.policy.trading and RANK[base] > RANK[known.severity]:
        begins = by.place.trade_begins(known.opened_at)
        if begins is not None:
            found.append((begins, base))
    return min(found, key=_when) if found else None


_when = itemgetter(0)


def _in_trade(at: datetime, by: Judged) -> datetime:
    if not by.policy.trading or by.place.trading(at):
        return at
    return by.place.trade_begins(at) or at

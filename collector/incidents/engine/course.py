"""The course of one fault in one place: what time alone brought, and what a report of it means. Judged by the times of
the one who told, so that a backlog gives the same history however late it comes and whenever somebody looks."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.incidents.engine.decisions import (
    Clear,
    Decision,
    Escalate,
    Open,
    Reopen,
    Repeat,
    Resolve,
)
from collector.incidents.engine.facts import RANK, Happening, Known, Watch, mark_of, raises
from collector.incidents.engine.place import Place
from collector.incidents.engine.policy import Policy, Rule
from protocols.status.faults import FAULTS, Severity

_LOWER = {Severity.CRITICAL: Severity.ERROR, Severity.ERROR: Severity.WARNING}


@dataclass(frozen=True, slots=True)
class Judged:
    """By which rule, with which figures, and where."""

    rule: Rule
    policy: Policy
    place: Place


def advance(watch: Watch, known: Known | None, by: Judged, to: datetime) -> Decision | None:
    """The next thing that came with time alone up to a moment; to be asked again until there is none."""
    at = next_at(watch, known, by)
    if at is None or at > to:
        return None
    if watch.waits:
        return _opening(watch, known, by, at)
    assert known is not None  # noqa: S101 - next_at told a time for it
    if known.cleared_at is not None:
        return Resolve(known.id, at)
    graver = _graver(known, by)
    return Escalate(known.id, graver[0], graver[1]) if graver else None


def next_at(watch: Watch, known: Known | None, by: Judged) -> datetime | None:
    """When time alone brings something, by the clock of who told."""
    if watch.waits:
        return opens_at(watch, by)
    if known is None or not known.open:
        return None
    if known.cleared_at is not None:
        return known.cleared_at + timedelta(seconds=hold_s(watch, by.policy))
    graver = _graver(known, by)
    return graver[0] if graver else None


def opens_at(watch: Watch, by: Judged) -> datetime:
    """When the fault that waits will have lasted long enough, and nobody works there any more."""
    assert watch.up_at is not None  # noqa: S101 - only what is there waits
    at = watch.up_at + timedelta(seconds=by.policy.wait_s)
    return by.place.maintained_until(at, device_of(watch)) or at


def device_of(watch: Watch) -> str:
    return watch.spot.id if watch.spot.kind == "device" else ""


def hold_s(watch: Watch, policy: Policy) -> float:
    return policy.calm_s if watch.flapping_since is not None else policy.hold_s


def is_double(watch: Watch, happening: Happening) -> bool:
    """Told before, with the same time."""
    return mark_of(happening.at, happening.raised) in watch.marks


def hear(watch: Watch, known: Known | None, happening: Happening, by: Judged) -> tuple[Watch, list[Decision]]:
    """What a report means, after `advance` up to its time. `watch` has heard it already; what waits then is for
    `advance` again."""
    if happening.raised:
        return _raised(watch, known, happening, by.policy)
    return watch, _cleared(watch, known, happening, by.policy)


def _raised(
    watch: Watch, known: Known | None, happening: Happening, policy: Policy
) -> tuple[Watch, list[Decision]]:
    found: list[Decision] = []
    was_flapping = watch.flapping_since is not None
    if not was_flapping and _flaps(watch, policy):
        watch = watch._replace(flapping_since=happening.at)
    if known is None or not known.open:
        if not watch.waits:
            watch = watch._replace(waits=_enough(watch, policy))
        return watch, found
    if known.cleared_at is not None:
        found.append(Reopen(known.id, happening.at, happening.reason, was_flapping))
    elif policy.repeats:
        found.append(Repeat(known.id, happening.at, happening.reason, was_flapping))
    return watch, found


def _cleared(watch: Watch, known: Known | None, happening: Happening, policy: Policy) -> list[Decision]:
    if known is None or not known.lasting:
        return []
    if policy.good > 1 and any(mark & 1 for mark in watch.marks[-policy.good :]):
        return []
    flapping = watch.flapping_since is not None
    return [Clear(known.id, happening.at, hold_s(watch, policy), flapping)]


def _enough(watch: Watch, policy: Policy) -> bool:
    """`need` of the last `of` reports within the window say that it is there."""
    if policy.need == 1:
        return True
    from_us = (watch.marks[-1] >> 1) - int(policy.window_s * 1e6)
    last = [mark for mark in watch.marks[-policy.of :] if mark >> 1 >= from_us]
    return sum(mark & 1 for mark in last) >= policy.need


def _flaps(watch: Watch, policy: Policy) -> bool:
    """A fault that is told again and again without having gone does not flap."""
    if len(watch.marks) < 2 * policy.flaps - 1:
        return False
    came = raises(watch.marks)
    if len(came) < policy.flaps or len(watch.marks) - len(came) < policy.flaps - 1:
        return False
    return came[-1] - came[-policy.flaps] <= policy.flap_s * 1e6


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
    return known.cleared_at <= up_at < known.cleared_at + timedelta(seconds=policy.window)


def _graver(known: Known, by: Judged) -> tuple[datetime, Severity] | None:
    """When it becomes graver than it is, and how grave."""
    base = FAULTS[known.spot.code].severity
    if not by.policy.worsens and known.severity is base:
        return None
    rank = RANK[known.severity]
    found = [
        (_in_trade(known.since + timedelta(seconds=after_s), by), severity)
        for after_s, severity in by.policy.worsens
        if RANK[severity] > rank
    ]
    if RANK[base] > rank and by.policy.trading:
        begins = by.place.trade_begins(known.opened_at)
        if begins is not None:
            found.append((begins, base))
    return min(found, key=lambda one: one[0]) if found else None


def _in_trade(at: datetime, by: Judged) -> datetime:
    if not by.policy.trading or by.place.trading(at):
        return at
    return by.place.trade_begins(at) or at

"""What is owed of a class of sets, from what happened and what is stored. All times are of one clock, the collector's
where it judges; nothing here reads one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from protocols.regime.sets import SetClass, Trigger


class Owed(StrEnum):
    NOTHING = "nothing"
    A_SET = "a_set"
    """Its time is not up yet."""
    OVERDUE = "overdue"
    UNKNOWN = "unknown"
    """What begins the time is not told here."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A good set: `taken_at` its content's moment, `stored_at` when it was safe."""

    taken_at: datetime
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class Happened:
    """`z_reports` and `installations` as far as they are known; None where the till does not tell of such things at
    all. `since`: when the register began to be looked after."""

    since: datetime
    z_reports: Sequence[datetime] | None = None
    installations: Sequence[datetime] | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """`since`: what began the time, `by`: when it ends."""

    set_class: SetClass
    owed: Owed
    since: datetime | None = None
    by: datetime | None = None
    last: Kept | None = field(default=None)


def judge(one: SetClass, happened: Happened, kept: Iterable[Kept], now: datetime) -> Duty:
    """A set counts for all that happened before its moment. What happened after `now` by a clock that was wrong has
    not happened yet."""
    last = max(kept, key=lambda each: each.taken_at, default=None)
    if one.trigger is Trigger.NONE or one.within is None:
        return Duty(one, Owed.NOTHING, last=last)
    moments = _moments(one.trigger, happened, last)
    if moments is None:
        return Duty(one, Owed.UNKNOWN, last=last)
    open_since = min(
        (at for at in moments if at <= now and (last is None or last.taken_at < at)), default=None
    )
    if one.trigger is Trigger.INTERVAL:
        open_since = last.taken_at if last else happened.since
    if open_since is None:
        return Duty(one, Owed.NOTHING, last=last)
    by = one.within.after(open_since)
    return Duty(one, Owed.OVERDUE if now > by else Owed.A_SET, open_since, by, last)


def keep_until(one: SetClass, taken_at: datetime, *, better: bool = True) -> datetime:
    """Until then a set may not go. `better`: as long as is advised, else as long as the law asks."""
    return ((better and one.keep_better) or one.keep).after(taken_at)


def wanted(
    classes: Iterable[SetClass], happened: Happened, last: Kept | None, now: datetime
) -> SetClass | None:
    """The class for whose sake a till should make a backup at once: after a Z report or an installation without
    waiting for the end of the time, in an interval when two thirds of it are over."""
    for one in classes:
        duty = judge(one, happened, [last] if last else [], now)
        if duty.owed is Owed.OVERDUE or (duty.owed is Owed.A_SET and _is_time(duty, now)):
            return one
    return None


def _is_time(duty: Duty, now: datetime) -> bool:
    if duty.set_class.trigger is not Trigger.INTERVAL or duty.since is None or duty.by is None:
        return True
    return now - duty.since >= (duty.by - duty.since) * 2 / 3


def _moments(trigger: Trigger, happened: Happened, last: Kept | None) -> Sequence[datetime] | None:
    if trigger is Trigger.Z_REPORT:
        return happened.z_reports
    if trigger is Trigger.INSTALLATION:
        return happened.installations
    return (last.taken_at if last else happened.since,)

"""Which backups of one source are kept. Pure. Only the server's own times count: a till may claim any."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from protocols.regime.sets import SetClass, Trigger

DAYS_OF_YEAR = 365.25
MONTHS_OF_YEAR = 12


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything for `all_days`; then the first and the last good set of each day for `daily_years`, and of each month
    for `monthly_years`. The newest `least` good ones stay whatever their age."""

    all_days: float = 14
    daily_years: float = 3
    monthly_years: float = 5
    least: int = 3


@dataclass(frozen=True, slots=True)
class Set:
    """`good`: its objects were found to be what was stored, after it had come. `law_until`: the law wants this very
    set until then."""

    id: int
    received_at: datetime
    good: bool
    law_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A set that the law wants, being the first after what began the time of its class."""

    id: int
    law_class: str
    until: datetime


def stricter(rules: Rules, classes: Iterable[SetClass]) -> Rules:
    """The general numbers, or the law's where those are longer: each day's sets as long as it asks, each month's as
    long as is advised. Working copies, which no law asks for, ask nothing."""
    asked = [one for one in classes if one.trigger is not Trigger.NONE]
    daily = max((_years(one) for one in asked), default=0.0)
    monthly = max((max(_years(one), _years(one, better=True)) for one in asked), default=0.0)
    return replace(
        rules, daily_years=max(rules.daily_years, daily), monthly_years=max(rules.monthly_years, monthly)
    )


def _years(one: SetClass, *, better: bool = False) -> float:
    """A day more than the calendar has, so that a leap year takes nothing away."""
    period = (one.keep_better or one.keep) if better else one.keep
    days = period.hours / 24 + period.months * DAYS_OF_YEAR / MONTHS_OF_YEAR
    return (days + 1) / DAYS_OF_YEAR


def wanted(
    sets: Sequence[Set], classes: Iterable[SetClass], moments: Mapping[Trigger, Sequence[datetime]]
) -> list[Wanted]:
    """For each moment that began the time of a class, the first good set that came after it, with the latest date.
    Moments by a till's clock: a wrong one can only make a set stay that need not, since what is wanted once stays."""
    good = sorted((one for one in sets if one.good), key=lambda one: one.received_at)
    found: dict[int, Wanted] = {}
    for law in classes:
        for moment in moments.get(law.trigger, ()):
            first = next((one for one in good if one.received_at >= moment), None)
            if first is None:
                continue
            until = law.keep.after(first.received_at)
            before = found.get(first.id)
            if before is None or until > before.until:
                found[first.id] = Wanted(first.id, law.id, until)
    return list(found.values())


def kept(sets: Sequence[Set], rules: Rules, now: datetime) -> frozenset[int]:
    """The ids to keep. What nobody has checked yet is kept, and so is what turned out to be damaged: only a good set is
    ever let go, and only for other good ones."""
    found = {one.id for one in sets if not one.good or _younger(one, rules.all_days, now)}
    found |= {one.id for one in sets if one.law_until and now <= one.law_until}
    good = sorted((one for one in sets if one.good), key=lambda one: one.received_at)
    found |= {one.id for one in good[max(0, len(good) - rules.least) :]}
    found |= _ends(good, rules.daily_years, now, lambda at: at.strftime("%Y-%m-%d"))
    found |= _ends(good, rules.monthly_years, now, lambda at: at.strftime("%Y-%m"))
    return frozenset(found)


def _ends(good: Sequence[Set], years: float, now: datetime, period: Callable[[datetime], str]) -> set[int]:
    """The first and the last of each period, by the server's local time."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for one in good:
        if _younger(one, years * DAYS_OF_YEAR, now):
            name = period(one.received_at.astimezone(now.tzinfo))
            first.setdefault(name, one.id)
            last[name] = one.id
    return {*first.values(), *last.values()}


def _younger(one: Set, days: float, now: datetime) -> bool:
    return now - one.received_at <= timedelta(days=days)

"""Which backups of one source are kept. Pure. Only the server's own times count: a till may claim any."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS_OF_YEAR = 365.25


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
    """`good`: its objects were found to be what was stored, after it had come."""

    id: int
    received_at: datetime
    good: bool


def kept(sets: Sequence[Set], rules: Rules, now: datetime) -> frozenset[int]:
    """The ids to keep. What nobody has checked yet is kept, and so is what turned out to be damaged: only a good set is
    ever let go, and only for other good ones."""
    found = {one.id for one in sets if not one.good or _younger(one, rules.all_days, now)}
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

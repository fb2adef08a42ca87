"""When the fiscal memory will be full, from how fast its free records went so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from agent.health.observation import Level, Observation

HISTORY_DAYS = 7
"""Less than this is too little to say anything."""
NEAR_FULL_DAYS, CLEAR_DAYS = 60.0, 75.0
"""The stated rule: nearly full is what is full in less than NEAR_FULL_DAYS, and no longer so above the
other."""
KEPT_DAYS = 60
_LEAP = 20
"""More records than this from one day to the next: another memory."""
_FARTHEST_DAYS = 36_500.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """`per_day`: records used, over `days` of history; `days_left` from `as_of` to `full_on`."""

    as_of: date
    full_on: date
    days_left: float
    per_day: float
    free: int
    days: int


class MemoryHistory:
    """Free records at the end of each day on which they were read."""

    def __init__(self, days: Sequence[tuple[date, int]] = ()) -> None:
        self._days = list(days)

    @property
    def days(self) -> tuple[tuple[date, int], ...]:
        return tuple(self._days)

    def add(self, day: date, free: int) -> bool:
        """True where this changed anything. More free records than before, many fewer at once, or a day
        before the last one: history begins anew."""
        if (day, free) in self._days[-1:]:
            return False
        if self._days and not self._follows(day, free):
            self._days.clear()
        if self._days and self._days[-1][0] == day:
            self._days.pop()
        self._days = [*self._days, (day, free)][-KEPT_DAYS:]
        return True

    def _follows(self, day: date, free: int) -> bool:
        last_day, last_free = self._days[-1]
        went = (day - last_day).days
        return went >= 0 and 0 <= last_free - free <= _LEAP * (went + 1)

    def forecast(self) -> Forecast | None:
        """None where there is too little history, or nothing was used in it."""
        if len(self._days) < 2:
            return None
        (first_day, first_free), (last_day, free) = self._days[0], self._days[-1]
        days = (last_day - first_day).days
        if days < HISTORY_DAYS or first_free <= free:
            return None
        per_day = (first_free - free) / days
        days_left = min(free / per_day, _FARTHEST_DAYS)
        full_on = last_day + timedelta(days=int(days_left))
        return Forecast(last_day, full_on, days_left, per_day, free, days)


def near_full(bit: bool | None, forecast: Forecast | None, today: date) -> tuple[Observation, str]:
    """What is said of fiscal.memory_near_full, and why: the device's own word that it is, else the forecast,
    else the device's word that it is not."""
    if bit or forecast is None:
        return bit, ""
    left = max(forecast.days_left - (today - forecast.as_of).days, 0.0)
    reason = (
        f"{forecast.free} records are free, {forecast.per_day:.1f} a day are used: full on {forecast.full_on}"
    )
    return Level(round(left, 1), NEAR_FULL_DAYS, CLEAR_DAYS), reason

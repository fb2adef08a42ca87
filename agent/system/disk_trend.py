"""When the disks will be full, from how their free room went over the last weeks."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median

from agent.system.disk import Room
from agent.system.probe import KEPT, Measured, Plain, Recall

EVERY_S = 3600.0
HISTORY_DAYS = 7
"""Less than this is too little to say anything."""
KEPT_DAYS = 35
FARTHEST_DAYS = 730.0
"""What is farther away than this is told as this."""
_STEP = 16 << 20
"""Free bytes are kept in steps of this size, so that little that changes is written."""

Days = list[tuple[date, int]]
"""The least free bytes of each day, oldest first."""


def add(days: Days, day: date, free: int) -> Days:
    """A clock that was set back begins the history anew."""
    free -= free % _STEP
    if days and days[-1][0] > day:
        return [(day, free)]
    if days and days[-1][0] == day:
        return [*days[:-1], (day, min(free, days[-1][1]))]
    return [*days, (day, free)][-KEPT_DAYS:]


def days_left(days: Days) -> float | None:
    """Days until nothing is free, FARTHEST_DAYS at most and where no less is free than before: the median of all slopes
    between two days (Theil and Sen), so that a day on which something large came and went again moves it little. None
    where there is too little history."""
    if not days or (days[-1][0] - days[0][0]).days < HISTORY_DAYS:
        return None
    slopes = [
        (after - before) / (later - earlier).days
        for i, (earlier, before) in enumerate(days)
        for later, after in days[i + 1 :]
    ]
    per_day = median(slopes)
    return FARTHEST_DAYS if per_day >= 0 else round(min(days[-1][1] / -per_day, FARTHEST_DAYS), 1)


def judge(history: Mapping[str, Days]) -> Measured:
    """`disk_full_in_days` is of the disk that is full first; one more figure for each, with its place after a
    colon."""
    left = {place: days_left(days) for place, days in history.items()}
    known = {place: value for place, value in left.items() if value is not None}
    if not known:
        return Measured()
    values = {f"disk_full_in_days:{place[:55]}": value for place, value in known.items()}
    return Measured({"disk_full_in_days": min(known.values()), **values})


@dataclass(slots=True)
class DiskTrend:
    rooms: Callable[[], Mapping[str, Room]]
    now: Callable[[], datetime]
    recall: Recall
    name: str = "disk_trend"
    every_s: float = EVERY_S
    _history: dict[str, Days] | None = None

    def measure(self) -> Measured:
        if self._history is None:
            self._history = restore(self.recall(KEPT + self.name))
        today = self.now().date()
        before = self._history
        self._history = {
            place: add(before.get(place, []), today, room.free) for place, room in self.rooms().items()
        }
        measured = judge(self._history)
        keep = export(self._history) if self._history != before else None
        return Measured(measured.values, keep=keep)


def export(history: Mapping[str, Days]) -> dict[str, Plain]:
    return {place: [[day.isoformat(), free] for day, free in days] for place, days in history.items()}


def restore(kept: Plain) -> dict[str, Days]:
    """What cannot be read is begun anew."""
    if not isinstance(kept, Mapping):
        return {}
    return {place: _days(rows) for place, rows in kept.items() if isinstance(rows, Sequence)}


def _days(rows: Sequence[Plain]) -> Days:
    days: Days = []
    for row in rows:
        match row:
            case [str() as day, int() as free]:
                with suppress(ValueError):
                    days = add(days, date.fromisoformat(day), free)
    return days

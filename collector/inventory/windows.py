"""Maintenance windows: when a place is worked on, so that nobody is called for it. Pure. A window has an end, a
recurring one the day of its last time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from collector.inventory.hours import DAYS, moment, zone_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From `begins_at` to `ends_at`. Recurring: on `days` (0 is Monday) from minute `begin` to minute `end` of the
    wall clock of `zone`, over midnight where `end` is not later, between the two moments. `device`: of that device
    alone; "" is the whole place."""

    id: int
    begins_at: datetime
    ends_at: datetime
    days: tuple[int, ...] = ()
    begin: int = 0
    end: int = 0
    zone: str = "Europe/Riga"
    device: str = ""

    def spans(self, around: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Those that touch the days about a moment, in order."""
        if not self.days:
            yield self.begins_at, self.ends_at
            return
        tz = zone_of(self.zone)
        first = around.astimezone(tz).date() - timedelta(days=1)
        for n in range(9):
            yield from self._on(first + timedelta(days=n))

    def _on(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if day.weekday() not in self.days:
            return
        tz = zone_of(self.zone)
        end = self.end if self.end > self.begin else self.end + 1440
        begins = max(moment(day, self.begin, tz), self.begins_at)
        ends = min(moment(day, end, tz), self.ends_at)
        if begins < ends:
            yield begins, ends

    def until(self, at: datetime) -> datetime | None:
        """The end of the span that `at` lies in; None where it lies in none."""
        if not self.begins_at <= at < self.ends_at:
            return None
        return next((end for begin, end in self.spans(at) if begin <= at < end), None)


def until(windows: Iterable[Window], at: datetime, device: str = "") -> datetime | None:
    """When the last of the windows ends that hold one after another from `at` on, for this device; None where none
    holds. What is of one device says nothing of the others, nor of its till."""
    ours = [window for window in windows if window.device in ("", device)]
    end, found = None, at
    while (longest := max((e for w in ours if (e := w.until(found))), default=None)) is not None:
        end = found = longest
    return end


def day_names(days: Iterable[int]) -> list[str]:
    return [DAYS[day] for day in sorted(set(days))]

"""Opening hours of a shop on its own wall clock. Pure. A day may have several intervals; one that ends before it
begins runs over midnight; "24:00" is the end of the day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD_DAYS = 8
Interval = tuple[datetime, datetime]
Week = tuple[tuple[tuple[int, int], ...], ...]
"""For each weekday, Monday first, minutes of the day from and to; `to` beyond 1440 is of the next day."""

UNKNOWN: Week = ()


class HoursRefused(ValueError):
    """These are no opening hours: which day, and why."""


def week_of(hours: Mapping[str, Sequence[Sequence[str]]]) -> Week:
    """From {"mon": [["09:00", "22:00"], …], …}; a day that is not there is closed, nothing at all is unknown."""
    if not hours:
        return UNKNOWN
    if strange := set(hours) - set(DAYS):
        raise HoursRefused(f"{min(strange)} is no day; the days are {', '.join(DAYS)}")
    return tuple(tuple(_minutes(day, pair) for pair in hours.get(day, ())) for day in DAYS)


def _minutes(day: str, pair: Sequence[str]) -> tuple[int, int]:
    if len(pair) != 2:
        raise HoursRefused(f"{day}: an interval is two times, such as 09:00 and 22:00")
    begin, end = (_minute(day, text) for text in pair)
    return begin, end if end > begin else end + 1440


def _minute(day: str, text: str) -> int:
    if text == "24:00":
        return 1440
    try:
        found = time.fromisoformat(text)
    except ValueError as e:
        raise HoursRefused(f"{day}: {text} is no time of day, such as 09:00") from e
    return found.hour * 60 + found.minute


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """A time of the wall clock in UTC. What the clock skips in spring is an hour later, what it shows twice in
    autumn is the first."""
    whole, rest = divmod(minutes, 1440)
    local = datetime.combine(day + timedelta(days=whole), time(rest // 60, rest % 60), zone)
    return local.astimezone(UTC)


def intervals(week: Week, zone: str, at: datetime) -> Iterator[Interval]:
    """In UTC, from the day before `at` on, in order."""
    tz = zone_of(zone)
    first = at.astimezone(tz).date() - timedelta(days=1)
    for n in range(AHEAD_DAYS + 1):
        day = first + timedelta(days=n)
        for begin, end in sorted(week[day.weekday()]):
            yield moment(day, begin, tz), moment(day, end, tz)


def is_open(week: Week, zone: str, at: datetime) -> bool | None:
    """None where the hours are not known."""
    if not week:
        return None
    return any(begin <= at < end for begin, end in intervals(week, zone, at))


def opens_after(week: Week, zone: str, at: datetime) -> datetime | None:
    """The next beginning of an interval later than `at`; None within a week, or where the hours are not known."""
    if not week:
        return None
    return min((begin for begin, _end in intervals(week, zone, at) if begin > at), default=None)

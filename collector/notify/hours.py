"""A person's hours. Pure: the week as data, the time zone, a moment in; a moment out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Week = Mapping[str, Sequence[Sequence[str]]]
ALWAYS: Week = {}
WORK: Week = {day: [["08:00", "18:00"]] for day in DAYS[:5]}
REST: Week = {
    "mon": [["00:00", "08:00"], ["18:00", "08:00"]],
    **{day: [["18:00", "08:00"]] for day in DAYS[1:5]},
    **{day: [["00:00", "00:00"]] for day in DAYS[5:]},
}
"""Nights and weekends. Sunday ends at midnight, so Monday's small hours stand by themselves."""
PRESETS: Mapping[str, Week] = {"always": ALWAYS, "work": WORK, "rest": REST}
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def checked(week: object) -> Week:
    """ValueError says what is wrong. An interval may go over midnight; ["00:00", "00:00"] is the whole day."""
    if not isinstance(week, dict):
        raise ValueError('hours are a table of days, such as {"mon": [["08:00", "17:00"]]}')
    for day, intervals in week.items():
        if day not in DAYS:
            raise ValueError(f"{day!r} is no day; allowed: {', '.join(DAYS)}")
        if not isinstance(intervals, list) or len(intervals) > 10:
            raise ValueError(f"{day}: a list of at most 10 intervals")
        for interval in intervals:
            if not _is_interval(interval):
                raise ValueError(f'{day}: {interval!r} is no interval such as ["08:00", "17:00"]')
    return week


def next_open(week: Week, zone: str, now: datetime) -> datetime | None:
    """`now` where it lies within the hours, else their next beginning; None where the week has none. An empty week is
    always open. Hours are what the clock on the wall shows: in the night in which it is put forward an interval that
    begins in the hour that is left out begins an hour later, on the wall."""
    if not week:
        return now
    starts = []
    local = now.astimezone(ZoneInfo(zone)).date()
    for offset in range(-1, 9):
        for start, end in _intervals(week, local + timedelta(days=offset), zone):
            if start <= now < end:
                return now
            if start > now:
                starts.append(start)
    return min(starts, default=None)


def _intervals(week: Week, day: date, zone: str) -> Iterator[tuple[datetime, datetime]]:
    for first, last in week.get(DAYS[day.weekday()], ()):
        over = timedelta(days=1) if last <= first else timedelta()
        yield _moment(day, first, zone), _moment(day + over, last, zone)


def _moment(day: date, clock: str, zone: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(ZoneInfo("UTC"))


def _is_interval(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(part, str) and _CLOCK.fullmatch(part) for part in value)
    )

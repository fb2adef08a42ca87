"""Working time: how much of it lies between two moments, and when an amount of it has passed. Pure; all moments are
aware UTC, hours are those of a wall clock in a time zone of the IANA list."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
LONGEST_GAP_DAYS = 400
"""A calendar that has not one working hour in so many days never will have."""
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)

Interval = tuple[int, int]
"""Minutes after midnight, begin and end; an end beyond 1440 is on the next day."""
Hours = Mapping[str, tuple[Interval, ...]]
"""A day of WEEKDAYS -> its intervals; a day that is not there is not worked."""


class NoWorkingTime(ValueError):
    """The calendar has no working time after this moment."""


def parse_hours(document: Mapping[str, object]) -> dict[str, tuple[Interval, ...]]:
    """{"mon": [["09:00", "13:00"], ["14:00", "02:00"]]} -> Hours; an interval that ends before it begins runs over
    midnight. ValueError says what is wrong: an unknown day, a time that is none, intervals that overlap."""
    unknown = sorted(set(document) - set(WEEKDAYS))
    if unknown:
        raise ValueError(f"{unknown[0]} is not one of {', '.join(WEEKDAYS)}")
    return {day: _day_of(day, document[day]) for day in WEEKDAYS if document.get(day)}


def written(hours: Hours) -> dict[str, list[list[str]]]:
    """The inverse of `parse_hours`."""
    return {day: [[_clock_face(a), _clock_face(b)] for a, b in spans] for day, spans in hours.items()}


@dataclass(frozen=True, eq=False)
class WorkCalendar:
    """`off`: dates that are not worked whatever the weekday; `worked`: dates that are worked by the hours of another
    weekday (the Saturday for a Friday off). Days are worked out once and kept."""

    zone: str
    hours: Hours
    off: frozenset[date] = frozenset()
    worked: Mapping[date, str] = field(default_factory=dict)
    _known: dict[date, tuple[tuple[datetime, datetime], ...]] = field(default_factory=dict)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def works_on(self, day: date) -> bool:
        return bool(self._spans(day))

    def open_at(self, at: datetime) -> bool:
        today = self._local(at)
        return any(begin <= at < end for day in (today - _DAY, today) for begin, end in self._spans(day))

    def between(self, begin: datetime, end: datetime) -> timedelta:
        """Working time from `begin` to `end`; zero where the end is not later."""
        total = timedelta()
        for opens, closes in self._until(begin, end):
            total += min(closes, end) - max(opens, begin)
        return total

    def add(self, begin: datetime, amount: timedelta) -> datetime:
        """When `amount` of working time after `begin` has passed: the first such moment. NoWorkingTime where it never
        will."""
        if amount <= timedelta():
            return begin
        left = amount
        for opens, closes in self._from(begin):
            part = closes - max(opens, begin)
            if part >= left:
                return max(opens, begin) + left
            left -= part
        raise NoWorkingTime(f"no working time in {LONGEST_GAP_DAYS} days")

    def next_change(self, at: datetime) -> datetime | None:
        """When it next opens or closes; None where it never does. Days that touch (24 hours) do not count as a
        change."""
        closing: datetime | None = None
        for opens, closes in self._from(at):
            if opens > at and closing is None:
                return opens
            if closing is not None and opens > closing:
                return closing
            closing = closes
            if closes - at > LONGEST_GAP_DAYS * _DAY:
                return None
        return closing

    def _local(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()

    def _until(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        if end <= begin:
            return
        day, last = self._local(begin) - _DAY, self._local(end)
        while day <= last:
            yield from (span for span in self._spans(day) if span[1] > begin and span[0] < end)
            day += _DAY

    def _from(self, begin: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Working spans that end after `begin`, for ever; ends with a gap of LONGEST_GAP_DAYS."""
        day, idle = self._local(begin) - _DAY, 0
        while idle < LONGEST_GAP_DAYS:
            spans = [span for span in self._spans(day) if span[1] > begin]
            idle = 0 if spans else idle + 1
            yield from spans
            day += _DAY

    def _spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """Of the local day, in order, never overlapping."""
        if day not in self._known:
            self._known[day] = tuple(self._reckon(day))
        return self._known[day]

    def _reckon(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        before = self._tail(day - _DAY)
        for begin, end in self._intervals(day):
            opens, closes = self._moment(day, begin, 0), self._moment(day, end, 1)
            opens = opens if before is None else max(opens, before)
            if closes > opens:
                yield opens, closes
                before = closes

    def _intervals(self, day: date) -> tuple[Interval, ...]:
        weekday = self.worked.get(day, "" if day in self.off else WEEKDAYS[day.weekday()])
        return self.hours.get(weekday, ())

    def _tail(self, day: date) -> datetime | None:
        """Where the evening of a day ends that runs into the next one."""
        intervals = self._intervals(day)
        over = bool(intervals) and intervals[-1][1] > DAY_MINUTES
        return self._moment(day, intervals[-1][1], 1) if over else None

    def _moment(self, day: date, minutes: int, fold: int) -> datetime:
        """A time of a wall clock as UTC. An hour that is there twice begins with its first (`fold` 0) and ends with its
        second (1); an hour that is not there is the moment at which it was left out."""
        wall = datetime.combine(day, time(), self._zone) + minutes * _MINUTE  # of the wall: may be tomorrow
        first, second = (wall.replace(fold=f).astimezone(UTC) for f in (0, 1))
        return self._leap(second, first) if second < first else (first, second)[fold]

    def _leap(self, low: datetime, high: datetime) -> datetime:
        """The moment between two at which the wall clock was put forward."""
        before = low.astimezone(self._zone).utcoffset()
        while high - low > _MINUTE:
            middle = low + (high - low) / 2
            low, high = (
                (low, middle) if middle.astimezone(self._zone).utcoffset() != before else (middle, high)
            )
        return high.replace(second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class WorkDays:
    """Legal working days: Monday to Friday without `off`, and the days of `worked`. Hours play no part."""

    off: frozenset[date]
    worked: frozenset[date] = frozenset()

    def works_on(self, day: date) -> bool:
        return day in self.worked or (day.weekday() < 5 and day not in self.off)

    def after(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`, which itself is not counted."""
        if count < 0:
            raise ValueError("working days are counted forward")
        while count > 0:
            day += _DAY
            count -= self.works_on(day)
        return day

    def between(self, begin: date, end: date) -> int:
        """Working days after `begin`, up to and with `end`."""
        return sum(self.works_on(begin + n * _DAY) for n in range(1, (end - begin).days + 1))


def _day_of(day: str, spans: object) -> tuple[Interval, ...]:
    if not isinstance(spans, list | tuple):
        raise ValueError(f"{day}: a list of [begin, end] is needed")
    found = tuple(_interval(day, span) for span in spans)
    for (_, ends), (begins, _) in pairwise(found):
        if begins < ends:
            raise ValueError(f"{day}: {_clock_face(begins)} begins before {_clock_face(ends)} has come")
    return found


def _interval(day: str, span: object) -> Interval:
    if not isinstance(span, list | tuple) or len(span) != 2:
        raise ValueError(f"{day}: each interval is [begin, end]")
    begin, end = (_minutes(day, str(part)) for part in span)
    return begin, end if end > begin else end + DAY_MINUTES


def _minutes(day: str, text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and len(hours) <= 2):
        raise ValueError(f"{day}: {text} is not a time such as 09:00")
    found = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or found > DAY_MINUTES:
        raise ValueError(f"{day}: {text} is not a time between 00:00 and 24:00")
    return found


def _clock_face(minutes: int) -> str:
    if minutes > DAY_MINUTES:
        minutes -= DAY_MINUTES
    return f"{minutes // 60:02}:{minutes % 60:02}"

"""Who is on call when. Pure: wall times of a time zone in, moments in UTC out. Nobody on call is said as a gap, never
left out."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Hours = Mapping[str, Sequence[tuple[str, str]]]
"""{"mon": [("18:00", "24:00")], …} on the wall clock; a day that is not there has none, and no days at all: always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rota:
    """`people` take turns of `turn_days`, handed over at `handover` of the wall clock, the first on `start`."""

    people: tuple[int, ...]
    start: date
    zone: str = "Europe/Riga"
    handover: time = time(9)
    turn_days: int = 7
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Instead:
    """Somebody else, or nobody (`person` None), from `start` until `end`. A later one goes before an earlier."""

    start: datetime
    end: datetime
    person: int | None
    swap: bool = False


@dataclass(frozen=True, slots=True)
class Away:
    person: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Shift:
    """`person` None is a gap: the hours are to be covered and nobody is there. `why`: turn, override, swap; of a gap
    away, nobody, empty."""

    start: datetime
    end: datetime
    person: int | None
    why: str


def shifts(
    rota: Rota, start: datetime, end: datetime, instead: Sequence[Instead] = (), away: Sequence[Away] = ()
) -> list[Shift]:
    """Everything between the two moments that is to be covered, in order; what lies outside the hours is not in."""
    found: list[Shift] = []
    for begins, ends in _pieces(_edges(rota, start, end, instead, away)):
        if not covered(rota, begins):
            continue
        person, why = _who(rota, begins, instead, away)
        last = found[-1] if found else None
        if last and (last.person, last.why, last.end) == (person, why, begins):
            found[-1] = Shift(last.start, ends, person, why)
        else:
            found.append(Shift(begins, ends, person, why))
    return found


def gaps(found: Sequence[Shift]) -> list[Shift]:
    return [one for one in found if one.person is None]


def on_call(
    rota: Rota, at: datetime, instead: Sequence[Instead] = (), away: Sequence[Away] = ()
) -> int | None:
    """The person, None in a gap or outside the hours."""
    return _who(rota, at, instead, away)[0] if covered(rota, at) else None


def covered(rota: Rota, at: datetime) -> bool:
    """Does the moment lie within the hours of the rota?"""
    if not rota.hours:
        return True
    local = at.astimezone(ZoneInfo(rota.zone))
    return any(begins <= at < ends for begins, ends in _windows(rota, local.date()))


def turn_of(rota: Rota, at: datetime) -> int | None:
    """Whose turn it is by the order alone; the first person's before the start."""
    if not rota.people:
        return None
    local = at.astimezone(ZoneInfo(rota.zone))
    day = local.date() if local.time() >= rota.handover else local.date() - timedelta(days=1)
    return rota.people[max(0, (day - rota.start).days // rota.turn_days) % len(rota.people)]


def _who(
    rota: Rota, at: datetime, instead: Sequence[Instead], away: Sequence[Away]
) -> tuple[int | None, str]:
    person, why = turn_of(rota, at), "turn"
    for one in instead:
        if one.start <= at < one.end:
            person, why = one.person, "swap" if one.swap else "override"
    if person is None:
        return None, "empty" if why == "turn" else "nobody"
    if any(one.person == person and one.start <= at < one.end for one in away):
        return None, "away"
    return person, why


def _edges(
    rota: Rota, start: datetime, end: datetime, instead: Sequence[Instead], away: Sequence[Away]
) -> list[datetime]:
    edges = {start, end}
    edges |= {edge for one in instead for edge in (one.start, one.end)}
    edges |= {edge for one in away for edge in (one.start, one.end)}
    for day in _days(rota, start, end):
        edges.add(moment(day, rota.handover, rota.zone))
        for window in _windows(rota, day):
            edges |= set(window)
    return sorted(edge for edge in edges if start <= edge <= end)


def _pieces(edges: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    return itertools.pairwise(edges)


def _days(rota: Rota, start: datetime, end: datetime) -> Iterator[date]:
    zone = ZoneInfo(rota.zone)
    day = start.astimezone(zone).date() - timedelta(days=1)
    while day <= end.astimezone(zone).date() + timedelta(days=1):
        yield day
        day += timedelta(days=1)


def _windows(rota: Rota, day: date) -> Iterator[tuple[datetime, datetime]]:
    for begins, ends in (rota.hours or {}).get(DAYS[day.weekday()], ()):
        yield at_clock(day, begins, rota.zone), at_clock(day, ends, rota.zone)


def at_clock(day: date, text: str, zone: str) -> datetime:
    """ "18:30" of that day; "24:00" is the midnight that ends it."""
    if text == "24:00":
        return moment(day + timedelta(days=1), time(0), zone)
    return moment(day, time.fromisoformat(text), zone)


def moment(day: date, clock: time, zone: str) -> datetime:
    """A wall time as a moment. One that the spring leaves out is taken an hour later on the wall, one that the autumn
    has twice is the first."""
    return datetime.combine(day, clock, ZoneInfo(zone)).astimezone(UTC)

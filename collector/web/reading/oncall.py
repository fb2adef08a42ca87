"""The rota as a picture: who is on call in the next weeks, day by day, with the gaps."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from collector.core.models import User
from collector.service import oncall, rota
from collector.service.models import Override, Rota, Swap
from collector.service.rota import Shift

WIDTH = 1000.0
DAYS = 14
TONES = 6
"""So many colours for people; the name stands in the bar, so that colour is never alone."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """`x` and `width` of WIDTH. `tone` 0 to TONES - 1, of a gap -1."""

    x: float
    width: float
    tone: int
    user: User | None
    shift: Shift

    @property
    def roomy(self) -> bool:
        """Is there room for a name?"""
        return self.width > 60

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    day: datetime
    weekend: bool
    width: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Line:
    rota: Rota
    bars: Sequence[Bar]
    now: User | None
    overrides: Sequence[Override]

    @property
    def gaps(self) -> list[Shift]:
        return [one.shift for one in self.bars if one.user is None]


@dataclass(frozen=True, slots=True)
class Picture:
    start: datetime
    end: datetime
    ticks: Sequence[Tick]
    lines: Sequence[Line]
    now_x: float | None


def picture(start: datetime, now: datetime, zone: str, days: int = DAYS) -> Picture:
    """From the midnight before `start`."""
    first = start.astimezone(ZoneInfo(zone)).date()
    begin, end = (rota.moment(first + n * _DAY, time(0), zone) for n in (0, days))
    people = {one.pk: one for one in User.objects.all()}
    lines = [_line(row, begin, end, people, now) for row in oncall.rotas()]
    return Picture(
        begin, end, _ticks(begin, end, zone, days), lines, _x(now, begin, end) if begin <= now < end else None
    )


def swaps(me: User) -> list[Swap]:
    """Those that are asked, and what was answered lately; of everybody for a manager."""
    rows = Swap.objects.select_related("rota", "asker", "asked")
    mine = [one for one in rows[:60] if me.may_manage or me.pk in (one.asker_id, one.asked_id)]
    return sorted(mine, key=lambda one: (one.state != "asked", -one.pk))[:20]


def _line(row: Rota, begin: datetime, end: datetime, people: dict[int, User], now: datetime) -> Line:
    order = {one.user_id: n for n, one in enumerate(row.people.all())}
    bars = [
        Bar(
            x=_x(one.start, begin, end),
            width=_x(one.end, begin, end) - _x(one.start, begin, end),
            tone=-1 if one.person is None else order.get(one.person, len(order)) % TONES,
            user=people.get(one.person) if one.person is not None else None,
            shift=one,
        )
        for one in oncall.shifts(row, begin, end)
    ]
    overrides = row.overrides.filter(cancelled_at=None, ends_at__gt=now).select_related("user", "by")
    called = oncall.person_at(row, now)
    return Line(row, bars, people.get(called) if called is not None else None, list(overrides))


def _ticks(begin: datetime, end: datetime, zone: str, days: int) -> list[Tick]:
    first = begin.astimezone(ZoneInfo(zone)).date()
    edges = [rota.moment(first + n * _DAY, time(0), zone) for n in range(days + 1)]
    return [
        Tick(_x(a, begin, end), a, (first + n * _DAY).weekday() >= 5, _x(b, begin, end) - _x(a, begin, end))
        for n, (a, b) in enumerate(itertools.pairwise(edges))
    ]


def _x(at: datetime, begin: datetime, end: datetime) -> float:
    return round(WIDTH * ((at - begin) / (end - begin)), 1)

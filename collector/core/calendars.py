"""Calendars: making a version, finding the newest, and turning a kept one into something that counts."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import available_timezones

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from collector.core import days_off
from collector.core.calendar_models import Calendar, CalendarKind
from collector.core.days_off import Day
from collector.core.models import User
from collector.core.worktime import WEEKDAYS, WorkCalendar, WorkDays, parse_hours, written
from protocols.errors import PlombaError

YEARS_BACK, YEARS_AHEAD = 2, 3
"""Holidays of so many years around the one in which a version is made are kept in it."""
BUILT_MOST = 500
ALWAYS, OFFICE, LEGAL = "always", "office", "legal"
_ALL_DAY = [["00:00", "24:00"]]
_OFFICE = [["09:00", "18:00"]]


class CalendarRefused(PlombaError):
    """`calendar.invalid`: what is wrong with it, in words; `calendar.unknown`: there is none of this key."""

    code = "calendar.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person writes. `own`: dates with a name that are not worked whatever the country says; `key` empty: a
    calendar that is not there yet."""

    name: str
    kind: CalendarKind = CalendarKind.HOURS
    key: str = ""
    time_zone: str = "Europe/Riga"
    hours: Mapping[str, object] = field(default_factory=dict)
    country: str = ""
    moved_days: bool = False
    own: Mapping[date, str] = field(default_factory=dict)
    legal_basis: str = ""


def make(draft: Draft, now: datetime, by: User | None = None) -> Calendar:
    """The next version of its calendar. CalendarRefused names what is wrong."""
    hours = _checked(draft)
    found = _days(draft, now.year)
    with transaction.atomic():
        key = draft.key or _free_key(draft.name)
        newest = Calendar.objects.filter(key=key).aggregate(most=Max("number"))["most"] or 0
        return Calendar.objects.create(
            key=key,
            number=newest + 1,
            kind=draft.kind,
            name=draft.name.strip(),
            time_zone=draft.time_zone,
            hours=hours,
            country=draft.country,
            moved_days=draft.moved_days,
            days=found.days,
            known_through=now.year + YEARS_AHEAD if draft.country else None,
            source=found.source,
            legal_basis=draft.legal_basis.strip(),
            digest=_digest(draft.time_zone, hours, found.days),
            made_at=now,
            made_by=by,
        )


def draft_of(row: Calendar) -> Draft:
    """What a person would have to write for this version."""
    own = {date.fromisoformat(day): told.get("lv", "") for day, told in row.days.items() if told.get("own")}
    return Draft(
        name=row.name,
        kind=CalendarKind(row.kind),
        key=row.key,
        time_zone=row.time_zone,
        hours=row.hours,
        country=row.country,
        moved_days=row.moved_days,
        own=own,
        legal_basis=row.legal_basis,
    )


def newest(key: str) -> Calendar:
    """CalendarRefused (`calendar.unknown`) where there is none."""
    found = Calendar.objects.filter(key=key).order_by("-number").first()
    if found is None:
        raise CalendarRefused(f"there is no calendar {key}", code="calendar.unknown")
    return found


def current(kind: CalendarKind | None = None) -> list[Calendar]:
    """The newest version of each, by name."""
    found: dict[str, Calendar] = {}
    rows = Calendar.objects.filter(kind=kind) if kind else Calendar.objects.all()
    for row in rows.order_by("key", "-number"):
        found.setdefault(row.key, row)
    return sorted(found.values(), key=lambda row: row.name)


def stale_days(row: Calendar, now: datetime) -> dict[str, Day]:
    """Days from now on that the package tells otherwise than this version, as it tells them; {} in a day: it does not
    tell it any more. Then a new version is due."""
    if not row.country:
        return {}
    told = _days(draft_of(row), now.year).days
    ahead = {day for day in (*told, *row.days) if day >= now.date().isoformat()}
    return {day: told.get(day, Day()) for day in sorted(ahead) if told.get(day) != row.days.get(day)}


def working_time(row: Calendar) -> WorkCalendar:
    return _work_calendar(row.digest, row.time_zone, row.hours, row.days)


def hours_alone(zone: str, hours: Mapping[str, object]) -> WorkCalendar:
    """A calendar without holidays: the opening hours of a shop, which its owner keeps himself."""
    return _work_calendar(_digest(zone, hours, {}), zone, hours, {})


def working_days(row: Calendar, *, moved: bool = True) -> WorkDays:
    """As the law counts them; `moved` False: as if the government had moved none."""
    days = [
        (date.fromisoformat(day), told) for day, told in row.days.items() if moved or not told.get("moved")
    ]
    return WorkDays(
        off=frozenset(day for day, told in days if told.get("off")),
        worked=frozenset(day for day, told in days if not told.get("off")),
    )


def legal_deadline(begin: date, count: int) -> tuple[date, date]:
    """`count` legal working days after `begin`, with the moved days and without: they bind the state, private firms
    may follow. The earlier is the safe one."""
    row = newest(LEGAL)
    return working_days(row).after(begin, count), working_days(row, moved=False).after(begin, count)


def ensure(now: datetime) -> None:
    """The calendars that everything else counts on, where they are not there yet."""
    there = set(Calendar.objects.values_list("key", flat=True))
    for draft in _seeds():
        if draft.key not in there:
            make(draft, now)


def _seeds() -> Iterable[Draft]:
    yield Draft(key=ALWAYS, name="24/7", hours=dict.fromkeys(WEEKDAYS, _ALL_DAY))
    weekdays = dict.fromkeys(WEEKDAYS[:5], _OFFICE)
    yield Draft(key=OFFICE, name="Darba laiks 9–18", hours=weekdays, country="LV", moved_days=True)
    yield Draft(
        key=LEGAL,
        name="Darba dienas pēc likuma",
        kind=CalendarKind.DAYS,
        country="LV",
        moved_days=True,
        legal_basis="Likums „Par svētku, atceres un atzīmējamām dienām”; Ministru kabineta rīkojumi par darba dienu"
        " pārcelšanu",
    )


def _checked(draft: Draft) -> dict[str, list[list[str]]]:
    if not draft.name.strip():
        raise CalendarRefused("give the calendar a name")
    if draft.time_zone not in available_timezones():
        raise CalendarRefused(f"{draft.time_zone} is not a time zone of the IANA list, such as Europe/Riga")
    try:
        hours = parse_hours(draft.hours)
    except ValueError as e:
        raise CalendarRefused(str(e)) from e
    if draft.kind == CalendarKind.HOURS and not hours:
        raise CalendarRefused("no day has working hours")
    return written(hours)


def _days(draft: Draft, year: int) -> days_off.Known:
    days: dict[str, Day] = {}
    source = ""
    if draft.country:
        years = range(year - YEARS_BACK, year + YEARS_AHEAD + 1)
        try:
            known = days_off.known(draft.country, years, moved=draft.moved_days)
        except ValueError as e:
            raise CalendarRefused(str(e)) from e
        days, source = dict(known.days), known.source
    for day, name in draft.own.items():
        days[day.isoformat()] = Day(off=True, own=True, lv=name, en=name, ru=name)
    return days_off.Known(dict(sorted(days.items())), source)


def _free_key(name: str) -> str:
    plain = slugify(name)[:32] or "calendar"
    taken = set(Calendar.objects.filter(key__startswith=plain).values_list("key", flat=True))
    return next(key for key in (plain, *(f"{plain}-{n}" for n in range(2, 10_000))) if key not in taken)


def _digest(zone: str, hours: Mapping[str, object], days: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps([zone, hours, days], sort_keys=True).encode()).hexdigest()


_built: dict[str, WorkCalendar] = {}
"""By digest: what is kept never changes, and what it says of a day is worked out once."""


def _work_calendar(
    digest: str, zone: str, hours: Mapping[str, object], kept: Mapping[str, Day]
) -> WorkCalendar:
    if digest not in _built:
        while len(_built) >= BUILT_MOST:
            _built.pop(next(iter(_built)))
        days = [(date.fromisoformat(day), told) for day, told in kept.items()]
        _built[digest] = WorkCalendar(
            zone=zone,
            hours=parse_hours(hours),
            off=frozenset(day for day, told in days if told.get("off")),
            worked={day: told["works"] for day, told in days if not told.get("off")},
        )
    return _built[digest]

"""Calendars as they are kept: versions, Latvian days off and moved days, legal deadlines."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core import calendars, days_off
from collector.core.calendar_models import Calendar, CalendarKind
from collector.core.calendars import CalendarRefused, Draft
from collector.core.worktime import WEEKDAYS, WorkCalendar, parse_hours, written
from protocols.errors import UsageError

NOW = datetime(2026, 2, 1, 9, tzinfo=UTC)
WEEK = {key: [["09:00", "18:00"]] for key in WEEKDAYS[:5]}


@pytest.mark.parametrize(
    ("begin", "count", "with_moved", "without"),
    [
        (date(2026, 4, 30), 3, date(2026, 5, 7), date(2026, 5, 7)),
        (date(2025, 12, 30), 3, date(2026, 1, 7), date(2026, 1, 6)),
        (date(2026, 6, 19), 1, date(2026, 6, 25), date(2026, 6, 22)),
        (date(2026, 6, 26), 1, date(2026, 6, 27), date(2026, 6, 29)),
    ],
)
@pytest.mark.django_db
def test_legal_working_days(begin: date, count: int, with_moved: date, without: date) -> None:
    calendars.make(Draft(key="legal", name="x", kind=CalendarKind.DAYS, country="LV", moved_days=True), NOW)
    assert calendars.legal_deadline(begin, count) == (with_moved, without)


@pytest.mark.django_db
def test_a_new_database_has_its_calendars() -> None:
    assert [row.key for row in Calendar.objects.order_by("key")] == ["always", "legal", "office"]
    calendars.ensure(NOW)
    assert Calendar.objects.count() == 3


def test_names_come_in_the_language_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")
    days = days_off.known("LV", [2026], moved=True).days
    assert days["2026-11-18"] == {
        "off": True,
        "lv": "Latvijas Republikas Proklamēšanas diena",
        "en": "Republic of Latvia Proclamation Day",
        "ru": "День провозглашения Латвийской Республики",
    }
    assert days["2026-01-02"]["moved"]
    assert days["2026-01-17"]["works"] == "fri"
    assert "2026-01-02" not in days_off.known("LV", [2026], moved=False).days


@pytest.mark.django_db
def test_a_worked_saturday_has_the_hours_of_the_friday_that_was_off() -> None:
    hours = {**WEEK, "fri": [["09:00", "16:00"]]}
    row = calendars.make(Draft(name="Mūsu", hours=hours, country="LV", moved_days=True), NOW)
    time = calendars.working_time(row)
    begin = datetime(2026, 1, 16, 22, tzinfo=UTC)
    assert time.between(begin, begin + timedelta(days=1)) == timedelta(hours=7)
    assert not time.works_on(date(2026, 1, 2))
    other = calendars.make(Draft(name="Cits", hours=hours, country="LV"), NOW)
    assert calendars.working_time(other).works_on(date(2026, 1, 2))


@pytest.mark.django_db
def test_a_version_is_never_changed_and_the_next_one_counts() -> None:
    first = calendars.make(Draft(name="Birojs 2", hours=WEEK), NOW)
    own = {date(2026, 3, 2): "Inventūra"}
    draft = calendars.draft_of(first)
    second = calendars.make(Draft(key=first.key, name=draft.name, hours=draft.hours, own=own), NOW)
    assert (first.key, first.number, second.number) == ("birojs-2", 1, 2)
    assert calendars.newest(first.key) == second
    assert calendars.draft_of(second).own == own
    assert calendars.working_time(Calendar.objects.get(pk=first.pk)).works_on(date(2026, 3, 2))
    assert not calendars.working_time(second).works_on(date(2026, 3, 2))
    first.name = "other"
    with pytest.raises(UsageError):
        first.save()


@pytest.mark.django_db
def test_a_version_that_knows_less_than_the_package_says_so() -> None:
    row = calendars.make(Draft(name="Birojs", hours=WEEK, country="LV", moved_days=True), NOW)
    assert calendars.stale_days(row, NOW) == {}
    row.days = {day: told for day, told in row.days.items() if day != "2026-12-31"}
    assert list(calendars.stale_days(row, NOW)) == ["2026-12-31"]


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        (Draft(name=" ", hours=WEEK), "name"),
        (Draft(name="x", hours={}), "no day"),
        (Draft(name="x", hours=WEEK, time_zone="Europe/Rīga"), "IANA"),
        (Draft(name="x", hours=WEEK, country="XX"), "XX"),
        (Draft(name="x", hours={"pirmdiena": []}), "pirmdiena"),
        (Draft(name="x", hours={"mon": [["9", "18:00"]]}), "mon: 9"),
        (Draft(name="x", hours={"mon": [["18:00", "02:00"], ["21:00", "22:00"]]}), "21:00"),
        (Draft(name="x", hours={"mon": [["09:00", "13:00"], ["12:00", "18:00"]]}), "12:00"),
        (Draft(name="x", hours={"mon": [["09:00", "24:01"]]}), "24:01"),
    ],
)
@pytest.mark.django_db
def test_what_is_no_calendar_is_refused_with_the_reason(draft: Draft, says: str) -> None:
    with pytest.raises(CalendarRefused, match=says):
        calendars.make(draft, NOW)


def test_the_hour_that_is_left_out_and_the_one_that_comes_twice() -> None:
    """Riga: 29 March 03:00 becomes 04:00, 25 October 04:00 becomes 03:00."""
    night = WorkCalendar("Europe/Riga", parse_hours({"sun": [["02:00", "03:30"]]}))
    spring, autumn = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
    day = timedelta(days=1)
    assert night.between(spring, spring + day) == timedelta(hours=1)
    assert night.between(autumn, autumn + day) == timedelta(hours=2.5)
    assert night.add(spring, timedelta(hours=1)) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    touching = WorkCalendar("Europe/Riga", parse_hours({"sun": [["02:00", "03:30"], ["03:30", "05:00"]]}))
    assert touching.between(autumn, autumn + day) == timedelta(hours=4)
    assert touching.between(spring, spring + day) == timedelta(hours=2)


def test_a_bar_is_open_over_midnight() -> None:
    hours = {"fri": [["18:00", "02:00"]], "sat": [["01:00", "03:00"], ["18:00", "00:00"]]}
    bar = WorkCalendar("Europe/Riga", parse_hours(hours))
    assert written(bar.hours)["fri"] == [["18:00", "02:00"]]
    friday, midnight = datetime(2026, 2, 6, 12, tzinfo=UTC), datetime(2026, 2, 6, 23, 30, tzinfo=UTC)
    assert bar.open_at(midnight)
    assert bar.between(friday, friday + timedelta(days=2)) == timedelta(hours=15)
    assert bar.between(midnight, friday + timedelta(days=2)) == timedelta(hours=7.5)
    assert bar.add(friday, timedelta(hours=9)) == datetime(2026, 2, 7, 1, tzinfo=UTC)


def test_when_it_opens_and_closes() -> None:
    office = WorkCalendar("Europe/Riga", parse_hours(WEEK))
    friday = datetime(2026, 2, 6, 10, tzinfo=UTC)
    closes, opens = datetime(2026, 2, 6, 16, tzinfo=UTC), datetime(2026, 2, 9, 7, tzinfo=UTC)
    assert (office.open_at(friday), office.next_change(friday)) == (True, closes)
    assert (office.open_at(closes), office.next_change(closes)) == (False, opens)
    always = WorkCalendar("Europe/Riga", parse_hours({key: [["00:00", "24:00"]] for key in WEEKDAYS}))
    assert always.next_change(friday) is None


clock_faces = st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).map(sorted)


@given(st.dictionaries(st.sampled_from(WEEKDAYS), clock_faces, min_size=1))
def test_hours_are_written_as_they_are_read(week: dict[str, list[int]]) -> None:
    hours = {day: tuple(zip(faces[::2], faces[1::2], strict=False)) for day, faces in week.items()}
    assert parse_hours(written(hours)) == dict(sorted(hours.items(), key=_order))


def _order(item: tuple[str, object]) -> int:
    return WEEKDAYS.index(item[0])


@given(
    st.datetimes(datetime(2026, 3, 20), datetime(2026, 11, 5)).map(lambda t: t.replace(tzinfo=UTC)),
    st.timedeltas(timedelta(minutes=1), timedelta(days=9)),
)
def test_what_is_added_lies_between(begin: datetime, amount: timedelta) -> None:
    office = WorkCalendar("Europe/Riga", parse_hours(WEEK), off=frozenset({date(2026, 5, 4)}))
    end = office.add(begin, amount)
    assert office.between(begin, end) == amount
    assert office.between(begin, end - timedelta(seconds=1)) < amount

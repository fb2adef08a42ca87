"""Opening hours and maintenance windows, on the wall clocks of shops, over the nights in which the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.inventory import windows
from collector.inventory.hours import HoursRefused, is_open, opens_after, week_of
from collector.inventory.windows import Window

RIGA = "Europe/Riga"
WEEK = week_of(
    {
        "mon": [["09:00", "13:00"], ["14:00", "22:00"]],
        "fri": [["20:00", "02:00"]],
        "sun": [["00:00", "24:00"]],
    }
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("2026-05-04T05:59", False),
        ("2026-05-04T06:00", True),
        ("2026-05-04T10:30", False),
        ("2026-05-04T18:59", True),
        ("2026-05-04T19:00", False),
        ("2026-05-08T22:30", True),  # Saturday, half past one in Riga: still Friday's evening
        ("2026-05-08T23:00", False),
        ("2026-03-29T00:00", True),
        ("2026-03-29T20:59", True),  # the day has 23 hours
        ("2026-03-29T21:00", False),
        ("2026-10-25T21:59", True),  # and this one 25
        ("2026-10-25T22:00", False),
    ],
)
def test_open(at: str, found: bool) -> None:
    assert is_open(WEEK, RIGA, utc(at)) is found


def test_what_is_not_known() -> None:
    assert is_open((), RIGA, utc("2026-05-04T12:00")) is None
    assert opens_after((), RIGA, utc("2026-05-04T12:00")) is None


def test_next_opening_over_the_change_of_the_clocks() -> None:
    daily = week_of({day: [["09:00", "22:00"]] for day in ("sat", "sun")})
    assert opens_after(daily, RIGA, utc("2026-03-28T20:30")) == utc("2026-03-29T06:00")
    assert opens_after(daily, RIGA, utc("2026-10-24T20:30")) == utc("2026-10-25T07:00")


@pytest.mark.parametrize(
    "wrong",
    [{"someday": []}, {"mon": [["09:00"]]}, {"mon": [["nine", "ten"]]}, {"mon": [["25:00", "26:00"]]}],
    ids=str,
)
def test_hours_that_are_none(wrong: dict[str, list[list[str]]]) -> None:
    with pytest.raises(HoursRefused):
        week_of(wrong)


NIGHT = Window(
    id=1,
    begins_at=utc("2026-01-01T00:00"),
    ends_at=utc("2026-12-31T00:00"),
    days=(5,),
    begin=22 * 60,
    end=5 * 60,
)
"""Saturdays, ten in the evening to five in the morning."""


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-03-28T19:59", None),
        ("2026-03-28T20:00", "2026-03-29T02:00"),  # six hours
        ("2026-10-24T19:00", "2026-10-25T03:00"),  # eight hours
        ("2026-10-25T02:59", "2026-10-25T03:00"),
        ("2026-10-25T03:00", None),
    ],
)
def test_a_weekly_window_over_the_change_of_the_clocks(at: str, until: str | None) -> None:
    assert NIGHT.until(utc(at)) == (utc(until) if until else None)


def test_windows_that_follow_each_other_are_one_and_devices_are_apart() -> None:
    hour = timedelta(hours=1)
    start = utc("2026-05-04T09:00")
    first = Window(id=1, begins_at=start, ends_at=start + hour)
    second = Window(id=2, begins_at=start + hour, ends_at=start + 3 * hour, device="printer")
    assert windows.until((first, second), start, "printer") == start + 3 * hour
    assert windows.until((first, second), start, "kitchen") == start + hour
    assert windows.until((second,), start + hour, "") is None


@settings(deadline=None)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 30)))
def test_the_end_of_a_span_is_later_and_outside_of_it(local: datetime) -> None:
    at = local.replace(tzinfo=UTC)
    end = NIGHT.until(at)
    if end is not None:
        assert at < end <= at + timedelta(hours=8)
        assert NIGHT.until(end) is None

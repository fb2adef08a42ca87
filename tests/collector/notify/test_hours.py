"""A person's hours: nights, weekends, and the nights in which the clock is changed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.notify.hours import ALWAYS, DAYS, PRESETS, REST, WORK, Week, checked, next_open

ZONE = "Europe/Riga"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("week", "now", "expected"),
    [
        (ALWAYS, "2026-05-04 01:00", "2026-05-04 01:00"),
        (WORK, "2026-05-04 06:00", "2026-05-04 06:00"),
        (WORK, "2026-05-04 16:00", "2026-05-05 05:00"),
        (WORK, "2026-05-08 15:00", "2026-05-11 05:00"),
        (REST, "2026-05-04 04:59", "2026-05-04 04:59"),
        (REST, "2026-05-04 05:00", "2026-05-04 15:00"),
        (REST, "2026-05-09 10:00", "2026-05-09 10:00"),
        (REST, "2026-05-10 20:59", "2026-05-10 20:59"),
        (REST, "2026-05-10 21:00", "2026-05-10 21:00"),
        ({"sat": [["22:00", "02:00"]]}, "2026-05-09 22:30", "2026-05-09 22:30"),
        ({"sat": [["22:00", "02:00"]]}, "2026-05-09 23:00", "2026-05-16 19:00"),
        # The clock goes forward on 29 March at 03:00, and back on 25 October at 04:00.
        ({"sun": [["02:00", "05:00"]]}, "2026-03-29 01:59", "2026-03-29 01:59"),
        ({"sun": [["02:00", "05:00"]]}, "2026-03-29 02:00", "2026-04-04 23:00"),
        ({"sun": [["05:00", "06:00"]]}, "2026-03-29 00:00", "2026-03-29 02:00"),
        ({"sun": [["02:00", "05:00"]]}, "2026-10-25 02:59", "2026-10-25 02:59"),
        ({"sun": [["05:00", "06:00"]]}, "2026-10-25 00:00", "2026-10-25 03:00"),
    ],
)
def test_the_next_open_moment(week: Week, now: str, expected: str) -> None:
    assert next_open(week, ZONE, at(now)) == at(expected)


def test_a_week_without_an_hour_is_never_open() -> None:
    assert next_open({"mon": []}, ZONE, at("2026-05-04 06:00")) is None


@pytest.mark.parametrize(
    "week",
    [[], {"moon": []}, {"mon": "x"}, {"mon": [["08:00"]]}, {"mon": [["8:00", "9:00"]]}, {"mon": [["24:00", "25:00"]]},
     {"mon": [["08:00", "09:00"]] * 11}],
)  # fmt: skip
def test_what_are_no_hours(week: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        checked(week)


@settings(max_examples=100, deadline=None)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)))
def test_somebody_is_always_there(moment: datetime) -> None:
    """Work and rest share the week: at each moment one of them is open, and never both."""
    now = moment.replace(tzinfo=UTC)
    open_ones = [name for name in ("work", "rest") if next_open(PRESETS[name], ZONE, now) == now]
    assert len(open_ones) == 1


_CLOCK = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
_WEEK = st.dictionaries(
    st.sampled_from(DAYS), st.lists(st.tuples(_CLOCK, _CLOCK).map(list), max_size=2), min_size=1
)


@settings(max_examples=100, deadline=None)
@given(_WEEK, st.datetimes(datetime(2026, 3, 20), datetime(2026, 11, 5)))
def test_the_answer_is_open_itself_and_nothing_before_it_is(week: Week, moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC, second=0, microsecond=0)
    found = next_open(checked(week), ZONE, now)
    if found is None:
        assert not any(week.values())
        return
    assert found >= now
    assert next_open(week, ZONE, found) == found
    before = found - timedelta(minutes=1)
    if found > now:
        assert next_open(week, ZONE, max(before, now)) == found

"""When the memory will be full and how much paper is left: told only with enough to go by."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.health import Level
from agent.health.memory import CLEAR_DAYS, HISTORY_DAYS, KEPT_DAYS, NEAR_FULL_DAYS, MemoryHistory, near_full
from agent.health.paper import ROLLS, PaperRoll, printed

START = date(2026, 9, 1)


def history(*frees: int | None) -> MemoryHistory:
    """Free records on one day after the other; None: not read on that day."""
    made = MemoryHistory()
    for number, free in enumerate(frees):
        if free is not None:
            made.add(START + timedelta(days=number), free)
    return made


def test_one_record_a_day_is_counted_to_its_end() -> None:
    found = history(*range(100, 85, -1)).forecast()
    assert found
    assert (found.per_day, found.free, found.days) == (1.0, 86, 14)
    assert (found.days_left, found.full_on) == (86.0, START + timedelta(days=14 + 86))


@pytest.mark.parametrize(
    "frees",
    [
        (), (100,), (100, 99), tuple(range(100, 100 - HISTORY_DAYS, -1)),
        (100,) * 30,
        (*range(100, 80, -1), 2000, 1999, 1998),
        (*range(2000, 1980, -1), 700, 699, 698),
    ],
    ids=["nothing", "one day", "two days", "a day too few", "none used", "a new memory", "another memory"],
)  # fmt: skip
def test_with_too_little_history_nothing_is_said(frees: tuple[int, ...]) -> None:
    assert history(*frees).forecast() is None


def test_the_shortest_history_that_says_something() -> None:
    assert history(*range(100, 100 - HISTORY_DAYS - 1, -1)).forecast()
    assert history(100, *([None] * (HISTORY_DAYS - 1)), 90).forecast()


def test_a_clock_that_is_set_back_begins_anew() -> None:
    made = history(*range(100, 80, -1))
    made.add(START, 80)
    assert made.days == ((START, 80),)


def test_what_changes_nothing_is_not_kept_twice() -> None:
    made = history(100, 99)
    day = START + timedelta(days=1)
    assert [made.add(day, 99), made.add(day, 98), made.add(day, 98)] == [False, True, False]
    assert made.days == ((START, 100), (day, 98))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=120))
def test_a_forecast_lies_within_what_was_seen(steps: list[tuple[int, int]]) -> None:
    made, day, free = MemoryHistory(), START, 3000
    for days, used in steps:
        day, free = day + timedelta(days=days), free - used
        made.add(day, free)
    assert len(made.days) <= KEPT_DAYS
    found = made.forecast()
    if found:
        assert found.days >= HISTORY_DAYS
        assert found.per_day > 0
        assert found.full_on >= found.as_of == day
        assert MemoryHistory(made.days).forecast() == found


def _forecast(days_left: int) -> MemoryHistory:
    return history(*range(days_left + 10, days_left - 1, -1))


RULE: list[tuple[bool | None, int | None, bool | None]] = [
    # the device's own bit, days left, raised (from not raised)
    (None, None, None), (False, None, False), (True, None, True),
    (True, 400, True),
    (None, 59, True), (False, 59, True), (None, 60, True),
    (None, 61, False), (False, 400, False),
]  # fmt: skip


@pytest.mark.parametrize(("bit", "days_left", "expected"), RULE)
def test_nearly_full_by_the_stated_rule(
    bit: bool | None, days_left: int | None, expected: bool | None
) -> None:
    forecast = None if days_left is None else _forecast(days_left).forecast()
    assert days_left is None or (forecast and forecast.days_left == days_left)
    today = START + timedelta(days=10)
    value, reason = near_full(bit, forecast, today)
    if isinstance(value, Level):
        assert (value.raise_at, value.clear_at) == (NEAR_FULL_DAYS, CLEAR_DAYS)
        assert "full on" in reason
        assert value.present(raised=False) is expected
        assert value.present(raised=True) is (value.value < CLEAR_DAYS)
    else:
        assert value is expected


def test_days_that_pass_without_a_reading_count() -> None:
    value, _ = near_full(None, _forecast(70).forecast(), START + timedelta(days=10 + 11))
    assert isinstance(value, Level)
    assert value.value == 59


def rolls(roll: PaperRoll, *lengths: int, count: int = 0) -> int:
    """Each roll: near its end for `length`, at its end, changed, and all is well for 1000."""
    for length in lengths:
        for near, end, step in (
            (True, False, 0), (True, False, length), (True, True, 0), (False, False, 0), (False, False, 1000),
        ):  # fmt: skip
            count += step
            roll.look(near, end, count)
    return count


def test_paper_is_forecast_by_the_shortest_of_the_rolls_before() -> None:
    roll = PaperRoll()
    count = rolls(roll, 900, 700, 800)
    assert roll.left(count) is None, "the new roll is not near its end"
    roll.look(True, False, count + 5000)
    assert roll.left(count + 5000) == 700
    roll.look(True, False, count + 5300)
    assert (roll.since_near_end(count + 5300), roll.left(count + 5300)) == (300, 400)
    assert roll.left(count + 9999) == 0


def test_with_fewer_rolls_only_what_was_printed_is_known() -> None:
    roll = PaperRoll()
    count = rolls(roll, *[900] * (ROLLS - 1))
    roll.look(True, False, count)
    assert (roll.since_near_end(count + 10), roll.left(count + 10)) == (10, None)


@pytest.mark.parametrize("reset", [False, True])
def test_a_roll_that_was_changed_before_its_end_or_a_counter_that_was_reset_teaches_nothing(
    reset: bool,
) -> None:
    roll = PaperRoll()
    roll.look(True, False, 1000)
    if reset:
        roll.look(True, True, 5)
    else:
        roll.look(True, False, 1500)
    roll.look(False, False, 1600)
    assert roll.rolls == ()


def test_a_sensor_or_a_counter_that_is_not_known_changes_nothing() -> None:
    roll = PaperRoll()
    roll.look(True, False, 1000)
    roll.look(None, None, 1100)
    roll.look(False, False, None)
    assert roll.since_near_end(1200) == 200


def test_a_restart_forgets_nothing() -> None:
    roll, after = PaperRoll(), PaperRoll()
    count = rolls(roll, 900, 700)
    roll.look(True, False, count)
    after.restore(roll.export())
    assert after.left(count + 100) == roll.left(count + 100) == 600
    after.restore({})
    assert after.export() == PaperRoll().export()


def test_the_counter_of_the_paper() -> None:
    assert printed({"cuts": 5, "paper_mm": 70}) == ("paper_mm", 70)
    assert printed({"cuts": 5}) is None

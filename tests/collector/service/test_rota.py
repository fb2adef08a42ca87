"""Who is on call: turns, nights of the clock change, overrides, and gaps that are never left out."""

import itertools
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.service.rota import Away, Instead, Rota, covered, gaps, on_call, shifts

WEEKLY = Rota(people=(1, 2, 3), start=date(2026, 3, 2))
NIGHTS = {
    day: [("00:00", "08:00"), ("18:00", "24:00")] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
}


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_turns_are_handed_over_on_the_wall_clock_through_both_changes_of_the_clock() -> None:
    found = shifts(WEEKLY, utc(2026, 3, 16, 7), utc(2026, 4, 13, 6))
    assert [(one.person, one.start) for one in found] == [
        (3, utc(2026, 3, 16, 7)),
        (1, utc(2026, 3, 23, 7)),
        (2, utc(2026, 3, 30, 6)),
        (3, utc(2026, 4, 6, 6)),
    ]
    autumn = shifts(WEEKLY, utc(2026, 10, 19, 6), utc(2026, 11, 2, 7))
    assert [one.start for one in autumn] == [utc(2026, 10, 19, 6), utc(2026, 10, 26, 7)]


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 4.0), (date(2026, 10, 25), 6.0), (date(2026, 6, 1), 5.0)]
)
def test_the_night_of_a_clock_change_is_an_hour_shorter_or_longer(day: date, hours: float) -> None:
    nights = {name: [("01:00", "06:00")] for name in NIGHTS}
    rota = Rota(people=(1,), start=date(2026, 1, 1), hours=nights)
    start = datetime.combine(day, time(0), UTC) - timedelta(hours=3)
    found = shifts(rota, start, start + timedelta(hours=24))
    assert sum((one.end - one.start).total_seconds() for one in found) == hours * 3600


def test_an_override_goes_before_the_turn_and_a_later_one_before_an_earlier() -> None:
    instead = [
        Instead(utc(2026, 3, 3), utc(2026, 3, 5), 2),
        Instead(utc(2026, 3, 4), utc(2026, 3, 6), 3, swap=True),
    ]
    found = shifts(WEEKLY, utc(2026, 3, 2, 7), utc(2026, 3, 9, 7), instead)
    assert [(one.person, one.why) for one in found] == [
        (1, "turn"), (2, "override"), (3, "swap"), (1, "turn")
    ]  # fmt: skip


def test_gaps_are_shown_where_somebody_is_away_or_nobody_was_put() -> None:
    instead = [Instead(utc(2026, 3, 3), utc(2026, 3, 4), None)]
    away = [Away(1, utc(2026, 3, 5), utc(2026, 3, 6)), Away(2, utc(2026, 3, 5), utc(2026, 3, 6))]
    found = gaps(shifts(WEEKLY, utc(2026, 3, 2, 7), utc(2026, 3, 9, 7), instead, away))
    assert [(one.start.day, one.why) for one in found] == [(3, "nobody"), (5, "away")]
    assert [
        one.why for one in shifts(Rota(people=(), start=date(2026, 1, 1)), utc(2026, 1, 1), utc(2026, 1, 2))
    ] == ["empty"]


def test_outside_the_hours_nobody_is_on_call_and_that_is_no_gap() -> None:
    rota = Rota(people=(1, 2), start=date(2026, 3, 2), hours=NIGHTS)
    assert on_call(rota, utc(2026, 3, 3, 10)) is None
    assert on_call(rota, utc(2026, 3, 3, 17)) == 1
    assert gaps(shifts(rota, utc(2026, 3, 2), utc(2026, 3, 30))) == []


MOMENTS = st.integers(0, 24 * 60).map(lambda quarter: utc(2026, 3, 20) + timedelta(minutes=15 * quarter))
SPANS = st.tuples(MOMENTS, st.integers(1, 200)).map(lambda s: (s[0], s[0] + timedelta(minutes=15 * s[1])))
INSTEAD = st.lists(st.tuples(SPANS, st.sampled_from([None, 1, 2, 9])), max_size=5)
AWAY = st.lists(st.tuples(SPANS, st.sampled_from([1, 2, 9])), max_size=3)


@given(SPANS, INSTEAD, AWAY, st.sampled_from([None, NIGHTS]), st.lists(MOMENTS, min_size=1, max_size=10))
def test_every_moment_to_be_covered_is_in_exactly_one_shift(
    span: tuple[datetime, datetime],
    instead: list[tuple[tuple[datetime, datetime], int | None]],
    away: list[tuple[tuple[datetime, datetime], int]],
    hours: dict[str, list[tuple[str, str]]] | None,
    moments: list[datetime],
) -> None:
    """The picture and the question "who now?" never disagree."""
    rota = Rota(people=(1, 2), start=date(2026, 3, 2), turn_days=1, hours=hours)
    others = [Instead(*when, person) for when, person in instead]
    gone = [Away(person, *when) for when, person in away]
    found = shifts(rota, *span, others, gone)
    assert all(one.start < one.end for one in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    for at in moments:
        if span[0] <= at < span[1]:
            holding = [one for one in found if one.start <= at < one.end]
            assert len(holding) == (1 if covered(rota, at) else 0)
            assert on_call(rota, at, others, gone) == (holding[0].person if holding else None)

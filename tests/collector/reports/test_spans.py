"""What stretches of time make of a device's month."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from collector.core.worktime import WorkCalendar, parse_hours
from collector.reports.spans import all_of_it, joined, share, within, without

START = datetime(2026, 10, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


spans = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 200)).map(lambda pair: (at(min(pair)), at(max(pair)))),
    max_size=12,
)


def test_down_and_unseen_are_kept_apart_and_down_goes_first() -> None:
    found = share((at(0), at(100)), [(at(10), at(20)), (at(15), at(30))], [(at(25), at(50))], all_of_it)
    assert (found.counted, found.down, found.unknown) == tuple(timedelta(hours=h) for h in (100, 20, 20))
    assert found.percent == 75.0


def test_what_nobody_saw_has_no_availability() -> None:
    assert share((at(0), at(10)), [], [(at(0), at(10))], all_of_it).percent is None
    assert share((at(10), at(0)), [], [], all_of_it).percent is None


def test_only_the_opening_hours_count_through_the_change_of_the_clock() -> None:
    """Riga changes on 25 October 2026 at 04:00; a shop that is open from 09:00 to 17:00 has 31 times 8 hours."""
    hours = WorkCalendar("Europe/Riga", parse_hours({d: [["09:00", "17:00"]] for d in WEEK})).between
    begin, end = datetime(2026, 9, 30, 21, tzinfo=UTC), datetime(2026, 10, 31, 22, tzinfo=UTC)
    night = datetime(2026, 10, 24, 15, tzinfo=UTC), datetime(2026, 10, 25, 8, tzinfo=UTC)
    found = share((begin, end), [night], [], hours)
    assert found.counted == timedelta(hours=31 * 8)
    assert found.down == timedelta(hours=1)  # from 09:00 to 10:00 by the clock of the winter


WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@given(spans, spans)
def test_nothing_is_counted_twice_or_lost(down: list, unseen: list) -> None:
    window = (at(20), at(150))
    found = share(window, down, unseen, all_of_it)
    hours = list(range(20, 150))
    inside = [any(b <= at(h) < e for b, e in down) for h in hours]
    blind = [any(b <= at(h) < e for b, e in unseen) for h in hours]
    assert found.down == timedelta(hours=sum(inside))
    assert found.unknown == timedelta(hours=sum(b and not i for i, b in zip(inside, blind, strict=True)))


@given(spans, spans)
def test_joined_spans_are_in_order_and_apart(one: list, other: list) -> None:
    for found in (joined(one), within(one, (at(20), at(150))), without(joined(one), joined(other))):
        assert all(b < e for b, e in found)
        assert all(a[1] < b[0] or a[1] <= b[0] for a, b in itertools.pairwise(found))

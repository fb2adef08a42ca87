"""What is kept of many backups, by the server's time, and what makes a new one suspicious."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.backups.retention import Rules, Set, kept
from collector.backups.suspicion import Figures, suspicion

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
RULES = Rules(all_days=14, daily_years=1, monthly_years=3, least=3)


def four_a_day(days: int) -> list[Set]:
    return [
        Set(day * 4 + hour // 6, NOW - timedelta(days=days - day) + timedelta(hours=hour), good=True)
        for day in range(days)
        for hour in (0, 6, 12, 18)
    ]


def test_the_first_and_the_last_of_each_day_and_month_stay() -> None:
    sets = four_a_day(1200)
    keep = kept(sets, RULES, NOW)
    young = [one for one in sets if NOW - one.received_at <= timedelta(days=14)]
    assert {one.id for one in young} <= keep
    days, months = grouped(sets, "%F", (15, 365)), grouped(sets, "%Y-%m", (366, 1095))
    assert len(days) > 340
    assert len(months) > 20
    for ids in [*days, *months]:
        assert {ids[0], ids[-1]} <= keep
    assert sum(len(keep & set(ids)) for ids in days) <= 2 * len(days) + 2 * 12
    assert sum(len(keep & set(ids)) for ids in months) == 2 * len(months)
    assert not any(NOW - one.received_at > timedelta(days=1097) and one.id in keep for one in sets)


def grouped(sets: list[Set], period: str, ages: tuple[int, int]) -> list[list[int]]:
    """Those periods all of whose sets are of such an age in days."""
    found: dict[str, list[Set]] = {}
    for one in sets:
        found.setdefault(f"{one.received_at:{period}}", []).append(one)
    low, high = (timedelta(days=age) for age in ages)
    return [
        [one.id for one in group]
        for group in found.values()
        if all(low < NOW - one.received_at <= high for one in group)
    ]


def test_the_newest_stay_however_old_and_what_nobody_checked_stays() -> None:
    old = [Set(n, NOW - timedelta(days=5000 - n), good=True) for n in range(10)]
    assert kept(old, RULES, NOW) == {7, 8, 9}
    unchecked = [Set(n, NOW - timedelta(days=5000 - n), good=False) for n in range(10)]
    assert len(kept(unchecked, RULES, NOW)) == 10


def test_a_bad_set_never_takes_the_place_of_a_good_one() -> None:
    """Somebody who holds a till's key sends rubbish after each good set: the good one still is the last of its day."""
    sets = []
    for one in four_a_day(100):
        sets.append(one)
        sets.append(Set(10_000 + one.id, one.received_at + timedelta(hours=1), good=False))
    good_alone = kept([one for one in sets if one.good], RULES, NOW)
    assert good_alone <= kept(sets, RULES, NOW)


@given(
    ages=st.lists(st.floats(0, 3000), max_size=60),
    good=st.lists(st.booleans(), min_size=60, max_size=60),
    later=st.floats(0, 400),
)
def test_what_was_let_go_never_comes_back_and_the_newest_good_is_never_let_go(
    ages: list[float], good: list[bool], later: float
) -> None:
    sets = [Set(n, NOW - timedelta(days=age), good[n]) for n, age in enumerate(ages)]
    first = kept(sets, RULES, NOW)
    assert kept([one for one in sets if one.id in first], RULES, NOW) == first
    after = kept([one for one in sets if one.id in first], RULES, NOW + timedelta(days=later))
    assert after <= first
    newest = max((one for one in sets if one.good), key=lambda one: one.received_at, default=None)
    assert newest is None or newest.id in first


DAY = Figures(500_000_000, 6_000_000, 3_000_000)


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (DAY, ""),
        (Figures(500_000_000, 480_000_000, 200_000_000), "changed at once"),
        (Figures(500_000_000, 30_000_000, 29_900_000), "does not compress"),
        (Figures(500_000_000, 500_000_000, 500_900_000), "changed at once"),
        (Figures(500_000_000, 0, 5_000), ""),
        (Figures(0, 0, 500), ""),
        (Figures(1_000_000, 1_000_000, 1_000_000), ""),
    ],
)
def test_what_is_odd(new: Figures, says: str) -> None:
    found = suspicion(new, [DAY] * 5)
    assert bool(found) == bool(says)
    assert says in found


def test_the_first_backups_are_never_odd() -> None:
    full = Figures(500_000_000, 500_000_000, 499_000_000)
    assert suspicion(full, []) == ""
    assert suspicion(full, [DAY, DAY]) == ""
    assert suspicion(full, [full] * 5) == ""

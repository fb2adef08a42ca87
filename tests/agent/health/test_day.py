"""A day of more than 24 hours, from the last Z and what was seen of the day; never from too little."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.health.day import DAY, FiscalDay
from protocols.status.model import DeviceState

NOW = datetime(2026, 11, 25, 18, 0)
HOUR = timedelta(hours=1)


def state(**fields: object) -> DeviceState:
    return DeviceState(**{"day_open": True, "last_z_time": NOW - 30 * HOUR, **fields})  # type: ignore[arg-type]


MIDNIGHT = NOW.replace(hour=0)
TABLE: list[tuple[str, dict[str, object], datetime | None, bool | None]] = [
    ("the bit of the device says so", {"day_over_24h": True, "day_open": False}, None, True),
    ("the bit of the device denies it", {"day_over_24h": False}, NOW, False),
    ("Z of 30 hours, open", {}, NOW, True),
    ("Z of 23 hours, open", {"last_z_time": NOW - 23 * HOUR}, NOW, False),
    ("Z of 24 hours and a half minute", {"last_z_time": NOW - DAY - timedelta(seconds=30)}, NOW, None),
    ("Z of 30 hours, shut", {"day_open": False}, NOW, False),
    ("nobody says whether it is open", {"day_open": None}, NOW, None),
    ("nobody says when the Z was", {"last_z_time": None}, NOW, None),
    ("no Z, shut", {"last_z_time": None, "day_open": False}, NOW, False),
    ("the device's time is not known", {}, None, None),
    ("the device's clock is not set", {"clock_set": False}, NOW, None),
    ("the clock was set back before the Z", {"last_z_time": NOW + HOUR}, NOW, None),
    ("a Z a moment ahead", {"last_z_time": NOW + timedelta(minutes=5)}, NOW, False),
    ("date alone: today", {"last_z_time": MIDNIGHT}, NOW, False),
    ("date alone: yesterday, at any hour", {"last_z_time": MIDNIGHT - DAY}, NOW, None),
    ("date alone: the day before", {"last_z_time": MIDNIGHT - 2 * DAY}, NOW, True),
]


@pytest.mark.parametrize(("case", "fields", "now", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_from_one_reading(
    case: str, fields: dict[str, object], now: datetime | None, expected: bool | None
) -> None:
    value, reason = FiscalDay().look(state(**fields), now)
    assert value is expected, case
    if value is None or (value and "day_over_24h" not in fields):
        assert reason, case


SHUT: dict[str, object] = {"day_open": False}
OPEN: dict[str, object] = {"day_open": True}
STORY: list[tuple[str, list[tuple[float, dict[str, object]]], bool | None]] = [
    # hours before now, what is seen then; the last is now. The Z is 30 hours old.
    ("opened this morning", [(10, SHUT), (9, OPEN), (0, OPEN)], False),
    ("opened in the last 24 hours, not seen when", [(23, SHUT), (0, OPEN)], False),
    ("seen shut 26 hours ago, open only now", [(26, SHUT), (0, OPEN)], None),
    ("seen shut 26 hours ago, open 25 hours ago", [(26, SHUT), (25, OPEN), (0, OPEN)], True),
    ("seen shut before the Z only", [(31, SHUT), (0, OPEN)], True),
    ("open before the Z and now", [(40, OPEN), (0, OPEN)], True),
    ("shut 20 hours ago, open, no Z known", [(20, SHUT), (0, {"last_z_time": None})], False),
    ("shut 28 hours ago, no Z known", [(28, SHUT), (0, {"last_z_time": None})], None),
    ("seen shut when the clock was ahead", [(-5, SHUT), (0, OPEN)], True),
]


@pytest.mark.parametrize(("case", "looks", "expected"), STORY, ids=[row[0] for row in STORY])
def test_what_was_seen_before_counts(
    case: str, looks: list[tuple[float, dict[str, object]]], expected: bool | None
) -> None:
    day = FiscalDay()
    for hours, fields in looks:
        value, _ = day.look(state(**fields), NOW - hours * HOUR)
        kept = day.export()
        day = FiscalDay()  # a restart forgets nothing
        day.restore(kept)
    assert value is expected, case


@given(
    z_hours=st.floats(0, 100),
    opened_hours=st.floats(0, 100),
    looks=st.lists(st.floats(0, 100), max_size=10),
    seen_shut=st.booleans(),
)
def test_a_day_that_began_less_than_24_hours_ago_is_never_called_longer_once_it_was_seen_shut(
    z_hours: float, opened_hours: float, looks: list[float], seen_shut: bool
) -> None:
    """The truth: Z, then shut until it was opened."""
    z_hours = max(z_hours, opened_hours)
    day, value = FiscalDay(), None
    moments = sorted({*looks, 0.0, *([(z_hours + opened_hours) / 2] if seen_shut else [])}, reverse=True)
    z = NOW - z_hours * HOUR
    for hours in (h for h in moments if h <= z_hours):
        is_open = hours < opened_hours
        value, _ = day.look(state(day_open=is_open, last_z_time=z), NOW - hours * HOUR)
    if value and seen_shut and z_hours > opened_hours:
        assert opened_hours > 24
    if value is False and opened_hours > 0:
        assert opened_hours <= 24
    if not seen_shut and value:
        assert z_hours > 24

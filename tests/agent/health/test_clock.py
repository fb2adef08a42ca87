"""Only a till whose own clock is right says how far a device is off."""

import pytest

from agent.health import HostClock
from agent.health.clock import drift

LIMIT_S = 300.0


def host(ahead_s: float, uncertain_s: float = 0.1) -> HostClock:
    return HostClock(ahead_s, uncertain_s, right_within_s=60.0)


TABLE: list[tuple[float | None, HostClock | None, float | None, str]] = [
    # the device less the till, the till's clock, how far the device is surely off, words of the reason
    (None, host(0), None, "was not read"),
    (400.0, None, None, "the collector has not told"),
    (400.0, host(0, 0.0), 400.0, "400 s fast"),
    (-400.0, host(0, 0.0), 400.0, "400 s slow"),
    (10.0, host(0), 9.9, "10 s fast"),
    (0.05, host(0), 0.0, "0 s fast"),
    (310.0, host(50, 0.0), 260.0, "260 s fast"),  # the till is slow, the device less off than it seems
    (-260.0, host(50, 0.0), 310.0, "310 s slow"),
    (400.0, host(59.95), None, "the till's own clock is 60 s slow"),
    (400.0, host(-3600), None, "the till's own clock is 3600 s fast"),
    (400.0, host(0, 61.0), None, "the till's own clock"),
]


@pytest.mark.parametrize(("offset_s", "clock", "off_s", "words"), TABLE)
def test_how_far_a_device_is_off(
    offset_s: float | None, clock: HostClock | None, off_s: float | None, words: str
) -> None:
    level, reason = drift(offset_s, clock, LIMIT_S)
    assert (level and level.value) == (None if off_s is None else pytest.approx(off_s))
    assert level is None or (level.raise_at, level.clear_at) == (LIMIT_S, LIMIT_S * 0.8)
    assert words in reason

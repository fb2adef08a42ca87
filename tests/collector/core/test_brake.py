"""Failures are counted per key, for a while, for so many keys."""

from collector.core.brake import Brake
from tests.collector.still import StillClock


def test_the_last_one_too_many_waits_until_the_first_is_old(still: StillClock) -> None:
    brake = Brake(2, 60)
    brake.failed("a")
    assert brake.wait_s("a") == 0
    brake.failed("a")
    assert 60 <= brake.wait_s("a") <= 61
    assert brake.wait_s("b") == 0
    still.seconds += 61
    assert brake.wait_s("a") == 0


def test_what_is_forgotten_begins_anew(still: StillClock) -> None:
    brake = Brake(1, 60)
    brake.failed("a")
    brake.forget("a")
    brake.forget("never seen")
    assert brake.wait_s("a") == 0


def test_a_flood_of_keys_is_bounded(still: StillClock) -> None:
    brake = Brake(1, 60, most=3)
    for key in range(1000):
        brake.failed(key)
    assert [key for key in range(1000) if brake.wait_s(key)] == [997, 998, 999]

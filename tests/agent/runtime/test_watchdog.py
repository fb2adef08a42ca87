"""What does not come back is found and named; what only waits, or stood still with the whole computer, is not."""

import threading

import pytest

from agent.runtime.watchdog import PAUSE_S, RestingClock, Watchdog
from tests.agent.runtime.hand_clock import HandClock

STEP_S = 5.0


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def watchdog(clock: HandClock) -> Watchdog:
    return Watchdog(clock)


def look_for(watchdog: Watchdog, clock: HandClock, seconds: float) -> str | None:
    """The name of what was stuck first within this time, with a look every few seconds."""
    for _ in range(int(seconds / STEP_S)):
        clock.move(STEP_S)
        if stuck := watchdog.stuck():
            return stuck.name
    return None


def test_a_job_that_does_not_end_is_found_after_its_limit_and_not_before(
    watchdog: Watchdog, clock: HandClock
) -> None:
    watchdog.begin("device printer", 60)
    assert look_for(watchdog, clock, 60) is None
    clock.move(STEP_S)
    stuck = watchdog.stuck()
    assert stuck
    assert (stuck.name, stuck.busy_s, stuck.limit_s) == ("device printer", 65, 60)
    assert "test_watchdog" in stuck.where


def test_a_job_that_ends_in_time_is_never_found(watchdog: Watchdog, clock: HandClock) -> None:
    for _ in range(50):
        with watchdog.at_work("device printer", 60):
            assert look_for(watchdog, clock, 30) is None


def test_a_job_that_raises_is_at_rest(watchdog: Watchdog, clock: HandClock) -> None:
    def fails() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is ours
        watchdog.watched("job", fails, 10)()
    assert look_for(watchdog, clock, 100) is None


def test_the_latest_one_is_named(watchdog: Watchdog, clock: HandClock) -> None:
    watchdog.begin("patient", 100)
    clock.move(STEP_S)
    watchdog.begin("hasty", 10)
    assert look_for(watchdog, clock, 60) == "hasty"


def test_a_computer_that_slept_is_nobody_s_fault(watchdog: Watchdog, clock: HandClock) -> None:
    watchdog.begin("device printer", 60)
    watchdog.stuck()
    clock.move(8 * 3600)
    assert watchdog.stuck() is None
    assert look_for(watchdog, clock, 70) == "device printer"


def test_without_that_rule_the_sleep_would_be_taken_for_a_stuck_job(
    watchdog: Watchdog, clock: HandClock
) -> None:
    """The control: the same time in looks that are close together."""
    watchdog.begin("device printer", 60)
    assert PAUSE_S > STEP_S
    assert look_for(watchdog, clock, 8 * 3600) == "device printer"


def test_a_thread_that_waits_through_its_clock_is_at_rest(watchdog: Watchdog, clock: HandClock) -> None:
    resting = RestingClock(clock, watchdog, "sender", 60)
    found: list[str | None] = []

    def works() -> None:
        resting.wait(threading.Event(), 10)
        found.append(look_for(watchdog, clock, 50))
        clock.wait = lambda _event, _timeout_s: found.append(look_for(watchdog, clock, 600)) is None  # type: ignore[method-assign, assignment]
        resting.wait(threading.Event(), 600)
        found.append(look_for(watchdog, clock, 70))

    resting.run(works)
    assert found == [None, None, "sender"]
    assert look_for(watchdog, clock, 600) is None


def test_a_thread_that_is_gone_is_named_all_the_same(watchdog: Watchdog, clock: HandClock) -> None:
    thread = threading.Thread(target=lambda: watchdog.begin("lost", 10))
    thread.start()
    thread.join()
    clock.move(11)
    stuck = watchdog.stuck()
    assert stuck
    assert (stuck.name, stuck.where) == ("lost", "")

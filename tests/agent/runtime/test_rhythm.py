"""Jobs keep their pace, never meet themselves, and survive a clock that somebody sets."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from agent.runtime.clock import SystemClock
from agent.runtime.rhythm import Rhythm


class SetClock(SystemClock):
    """The real clock, until somebody sets it."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return super().now() + self.shift


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def rhythm(clock: SetClock) -> Iterator[Rhythm]:
    made = Rhythm(clock, threads=2)
    made.start()
    yield made
    made.stop()


def test_a_job_runs_again_after_the_delay_that_it_asks_for_at_its_end(rhythm: Rhythm) -> None:
    ran = threading.Semaphore(0)
    rhythm.every("a", ran.release, lambda: 0.01, first_s=0)
    for _ in range(3):
        assert ran.acquire(timeout=30)


def test_a_job_that_raises_runs_again(rhythm: Rhythm) -> None:
    ran = threading.Semaphore(0)

    def job() -> None:
        ran.release()
        raise RuntimeError("once more")

    rhythm.every("a", job, lambda: 0.01, first_s=0)
    for _ in range(2):
        assert ran.acquire(timeout=30)


def test_a_job_never_meets_itself(rhythm: Rhythm) -> None:
    inside, most, done = [], [0], threading.Semaphore(0)
    hold = threading.Event()

    def job() -> None:
        inside.append(1)
        most[0] = max(most[0], len(inside))
        hold.wait(0.02)
        inside.pop()
        done.release()

    rhythm.every("a", job, lambda: 0.0, first_s=0)
    for _ in range(5):
        assert done.acquire(timeout=30)
    assert most[0] == 1


def test_stop_waits_for_the_job_that_runs_and_begins_no_other(clock: SetClock) -> None:
    rhythm = Rhythm(clock, threads=2)
    began, go, ended = threading.Event(), threading.Event(), []

    def job() -> None:
        began.set()
        go.wait(30)
        ended.append(1)

    rhythm.every("a", job, lambda: 0.0, first_s=0)
    rhythm.start()
    assert began.wait(30)
    stopper = threading.Thread(target=rhythm.stop)
    stopper.start()
    stopper.join(0.05)
    assert stopper.is_alive()
    go.set()
    stopper.join(30)
    assert not stopper.is_alive()
    assert ended == [1]


def test_a_clock_that_was_set_delays_nothing(rhythm: Rhythm, clock: SetClock) -> None:
    ran = threading.Semaphore(0)
    rhythm.every("a", ran.release, lambda: 3600, first_s=3600)
    rhythm.check_clock()
    assert not ran.acquire(timeout=0.1)
    clock.shift = timedelta(days=-1)
    rhythm.check_clock()
    assert ran.acquire(timeout=30)


def test_a_job_may_be_called_for_before_its_time(rhythm: Rhythm) -> None:
    ran = threading.Semaphore(0)
    rhythm.every("a", ran.release, lambda: 3600, first_s=3600)
    assert not ran.acquire(timeout=0.1)
    rhythm.soon("a", 0.0)
    assert ran.acquire(timeout=30)

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


class Pair:
    """Two jobs; `met`: both were in them at the same time."""

    def __init__(self) -> None:
        self._both = threading.Barrier(2)
        self.met = threading.Event()
        self.ran = threading.Semaphore(0)

    def job(self) -> None:
        try:
            self._both.wait(0.2)
            self.met.set()
        except threading.BrokenBarrierError:
            self._both.reset()
        self.ran.release()


@pytest.mark.parametrize(("lanes", "meet"), [(("own", "own"), False), (("", ""), True)])
def test_jobs_of_one_lane_never_meet_and_others_do(
    rhythm: Rhythm, lanes: tuple[str, str], meet: bool
) -> None:
    pair = Pair()
    for name, lane in zip("ab", lanes, strict=True):
        rhythm.every(name, pair.job, lambda: 0.0, 0.0, lane)
    for _ in range(6):
        assert pair.ran.acquire(timeout=30)
    assert pair.met.wait(30 if meet else 0) is meet


def test_with_too_few_threads_jobs_wait_for_each_other(clock: SetClock) -> None:
    rhythm, pair = Rhythm(clock, threads=1), Pair()
    rhythm.every("a", pair.job, lambda: 0.0, 0.0)
    rhythm.every("b", pair.job, lambda: 0.0, 0.0)
    rhythm.start()
    for _ in range(4):
        assert pair.ran.acquire(timeout=30)
    assert rhythm.stop()
    assert not pair.met.is_set()


def test_stop_says_that_a_job_is_stuck(clock: SetClock) -> None:
    rhythm = Rhythm(clock, threads=1)
    began, go = threading.Event(), threading.Event()

    def job() -> None:
        began.set()
        go.wait(30)

    rhythm.every("a", job, lambda: 0.0, first_s=0)
    rhythm.start()
    assert began.wait(30)
    assert rhythm.stop(within_s=0.05) is False
    go.set()
    assert rhythm.stop(within_s=30) is True


def test_once_is_once(rhythm: Rhythm) -> None:
    ran, other = threading.Semaphore(0), threading.Semaphore(0)
    rhythm.once("a", ran.release, 0.0, "own")
    rhythm.every("b", other.release, lambda: 0.01, 0.0, "own")
    assert ran.acquire(timeout=30)
    for _ in range(3):
        assert other.acquire(timeout=30)
    assert not ran.acquire(blocking=False)

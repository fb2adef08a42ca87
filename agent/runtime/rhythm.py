"""Runs the agent's jobs, each at its own pace, on APScheduler. A job never meets itself, and what was missed
is made up once."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import Condition

from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]
from apscheduler.jobstores.base import JobLookupError  # type: ignore[import-untyped]
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.base import BaseTrigger  # type: ignore[import-untyped]

from agent.clock import Clock

STOP_S = 20.0
"""No job takes longer: a device that does not answer is given up long before."""
JUMP_S = 2.0
"""A wall clock that moved by more against the steady one was set by somebody."""


class AfterRun(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """The next time is set when the job has run. Until then the scheduler is told a time that is never
    reached."""

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return now + timedelta(days=365)


class Rhythm:
    """`threads` bounds how many jobs run at once: with one for each job none ever waits for another."""

    def __init__(self, clock: Clock, threads: int) -> None:
        self._clock = clock
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(threads)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._apart_s = self._apart()
        self._change = Condition()
        self._stopping = False
        self._count = 0

    def every(self, name: str, job: Callable[[], None], delay_s: Callable[[], float], first_s: float) -> None:
        """Run `job` after `first_s`, and again `delay_s()` after each end of it, asked anew each time."""

        def run() -> None:
            with self._running() as wanted:
                if wanted:
                    try:
                        job()
                    finally:
                        self._again(name, delay_s())

        self._scheduler.add_job(run, AfterRun(), id=name, next_run_time=self._in(first_s))

    def soon(self, name: str, after_s: float) -> None:
        """The job of `every` with this name runs after so long instead of when it was planned. A job that is
        running just now asks its delay anew when it ends. Any thread may call."""
        self._again(name, after_s)

    def once(self, name: str, job: Callable[[], None], after_s: float) -> None:
        self._scheduler.add_job(job, "date", run_date=self._in(after_s), id=name)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> bool:
        """Begins nothing more and waits for the jobs that run; False where one is stuck. The scheduler's own
        waiting would hold the lock that a job needs at its end."""
        with self._change:
            self._stopping = True
        self._scheduler.shutdown(wait=False)
        with self._change:
            return self._change.wait_for(lambda: self._count == 0, within_s)

    def check_clock(self) -> None:
        """The scheduler plans by the wall clock. When that was set, every job would come late by as much or
        at once: plan them all anew."""
        apart_s = self._apart()
        if abs(apart_s - self._apart_s) > JUMP_S:
            now = self._clock.now()
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=now)
        self._apart_s = apart_s

    def _again(self, name: str, delay_s: float) -> None:
        """A scheduler that was stopped meanwhile does not know the job any more."""
        with suppress(JobLookupError):
            self._scheduler.modify_job(name, next_run_time=self._in(delay_s))

    @contextmanager
    def _running(self) -> Iterator[bool]:
        """Counts the jobs that run; False: do not."""
        with self._change:
            wanted = not self._stopping
            self._count += 1
        try:
            yield wanted
        finally:
            with self._change:
                self._count -= 1
                self._change.notify_all()

    def _in(self, seconds: float) -> datetime:
        return self._clock.now() + timedelta(seconds=seconds)

    def _apart(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

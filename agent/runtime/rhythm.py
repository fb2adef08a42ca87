"""Runs the agent's jobs, each at its own pace, on APScheduler. A job never meets itself, and what was missed
is made up once."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.base import BaseTrigger  # type: ignore[import-untyped]

from agent.clock import Clock

JUMP_S = 2.0
"""A wall clock that moved by more against the steady one was set by somebody."""


class Pace(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fires `delay_s()` after the last firing, asked anew each time."""

    def __init__(self, delay_s: Callable[[], float], first_s: float) -> None:
        self._delay_s = delay_s
        self._first_s = first_s

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        return now + timedelta(seconds=self._first_s if previous is None else self._delay_s())


class Rhythm:
    """`threads` bounds how many jobs run at once."""

    def __init__(self, clock: Clock, threads: int) -> None:
        self._clock = clock
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(threads)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._apart_s = self._apart()

    def every(self, name: str, job: Callable[[], None], delay_s: Callable[[], float], first_s: float) -> None:
        self._scheduler.add_job(job, Pace(delay_s, first_s), id=name)

    def once(self, name: str, job: Callable[[], None], after_s: float) -> None:
        at = self._clock.now() + timedelta(seconds=after_s)
        self._scheduler.add_job(job, "date", run_date=at, id=name)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Waits for the jobs that run."""
        self._scheduler.shutdown(wait=True)

    def check_clock(self) -> None:
        """The scheduler plans by the wall clock. When that was set, every job would come late by as much or
        at once: plan them all anew."""
        apart_s = self._apart()
        if abs(apart_s - self._apart_s) > JUMP_S:
            now = self._clock.now()
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=now)
        self._apart_s = apart_s

    def _apart(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

"""Runs the agent's jobs, each at its own pace. A job never meets itself, and what was missed is made up once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from threading import Event, Lock, Thread

from agent.clock import Clock

STOP_S = 20.0
"""No job takes longer: a device that does not answer is given up long before."""
JUMP_S = 2.0
"""A wall clock that moved by more against the steady one was set by somebody."""
_AFTER_FAILURE_S = 60.0
_LONG_S = 86400.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    """`at_s`: the monotonic time of the next run, never while it runs. `delay_s` is None for a job that runs
    once."""

    run: Callable[[], None]
    delay_s: Callable[[], float] | None
    at_s: float


class _Lane:
    """A thread and its jobs, which run one after the other. A thread that sleeps until its own time costs the
    till one waking up for each run; one that hands jobs to others costs several."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._wake = Event()
        self._jobs: dict[str, _Job] = {}
        self._stopping = False
        self.thread = Thread(target=self._run, name=name, daemon=True)

    def load(self) -> int:
        return len(self._jobs)

    def add(self, name: str, job: _Job) -> None:
        with self._lock:
            self._jobs[name] = job
        self._wake.set()

    def move(self, name: str, at_s: float) -> None:
        """The job runs at this time, unless it runs just now or does not run any more."""
        with self._lock:
            job = self._jobs.get(name)
            if job is None or job.at_s == inf:
                return
            job.at_s = at_s
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            name, left_s = self._next()
            if left_s > 0:
                self._clock.wait(self._wake, left_s)
            elif not self._stopping:
                self._perform(name)

    def _next(self) -> tuple[str, float]:
        """The job that is due first, and in how many seconds."""
        with self._lock:
            if not self._jobs:
                return "", _LONG_S
            name = min(self._jobs, key=lambda n: self._jobs[n].at_s)
            return name, min(self._jobs[name].at_s - self._clock.monotonic(), _LONG_S)

    def _perform(self, name: str) -> None:
        job = self._jobs[name]
        with self._lock:
            job.at_s = inf
        delay_s = _AFTER_FAILURE_S
        try:
            try:
                job.run()
            finally:
                delay_s = job.delay_s() if job.delay_s else inf
        except Exception:  # whatever happens in one job must not end the watch over the till
            log.exception("the job %s failed; it runs again when it is due", name)
        with self._lock:
            if job.delay_s is None:
                del self._jobs[name]
            else:
                job.at_s = self._clock.monotonic() + delay_s


class Rhythm:
    """Any thread may call. `threads` bounds how many jobs run at once: with one for each lane none ever waits for
    another. Time is the steady clock's, so nobody who sets the wall clock delays a job."""

    def __init__(self, clock: Clock, threads: int) -> None:
        self._clock = clock
        self._threads = threads
        self._apart_s = self._apart()
        self._lanes: dict[str, _Lane] = {}
        self._names: dict[str, _Lane] = {}
        self._started = False

    def every(
        self,
        name: str,
        job: Callable[[], None],
        delay_s: Callable[[], float],
        first_s: float,
        lane: str = "",
    ) -> None:
        """Run `job` after `first_s`, and again `delay_s()` after each end of it, asked anew each time. Jobs of
        one `lane` run one after the other; without, a job has a lane of its own."""
        self._add(lane or name, name, _Job(job, delay_s, self._clock.monotonic() + first_s))

    def soon(self, name: str, after_s: float) -> None:
        """The job of `every` with this name runs after so long instead of when it was planned. A job that is
        running just now asks its delay anew when it ends."""
        if name in self._names:
            self._names[name].move(name, self._clock.monotonic() + after_s)

    def once(self, name: str, job: Callable[[], None], after_s: float, lane: str = "") -> None:
        self._add(lane or name, name, _Job(job, None, self._clock.monotonic() + after_s))

    def start(self) -> None:
        self._started = True
        for lane in set(self._lanes.values()):
            lane.thread.start()

    def stop(self, within_s: float = STOP_S) -> bool:
        """Begins nothing more and waits for the jobs that run; False where one is stuck."""
        lanes = set(self._lanes.values())
        for lane in lanes:
            lane.stop()
        end_s = self._clock.monotonic() + within_s
        for lane in lanes if self._started else ():
            lane.thread.join(max(end_s - self._clock.monotonic(), 0.0))
        return not any(lane.thread.is_alive() for lane in lanes)

    def check_clock(self) -> None:
        """When the wall clock was set, everything is looked at anew at once: what was known of the time is
        wrong now."""
        apart_s = self._apart()
        if abs(apart_s - self._apart_s) > JUMP_S:
            for name, lane in self._names.items():
                lane.move(name, self._clock.monotonic())
        self._apart_s = apart_s

    def _add(self, lane_name: str, name: str, job: _Job) -> None:
        lanes = set(self._lanes.values())
        lane = self._lanes.get(lane_name)
        if lane is None:
            least = min(lanes, key=_Lane.load, default=None)
            lane = least if least and len(lanes) >= self._threads else _Lane(lane_name, self._clock)
            self._lanes[lane_name] = lane
        self._names[name] = lane
        lane.add(name, job)
        if self._started and lane not in lanes:
            lane.thread.start()

    def _apart(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

"""The rhythm of the agent's jobs under a watchdog, which can be slowed down, and knows how late it is."""

from collections.abc import Callable
from threading import Lock

from agent.clock import Clock
from agent.runtime.rhythm import Rhythm
from agent.runtime.watchdog import Watchdog

JOB_LIMIT_S = 300.0
"""No job takes so long. A device that does not answer is given up within seconds."""
LIMITS_S = {"slow probes": 1800.0}
"""Programs of the system that look at a large disk may."""
_SLOWED = ("device ", "host")
_SHORTEST_S = 1.0
"""A look that must follow at once is not put off: shedding it would give a wrong answer, not a late one."""


class WatchedRhythm(Rhythm):
    def __init__(self, clock: Clock, threads: int, watchdog: Watchdog) -> None:
        super().__init__(clock, threads)
        self._steady_s = clock.monotonic
        self._watchdog = watchdog
        self._guard = Lock()
        self._planned_s: dict[str, float] = {}
        self._late_s = 0.0
        self._factor = 1.0

    def every(
        self,
        name: str,
        job: Callable[[], None],
        delay_s: Callable[[], float],
        first_s: float,
        lane: str = "",
    ) -> None:
        """As in Rhythm."""

        def planned() -> float:
            wait_s = self._slowed(name, delay_s())
            self._plan(name, wait_s)
            return wait_s

        self._plan(name, first_s)
        super().every(name, self._watched(name, job), planned, first_s, lane)

    def once(self, name: str, job: Callable[[], None], after_s: float, lane: str = "") -> None:
        super().once(name, self._watchdog.watched(name, job, JOB_LIMIT_S), after_s, lane)

    def soon(self, name: str, after_s: float) -> None:
        self._plan(name, after_s)
        super().soon(name, after_s)

    def slow_down(self, factor: float) -> None:
        """Polls and samples come so many times later from now on; 1 is as planned. Any thread may call."""
        self._factor = factor

    def late_s(self) -> float:
        """By how much the job that came latest came late, since this was last asked."""
        with self._guard:
            worst, self._late_s = self._late_s, 0.0
        return worst

    def _watched(self, name: str, job: Callable[[], None]) -> Callable[[], None]:
        work = self._watchdog.watched(name, job, LIMITS_S.get(name, JOB_LIMIT_S))

        def run() -> None:
            self._came(name)
            work()

        return run

    def _slowed(self, name: str, wait_s: float) -> float:
        slow = name.startswith(_SLOWED) and wait_s >= _SHORTEST_S
        return wait_s * self._factor if slow else wait_s

    def _plan(self, name: str, wait_s: float) -> None:
        with self._guard:
            self._planned_s[name] = self._steady_s() + wait_s

    def _came(self, name: str) -> None:
        with self._guard:
            planned_s = self._planned_s.pop(name, None)
            if planned_s is not None:
                self._late_s = max(self._late_s, self._steady_s() - planned_s)

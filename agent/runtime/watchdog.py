"""Finds a job or thread that does not come back within its own limit. It ends nothing itself."""

import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock

from agent.clock import Clock

PAUSE_S = 30.0
"""Who asks is asked about every few seconds. After a longer silence the whole process stood still (the computer slept,
or a debugger held it), and no job is to blame."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """`where`: the innermost calls of its thread, "" where that is gone."""

    name: str
    busy_s: float
    limit_s: float
    where: str = ""


@dataclass(slots=True)
class _Work:
    name: str
    limit_s: float
    since_s: float
    thread: int


class Watchdog:
    """Any thread may call; `stuck` is for one thread that calls it every few seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._works: dict[int, _Work] = {}
        self._next = 0
        self._asked_s = clock.monotonic()

    def begin(self, name: str, limit_s: float) -> int:
        """The calling thread is at work from now on, and at rest again with `end` of the number given."""
        work = _Work(name, limit_s, self._clock.monotonic(), threading.get_ident())
        with self._lock:
            self._next += 1
            self._works[self._next] = work
            return self._next

    def end(self, number: int) -> None:
        with self._lock:
            self._works.pop(number, None)

    @contextmanager
    def at_work(self, name: str, limit_s: float) -> Iterator[None]:
        number = self.begin(name, limit_s)
        try:
            yield
        finally:
            self.end(number)

    def watched(self, name: str, job: Callable[[], None], limit_s: float) -> Callable[[], None]:
        def run() -> None:
            with self.at_work(name, limit_s):
                job()

        return run

    def stuck(self) -> Stuck | None:
        """The one that is late by most; None where every beat is fresh."""
        now_s = self._clock.monotonic()
        with self._lock:
            if now_s - self._asked_s > PAUSE_S:
                for work in self._works.values():
                    work.since_s = now_s
            self._asked_s = now_s
            late = [work for work in self._works.values() if now_s - work.since_s > work.limit_s]
        if not late:
            return None
        worst = max(late, key=lambda work: now_s - work.since_s - work.limit_s)
        return Stuck(worst.name, now_s - worst.since_s, worst.limit_s, _where(worst.thread))


class RestingClock:
    """The clock of one thread that works between its waits: waiting is rest, and all else must end within the limit.
    To be handed to what runs on that thread only."""

    def __init__(self, clock: Clock, watchdog: Watchdog, name: str, limit_s: float) -> None:
        self._clock = clock
        self._watchdog = watchdog
        self._name, self._limit_s = name, limit_s
        self._number: int | None = None
        self.now = clock.now
        self.monotonic = clock.monotonic

    def run(self, target: Callable[[], None]) -> None:
        """What the thread is for; at work from here on."""
        self._begin()
        try:
            target()
        finally:
            self._end()

    def wait(self, event: Event, timeout_s: float) -> bool:
        self._end()
        try:
            return self._clock.wait(event, timeout_s)
        finally:
            self._begin()

    def _begin(self) -> None:
        self._number = self._watchdog.begin(self._name, self._limit_s)

    def _end(self) -> None:
        if self._number is not None:
            self._watchdog.end(self._number)
            self._number = None


def _where(thread: int) -> str:
    frame = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)[-6:]) if frame else ""

"""A backup goes last: behind the till's own programs, within its hours, and no faster than the disk and the line can
spare. What makes it wait is asked here and nowhere else."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import time
from threading import Event, Thread
from typing import TextIO

from agent.backup.repository.meter import Bucket, Meter
from agent.clock import Clock

LOOK_S = 1.0
SLOW_BYTES_S = 1 << 20
"""So fast a backup goes on that has waited for as long as it may, and still should."""
NICE = 10


@dataclass(frozen=True, slots=True)
class Manners:
    """`busy`: does the till sell just now? `window` in its local time, over midnight where the end is the smaller.
    `patience_s`: for so long in all a run waits."""

    busy: Callable[[], bool] = lambda: False
    window: tuple[time, time] | None = None
    patience_s: float = 4 * 3600.0


class Gentle:
    """A pace for engines and for reading. `waited_s` in all; `late` where the patience was not enough."""

    def __init__(self, manners: Manners, clock: Clock, stop: Event) -> None:
        self._manners, self._clock, self._stop = manners, clock, stop
        self._slow: Meter = Bucket(SLOW_BYTES_S, clock, stop)
        self._done = 0
        self.waited_s = 0.0
        self.late = False

    def between(self, done: int, total: int) -> None:  # noqa: ARG002 - engines tell it
        step, self._done = max(0, done - self._done), done
        while self._should_wait():
            if self.waited_s >= self._manners.patience_s:
                self.late = True
                self._slow.spend(step)
                return
            self._clock.wait(self._stop, LOOK_S)
            self.waited_s += LOOK_S

    def _should_wait(self) -> bool:
        return self._manners.busy() or not self._in_window()

    def _in_window(self) -> bool:
        if self._manners.window is None:
            return True
        begin, end = self._manners.window
        now = self._clock.now().astimezone().timetz().replace(tzinfo=None)
        return begin <= now < end if begin < end else now >= begin or now < end


class Told:
    """Hears from the resident agent, line by line, whether the till is busy. Its end ends the waiting: a till whose
    agent is gone makes its backup all the same."""

    def __init__(self, source: TextIO) -> None:
        self._busy = Event()
        Thread(target=self._listen, args=(source,), name="manners", daemon=True).start()

    def __call__(self) -> bool:
        return self._busy.is_set()

    def _listen(self, source: TextIO) -> None:
        with suppress(OSError, ValueError):
            for line in source:
                if line.strip() == "busy":
                    self._busy.set()
                else:
                    self._busy.clear()
        self._busy.clear()


def step_back(pid: int | None = None) -> None:
    """Below the till's programs for the processor and for the disk, as far as the system lets."""
    import psutil  # noqa: PLC0415 - a twentieth of the start, and not every backup needs it

    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        if sys.platform == "win32":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            process.ionice(psutil.IOPRIO_LOW)
        else:
            process.nice(max(NICE, process.nice()))
            process.ionice(psutil.IOPRIO_CLASS_IDLE)

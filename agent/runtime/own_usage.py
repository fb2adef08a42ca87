"""Measures what the agent's own process used since it was last asked. The processes that it starts (a backup, a
job) are not in it: they end, and go behind the till's programs."""

from collections.abc import Callable
from dataclasses import dataclass

import psutil

from agent.clock import Clock
from agent.runtime.budget import Usage

_MIB = float(1 << 20)


@dataclass(frozen=True, slots=True)
class _Counts:
    at_s: float
    cpu_s: float | None
    disk_bytes: int | None
    sent_bytes: int


class Meter:
    """`sent`: bytes that went to the collector so far. `late_s`: by how much a job came late at worst since it was last
    asked."""

    def __init__(self, clock: Clock, sent: Callable[[], int], late_s: Callable[[], float]) -> None:
        self._clock = clock
        self._sent = sent
        self._late_s = late_s
        self._process = psutil.Process()
        self._before: _Counts | None = None

    def read(self) -> Usage:
        """The first time only what is so now: how much was used is known from the second on."""
        before, now = self._before, self._counts()
        self._before = now
        memory_mib, late_s = self._memory_mib(), self._late_s()
        if before is None or now.at_s <= before.at_s:
            return Usage(memory_mib=memory_mib, late_s=late_s)
        passed_s = now.at_s - before.at_s
        return Usage(
            cpu_percent=_rate(before.cpu_s, now.cpu_s, passed_s / 100),
            memory_mib=memory_mib,
            disk_mib_per_h=_rate(before.disk_bytes, now.disk_bytes, passed_s / 3600 * _MIB),
            sent_mib_per_h=_rate(before.sent_bytes, now.sent_bytes, passed_s / 3600 * _MIB),
            late_s=late_s,
        )

    def _counts(self) -> _Counts:
        return _Counts(self._clock.monotonic(), self._cpu_s(), self._disk_bytes(), self._sent())

    def _cpu_s(self) -> float | None:
        try:
            times = self._process.cpu_times()
        except (psutil.Error, OSError):
            return None
        return float(times.user + times.system)

    def _memory_mib(self) -> float | None:
        try:
            return float(self._process.memory_info().rss) / _MIB
        except (psutil.Error, OSError):
            return None

    def _disk_bytes(self) -> int | None:
        """On Linux what went to disks; on Windows all that was written to anything."""
        try:
            return int(self._process.io_counters().write_bytes)
        except (psutil.Error, OSError, AttributeError):
            return None


def _rate(before: float | None, now: float | None, per: float) -> float | None:
    return None if before is None or now is None else max(now - before, 0.0) / per

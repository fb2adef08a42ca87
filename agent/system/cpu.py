"""How busy the processors were since the last look. A busy till is no fault: there is no condition."""

import psutil

from agent.system.probe import Measured


class Cpu:
    name = "cpu"
    every_s = 0.0

    def __init__(self) -> None:
        self._last = self._times()

    def measure(self) -> Measured:
        busy, whole = self._times()
        was_busy, was_whole = self._last
        self._last = busy, whole
        if whole <= was_whole:
            return Measured()
        percent = 100.0 * (busy - was_busy) / (whole - was_whole)
        return Measured({"cpu_percent": round(min(max(percent, 0.0), 100.0), 2)})

    @staticmethod
    def _times() -> tuple[float, float]:
        """Busy and whole seconds; guest time is inside user time already."""
        times = psutil.cpu_times()._asdict()
        whole = sum(v for k, v in times.items() if k not in ("guest", "guest_nice"))
        return whole - times["idle"] - times.get("iowait", 0.0), whole

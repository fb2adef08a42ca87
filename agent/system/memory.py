"""Memory that programs can still get, without counting what the system gives back by itself."""

from dataclasses import dataclass

import psutil

from agent.system.probe import Condition, Measured

CLEAR = 1.2
"""So much more than the limit must be available again."""


def judge(available: int, total: int, low_percent: float) -> Measured:
    percent = 100.0 * available / total
    reason = f"{percent:.1f} % of memory available ({available / 1e6:.0f} MB)"
    return Measured(
        {"memory_available_bytes": float(available), "memory_available_percent": round(percent, 2)},
        (Condition("host.memory_low", percent, low_percent, low_percent * CLEAR, reason),),
    )


@dataclass(frozen=True, slots=True)
class Memory:
    low_percent: float
    name: str = "memory"
    every_s: float = 0.0

    def measure(self) -> Measured:
        found = psutil.virtual_memory()
        return judge(found.available, found.total, self.low_percent)

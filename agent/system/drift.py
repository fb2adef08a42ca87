"""How far the till's clock is from the collector's, as the uplink last measured it."""

from collections.abc import Callable
from dataclasses import dataclass

from agent.system.probe import Condition, Measured

CODE = "host.clock_drift"
CLEAR = 0.8


def judge(offset: tuple[float, float] | None, limit_s: float) -> Measured:
    """`offset`: seconds that the collector is ahead, and how uncertain that is; None where never measured."""
    if offset is None:
        return Measured(conditions=(Condition(CODE, None, limit_s, limit_s * CLEAR),))
    seconds, uncertain_s = offset
    side = "slow" if seconds > 0 else "fast"
    reason = f"the till's clock is {abs(seconds):.0f} s {side}"
    sure = max(abs(seconds) - uncertain_s, 0.0)
    condition = Condition(CODE, sure, limit_s, limit_s * CLEAR, reason)
    return Measured({"clock_offset_s": round(seconds, 3)}, (condition,))


@dataclass(frozen=True, slots=True)
class Drift:
    offset: Callable[[], tuple[float, float] | None]
    limit_s: float
    name: str = "drift"
    every_s: float = 0.0

    def measure(self) -> Measured:
        return judge(self.offset(), self.limit_s)

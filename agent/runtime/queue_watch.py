"""The queue as a probe of the computer: how much waits, and whether that nears a cap."""

from agent.spool import CALM_PERCENT, FILLING_PERCENT, Spool
from agent.system.probe import Condition, Measured

CODE = "agent.queue_filling"


class QueueProbe:
    name = "queue"
    every_s = 0.0

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def measure(self) -> Measured:
        pending = self._spool.pending()
        since = f", the oldest from {pending.oldest_at:%Y-%m-%d %H:%M}" if pending.oldest_at else ""
        reason = f"{pending.messages} messages wait, {pending.filling_percent:.0f} % of what may{since}"
        values = {"queue_messages": float(pending.messages), "queue_bytes": float(pending.bytes)}
        condition = Condition(CODE, pending.filling_percent, FILLING_PERCENT, CALM_PERCENT, reason)
        return Measured(values, (condition,))

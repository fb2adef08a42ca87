"""The durable outbox. It stores and numbers messages; it sends nothing."""

from agent.spool.database import SpoolDamaged, SpoolError, SpoolFull
from agent.spool.outbox import FILE, STAND_IN_KIND, Batch, Json, Pending, Row, Spool

__all__ = [
    "FILE",
    "STAND_IN_KIND",
    "Batch",
    "Json",
    "Pending",
    "Row",
    "Spool",
    "SpoolDamaged",
    "SpoolError",
    "SpoolFull",
]

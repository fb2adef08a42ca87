"""The durable outbox. It stores and numbers messages; it sends nothing."""

from agent.spool.caps import CALM_PERCENT, FILLING_PERCENT, Caps
from agent.spool.classes import Class
from agent.spool.database import SpoolDamaged, SpoolError, SpoolFull
from agent.spool.lane import Batch, Row
from agent.spool.loose import Gap
from agent.spool.outbox import FILE, STAND_IN_KIND, Json, Pending, Spool, gap_fact

__all__ = [
    "CALM_PERCENT",
    "FILE",
    "FILLING_PERCENT",
    "STAND_IN_KIND",
    "Batch",
    "Caps",
    "Class",
    "Gap",
    "Json",
    "Pending",
    "Row",
    "Spool",
    "SpoolDamaged",
    "SpoolError",
    "SpoolFull",
    "gap_fact",
]

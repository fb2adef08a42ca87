"""How much the spool may hold. Pure: it only counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.spool.lane import Counters

CHUNK = 0.05
"""So much of a cap is freed at once, so that not every message has to make room."""
FILLING_PERCENT = 80.0
CALM_PERCENT = 60.0


@dataclass(frozen=True, slots=True)
class Caps:
    """`bytes` and `rows` are of everything that is here; only what is stored at the collector, states and figures
    give way to them. `loose_age`: states and figures that have waited longer are let go. `keep`: how long what the
    collector has stays here for a collector that is put back from a backup; `keep_rows`: at most so many incidents
    and journal entries of it."""

    bytes: int = 256 << 20
    rows: int = 1_000_000
    loose_age: timedelta = timedelta(days=35)
    keep: timedelta = timedelta(days=7)
    keep_rows: int = 100_000


@dataclass(frozen=True, slots=True)
class Excess:
    """What has to go; nothing where both are 0 or less."""

    rows: int
    bytes: int

    def __bool__(self) -> bool:
        return self.rows > 0 or self.bytes > 0


def excess(caps: Caps, *lanes: Counters) -> Excess:
    rows = sum(lane.rows + lane.kept_rows for lane in lanes)
    size = sum(lane.bytes + lane.kept_bytes for lane in lanes)
    if rows <= caps.rows and size <= caps.bytes:
        return Excess(0, 0)
    return Excess(rows - int(caps.rows * (1 - CHUNK)), size - int(caps.bytes * (1 - CHUNK)))


def filling_percent(caps: Caps, oldest_loose_at: datetime | None, now: datetime, *lanes: Counters) -> float:
    """How near what waits is to the nearest cap. What the collector has does not count: it gives way first."""
    shares = [
        sum(lane.rows for lane in lanes) / caps.rows,
        sum(lane.bytes for lane in lanes) / caps.bytes,
    ]
    if oldest_loose_at:
        shares.append((now - oldest_loose_at) / caps.loose_age)
    return 100.0 * max(shares)

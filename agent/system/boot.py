"""What happened since the agent last ran: a clean stop, a crash of the agent, or a computer that went down
without stopping it. Reads the boot time; keeps nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import psutil

_SAME_BOOT_S = 90.0
"""Boot time is worked out from the wall clock, so it moves when that clock is set."""


class Ending(StrEnum):
    FIRST = "first"
    CLEAN = "clean"
    CRASHED = "crashed"
    UNCLEAN_SHUTDOWN = "unclean_shutdown"


@dataclass(frozen=True, slots=True)
class LastRun:
    """What the last run left in the spool. `boot_id` is "" where the system has none."""

    boot_at: datetime
    boot_id: str
    clean: bool


@dataclass(frozen=True, slots=True)
class Boot:
    at: datetime
    id: str


def ending(last: LastRun | None, boot: Boot) -> Ending:
    """How the last run ended. A reboot that stopped the agent properly is clean."""
    if last is None:
        return Ending.FIRST
    if last.clean:
        return Ending.CLEAN
    if last.boot_id and boot.id:
        same = last.boot_id == boot.id
    else:
        same = abs((boot.at - last.boot_at).total_seconds()) < _SAME_BOOT_S
    return Ending.CRASHED if same else Ending.UNCLEAN_SHUTDOWN


def read() -> Boot:
    """The running boot. Linux gives each boot an id, which no change of the clock can move."""
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        boot_id = ""
    return Boot(datetime.fromtimestamp(int(psutil.boot_time()), UTC), boot_id)

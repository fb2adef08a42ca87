"""Free room on the local filesystems of the till, and on the one that holds the agent's queue."""

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from agent.system.probe import Condition, Measured

CODE = "host.disk_low"
CLEAR = 1.2
"""So much more than the limit must be free again."""
_NOT_DISKS = {"squashfs", "iso9660", "udf", "overlay", "tmpfs", "devtmpfs", "ramfs", "efivarfs", "cramfs"}
_MOST = 8
_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class Room:
    free: int
    total: int

    @property
    def percent(self) -> float:
        return 100.0 * self.free / self.total


def judge(rooms: Mapping[str, Room], low_percent: float) -> Measured:
    """`disk_free_*` are of the tightest filesystem; one more figure for each, with its place after a
    colon."""
    clear_at = low_percent * CLEAR
    if not rooms:
        return Measured(conditions=(Condition(CODE, None, low_percent, clear_at),))
    tightest = min(rooms, key=lambda place: rooms[place].percent)
    least = rooms[tightest]
    values = {"disk_free_bytes": float(least.free), "disk_free_percent": round(least.percent, 2)}
    for place, room in rooms.items():
        values[f"disk_free_bytes:{place[:60]}"] = float(room.free)
    reason = f"{tightest}: {least.percent:.1f} % free ({least.free / 1e9:.1f} GB)"
    return Measured(values, (Condition(CODE, least.percent, low_percent, clear_at, reason),))


@dataclass(frozen=True, slots=True)
class Disk:
    """`queue` is the folder of the agent's queue."""

    queue: Path
    low_percent: float
    name: str = "disk"
    every_s: float = 0.0

    def measure(self) -> Measured:
        return judge(self.rooms(), self.low_percent)

    def rooms(self) -> dict[str, Room]:
        """By place. One that may not be looked at, or is gone meanwhile, is passed by."""
        rooms: dict[str, Room] = {}
        devices: set[int] = set()
        for place in [*_places(), str(self.queue)]:
            with suppress(OSError):
                device, usage = Path(place).stat().st_dev, psutil.disk_usage(place)
                if device not in devices and usage.total and len(rooms) < _MOST:
                    devices.add(device)
                    # Free for services that are not root: what the till's programs can really use.
                    rooms[place] = Room(usage.free, usage.free + usage.used)
        return rooms


def _places() -> list[str]:
    """Where local filesystems are that may be written to; of several places of one, the shortest comes first."""
    writable = filesystems(_MOUNTS.read_text("utf-8", "replace")) if sys.platform == "linux" else None
    found = []
    for part in psutil.disk_partitions(all=False):
        written = (
            "ro" not in part.opts.split(",") if writable is None else writable.get(part.mountpoint, False)
        )
        if part.fstype and part.fstype not in _NOT_DISKS and written:
            found.append(part.mountpoint)
    return sorted(found, key=len)


def filesystems(mountinfo: str) -> dict[str, bool]:
    """Each mount point of /proc/PID/mountinfo (proc(5)), and whether its filesystem itself may be written to. A
    service may be shown all of them read-only, which says nothing about the disk."""
    found: dict[str, bool] = {}
    for line in mountinfo.splitlines():
        mount, dash, filesystem = line.partition(" - ")
        fields, options = mount.split(" "), filesystem.split(" ")[2:]
        if dash and len(fields) > 4:
            place = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4])
            found[place] = "ro" not in " ".join(options).split(",")
    return found

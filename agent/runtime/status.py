"""What `plomba-agent status` shows, read from the state folder beside a running agent."""

from datetime import datetime
from pathlib import Path
from typing import TypedDict

from agent.clock import Clock
from agent.spool import FILE, Json, Spool
from agent.uplink import identity
from agent.uplink.sender import STATE as UPLINK

DEVICE = "device."
COURSE = "relay.course"
UNKNOWN = "host.unknown"
"""Keys of the spool's state."""


class SpoolStatus(TypedDict):
    messages: int
    oldest_at: str | None
    quarantined: int


class Status(TypedDict):
    identity: dict[str, str] | None
    spool: SpoolStatus
    uplink: dict[str, Json]
    course: dict[str, Json]
    devices: dict[str, dict[str, Json]]
    unknown: dict[str, str]
    configuration: dict[str, Json]


def read(state_dir: Path, clock: Clock) -> Status:
    """Works while the agent runs, and before it ever ran."""
    spool_file = state_dir / FILE
    status = Status(
        identity=_identity(state_dir),
        spool=SpoolStatus(messages=0, oldest_at=None, quarantined=0),
        uplink={},
        course={},
        devices={},
        unknown={},
        configuration={},
    )
    if not spool_file.exists():
        return status
    with Spool(spool_file, clock) as spool:
        pending = spool.pending()
        oldest = pending.oldest_at.isoformat() if pending.oldest_at else None
        status["spool"] = SpoolStatus(
            messages=pending.messages, oldest_at=oldest, quarantined=pending.quarantined
        )
        uplink = spool.read_state(UPLINK)
        status["uplink"] = dict(uplink) if isinstance(uplink, dict) else {}
        course = spool.read_state(COURSE)
        status["course"] = dict(course) if isinstance(course, dict) else {}
        status["unknown"] = _unknown(spool.read_state(UNKNOWN))
        devices = spool.read_states(DEVICE)
        status["devices"] = {
            k.removeprefix(DEVICE): _aged(v, clock) for k, v in devices.items() if isinstance(v, dict)
        }
    return status


def last_good_at(device: Json) -> datetime | None:
    """Of one device, from what `DeviceWatch` stored under DEVICE."""
    good_at = device.get("last_good_at") if isinstance(device, dict) else None
    return datetime.fromisoformat(good_at) if isinstance(good_at, str) else None


def _unknown(kept: Json) -> dict[str, str]:
    """What is not known of the computer, with the reason, from what `HostWatch` stored by probe."""
    parts = kept.values() if isinstance(kept, dict) else ()
    return {name: str(why) for part in parts if isinstance(part, dict) for name, why in part.items()}


def _aged(device: dict[str, Json], clock: Clock) -> dict[str, Json]:
    """With the age of the last good answer; null where there was none."""
    good_at = last_good_at(device)
    age_s = None if good_at is None else round((clock.now() - good_at).total_seconds(), 1)
    return {**device, "last_good_age_s": age_s}


def _identity(state_dir: Path) -> dict[str, str] | None:
    try:
        known = identity.load(state_dir)
    except identity.NotEnrolled:
        return None
    return {
        "terminal": known.terminal,
        "collector": known.collector,
        "name": known.name,
        "site": known.site,
        "customer": known.customer,
    }

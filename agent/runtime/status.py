"""What `plomba-agent status` shows, read from the state folder beside a running agent."""

from pathlib import Path
from typing import TypedDict

from agent.clock import Clock
from agent.spool import FILE, Json, Spool
from agent.uplink import identity
from agent.uplink.sender import STATE as UPLINK

DEVICE = "device."


class SpoolStatus(TypedDict):
    messages: int
    oldest_at: str | None
    quarantined: int


class Status(TypedDict):
    identity: dict[str, str] | None
    spool: SpoolStatus
    uplink: dict[str, Json]
    devices: dict[str, dict[str, Json]]


def read(state_dir: Path, clock: Clock) -> Status:
    """Works while the agent runs, and before it ever ran."""
    spool_file = state_dir / FILE
    status = Status(
        identity=_identity(state_dir),
        spool=SpoolStatus(messages=0, oldest_at=None, quarantined=0),
        uplink={},
        devices={},
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
        devices = spool.read_states(DEVICE)
        status["devices"] = {k.removeprefix(DEVICE): v for k, v in devices.items() if isinstance(v, dict)}
    return status


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

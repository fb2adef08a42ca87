"""What one reading of a device is told as: the message to the collector, and what `plomba-agent status` shows."""

from collections.abc import Mapping
from datetime import datetime

from agent.devices.reading import Reading
from agent.spool import Json
from protocols.status.model import DeviceState
from protocols.wire import v1

_NEVER_STILL = frozenset({"device_time", "supply_voltage"})


def looks(reading: Reading) -> tuple[object, ...]:
    """What must be told when it changes: all but what never stands still."""
    state = tuple(v for k, v in reading.state.as_dict().items() if k not in _NEVER_STILL)
    return reading.contact, reading.reason_code, reading.identity, reading.profile, state


def message(reading: Reading) -> v1.State:
    return v1.State(
        seq=1,
        at=reading.at,
        device=reading.device,
        contact=reading.contact,
        reason=reading.reason[:400],
        last_good_at=reading.last_good_at,
        round_trip_ms=None if reading.round_trip_s is None else round(reading.round_trip_s * 1000, 3),
        profile=reading.profile,
        identity={k: v[:400] for k, v in reading.identity.as_dict().items() if v},
        state=_known_fields(reading.state),
    )


def _known_fields(state: DeviceState) -> v1.Detail:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in state.as_dict().items()
        if value is not None
    }


def kept(reading: Reading, unknown: Mapping[str, str]) -> Json:
    """`unknown`: fault code -> why nothing can be said of it."""
    return {
        "contact": reading.contact.value,
        "reason": reading.reason,
        "at": reading.at.isoformat(),
        "since": reading.since.isoformat() if reading.since else None,
        "last_good_at": reading.last_good_at.isoformat() if reading.last_good_at else None,
        "unknown": dict(unknown),
    }

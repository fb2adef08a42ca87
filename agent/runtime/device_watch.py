"""Looks at one device: polls it, has the reading judged, and tells its state when something in it changed."""

from datetime import datetime

from agent.clock import Clock
from agent.config import Device
from agent.devices.poller import Poller
from agent.devices.reading import Reading
from agent.health import observe_device
from agent.runtime.judging import Judging
from agent.runtime.outgoing import Outgoing
from agent.runtime.status import DEVICE
from agent.spool import Json
from protocols.status.model import DeviceState, Identity
from protocols.wire import v1

STATE_S = 300.0
"""A state that does not change is told this often."""
KNOWN = "known."
_GARBLED = "device.garbled"
_NEVER_STILL = frozenset({"device_time", "supply_voltage"})


class DeviceWatch:
    """`poll` is called by one thread at a time; SpoolError comes out of it when nothing can be stored."""

    def __init__(
        self, device: Device, poller: Poller, judging: Judging, outgoing: Outgoing, clock: Clock
    ) -> None:
        self._device = device
        self._poller = poller
        self._judging = judging
        self._outgoing = outgoing
        self._clock = clock
        self._told: tuple[object, ...] = ()
        self._told_s = 0.0
        self._known = Identity()

    def delay_s(self) -> float:
        return self._poller.next_delay_s

    def poll(self) -> None:
        reading = self._poller.poll()
        observations = observe_device(
            reading.contact,
            reading.state,
            garbled=reading.reason_code == _GARBLED,
            identity_changed=reading.identity_changed,
            clock_offset_s=reading.clock_offset_s,
            clock_drift_s=self._device.clock_drift_s,
        )
        looks = _looks(reading)
        due = looks != self._told or self._clock.monotonic() - self._told_s >= STATE_S
        beside = [_message(reading)] if due else []
        kept = {f"{DEVICE}{reading.device}": _kept(reading), **self._who(reading)}
        self._judging.hear(observations, reading.at, reason=reading.reason[:400], beside=beside, state=kept)
        if due:
            self._told, self._told_s = looks, self._clock.monotonic()
        else:
            self._outgoing.later([], kept)

    def _who(self, reading: Reading) -> dict[str, Json]:
        """Who the poller takes the device for, where that is new. Not what one reading said: a doubtful answer must not
        make a swapped device the known one."""
        if self._poller.known == self._known:
            return {}
        self._known = self._poller.known
        return {f"{KNOWN}{reading.device}": dict(self._known.as_dict())}


def _looks(reading: Reading) -> tuple[object, ...]:
    """What must be told when it changes: all but what never stands still."""
    state = tuple(v for k, v in reading.state.as_dict().items() if k not in _NEVER_STILL)
    return reading.contact, reading.reason_code, reading.identity, reading.profile, state


def _message(reading: Reading) -> v1.State:
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


def _kept(reading: Reading) -> Json:
    return {
        "contact": reading.contact.value,
        "reason": reading.reason,
        "at": reading.at.isoformat(),
        "last_good_at": reading.last_good_at.isoformat() if reading.last_good_at else None,
    }

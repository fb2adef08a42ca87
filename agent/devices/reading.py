"""What one poll of one device found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent.devices.runner import FLOOD
from protocols.errors import Garbled
from protocols.status.faults import conditions
from protocols.status.model import DeviceState, Identity
from protocols.wire.v1 import Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`state` is all unknown unless `contact` is OK. `reason` says why contact is not OK, "" otherwise;
    `reason_code` is the code of the error behind it. `last_good_at` is the time of the last reading with
    contact OK, this one included; `since` that of the first reading with this contact. `clock_offset_s` is the
    device's clock less the till's (local time), as last read; None: not known. `slow`: the questions that are
    asked seldom were answered since the last such reading, and `counters` has the wear counters, with their
    units in the names."""

    device: str
    at: datetime
    contact: Contact
    reason: str = ""
    reason_code: str = ""
    state: DeviceState
    identity: Identity
    identity_changed: bool = False
    profile: str = ""
    round_trip_s: float | None = None
    last_good_at: datetime | None = None
    since: datetime | None = None
    clock_offset_s: float | None = None
    slow: bool = False
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def garbled(self) -> bool:
        """Bytes came, but no valid answer."""
        return self.reason_code in (Garbled.code, FLOOD)

    def looks_like(self, other: "Reading") -> bool:
        """Nothing differs that a person would call a change; counters and times are none."""
        if self.contact is other.contact and self.state == other.state:
            return True  # most polls: no need to name the conditions
        return self._conditions() == other._conditions()

    def _conditions(self) -> tuple[Contact, bool | None, bool | None, frozenset[tuple[str, bool | None]]]:
        state = self.state
        drawer = state.drawer_open, state.drawer_sensor_high
        return self.contact, *drawer, frozenset(conditions(state).items())

"""What one poll of one device found."""

from dataclasses import dataclass
from datetime import datetime

from protocols.errors import Garbled
from protocols.status.faults import conditions
from protocols.status.model import DeviceState, Identity
from protocols.wire.v1 import Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`state` is all unknown unless `contact` is OK. `reason` says why contact is not OK, "" otherwise;
    `reason_code` is the code of the error behind it. `last_good_at` is the time of the last reading with
    contact OK, this one included. `clock_offset_s` is the device's clock less the till's (local time), as
    last read; None: not known."""

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
    clock_offset_s: float | None = None

    @property
    def garbled(self) -> bool:
        """Bytes came, but no valid answer."""
        return self.reason_code == Garbled.code

    def conditions(self) -> tuple[Contact, bool | None, frozenset[tuple[str, bool | None]]]:
        """What a person would call a change; counters and times are not."""
        return self.contact, self.state.drawer_open, frozenset(conditions(self.state).items())

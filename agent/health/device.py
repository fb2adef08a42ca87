"""Which conditions one reading of a device shows."""

from agent.health.observation import Observation
from protocols.status.faults import conditions
from protocols.status.model import DeviceState
from protocols.wire.v1 import Contact

_CONTACT: dict[str, dict[Contact, bool]] = {
    "device.no_reply": {Contact.NO_REPLY: True, Contact.OK: False, Contact.MISMATCH: False},
    "device.port_missing": {
        Contact.MISSING: True, Contact.OK: False, Contact.NO_REPLY: False, Contact.IN_USE: False,
        Contact.DENIED: False, Contact.MISMATCH: False,
    },
    "device.protocol_mismatch": {Contact.MISMATCH: True, Contact.OK: False},
}  # fmt: skip
"""What a contact proves; what is not listed leaves the condition unknown. A port in use is no fault and
proves nothing about the device."""


def observe_device(
    contact: Contact,
    state: DeviceState,
    *,
    garbled: bool = False,
    identity_changed: bool = False,
) -> dict[str, Observation]:
    """`garbled`: bytes came, but no valid answer; that for long is another kind of device, or another line
    speed. What takes more than one reading is added by `agent.health.derived`."""
    found: dict[str, Observation] = {**conditions(state), "drawer.open_too_long": state.drawer_open}
    for code, proof in _CONTACT.items():
        found[code] = proof.get(contact)
    if garbled:
        found |= {"device.protocol_mismatch": True, "device.no_reply": False, "device.port_missing": False}
    if contact is Contact.OK:
        found["device.identity_changed"] = identity_changed
    return found

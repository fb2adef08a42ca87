"""What a contact and a state prove, and what they leave unknown."""

import pytest

from agent.health import observe_device
from protocols.status.model import DeviceState
from protocols.wire.v1 import Contact

UNKNOWN = DeviceState()
X, O, U = True, False, None  # noqa: E741 - as in the table

TABLE = [
    # contact, garbled, no_reply, port_missing, protocol_mismatch
    (Contact.OK, False, O, O, O),
    (Contact.NO_REPLY, False, X, O, U),
    (Contact.MISSING, False, U, X, U),
    (Contact.IN_USE, False, U, O, U),
    (Contact.DENIED, False, U, O, U),
    (Contact.MISMATCH, False, O, O, X),
    (Contact.UNKNOWN, True, O, O, X),
    (Contact.UNKNOWN, False, U, U, U),
]


@pytest.mark.parametrize(("contact", "garbled", "silent", "missing", "mismatch"), TABLE)
def test_what_a_contact_proves(
    contact: Contact, garbled: bool, silent: bool | None, missing: bool | None, mismatch: bool | None
) -> None:
    found = observe_device(contact, UNKNOWN, garbled=garbled)
    assert found["device.no_reply"] is silent
    assert found["device.port_missing"] is missing
    assert found["device.protocol_mismatch"] is mismatch


@pytest.mark.parametrize("contact", [contact for contact in Contact if contact is not Contact.OK])
def test_without_contact_nothing_is_said_of_the_device(contact: Contact) -> None:
    found = observe_device(contact, UNKNOWN, identity_changed=True)
    assert {code for code, value in found.items() if value is not None} <= {
        "device.no_reply",
        "device.port_missing",
        "device.protocol_mismatch",
    }


def test_a_state_is_told_as_it_is() -> None:
    state = DeviceState(cover_open=True, paper_end=False, drawer_open=True, online=False)
    found = observe_device(Contact.OK, state, identity_changed=True)
    assert found["printer.cover_open"] is True
    assert found["printer.paper_end"] is False
    assert found["printer.cutter_error"] is None
    assert found["printer.offline"] is True
    assert found["drawer.open_too_long"] is True
    assert found["device.identity_changed"] is True

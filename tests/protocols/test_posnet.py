"""Posnet: refusals and what the line may do."""

import pytest

from protocols.device.family import Command, When
from protocols.device.posnet import FAMILY
from protocols.errors import Garbled, Rejected, UsageError
from tests.emulators.posnet import Posnet
from tests.links import Talk, plain

STATUS = FAMILY.commands(When.POLL)[0]


@pytest.mark.parametrize(
    ("behaviour", "error", "code"),
    [
        ("wrong_checksum", Garbled, "device.garbled"),
        ("stale_token", Garbled, "device.stale_reply"),
        ("stale_command", Garbled, "device.stale_reply"),
        ("error", Rejected, "device.rejected"),
        ("error_frame", Rejected, "device.rejected"),
    ],
)
def test_a_difficult_device_is_told_by_its_kind(behaviour: str, error: type[Exception], code: str) -> None:
    machine = Posnet()
    assert Talk(FAMILY.codec.exchange(STATUS, 0x60), machine.receive, plain()).run().data
    machine.set_behaviour({behaviour: 14})
    with pytest.raises(error) as caught:
        Talk(FAMILY.codec.exchange(STATUS, 0x61), machine.receive, plain()).run()
    assert getattr(caught.value, "code", "") == code


@pytest.mark.parametrize("name", ["opendrwr", "dailyrep", "trinit", "rtcset", "sprn\tpr0"])
def test_nothing_but_status_can_be_asked(name: str) -> None:
    with pytest.raises(UsageError):
        FAMILY.codec.encode(Command("", name), 0x60)

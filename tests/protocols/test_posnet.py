"""Posnet: refusals and what the line may do."""

import pytest

from protocols.device.family import Command, Reply, When
from protocols.device.posnet import FAMILY
from protocols.device.profile import EMPTY
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


@pytest.mark.parametrize(("missing", "near_end"), [(0, False), (1, None)])
def test_a_printer_without_a_near_end_sensor_does_not_know(missing: int, near_end: bool | None) -> None:
    """The sensor that it has is the control."""
    machine = Posnet()
    machine.set_behaviour({"no_near_end_sensor": missing})
    assert FAMILY.capabilities
    replies = [reply(machine, command) for command in FAMILY.commands(When.IDENTIFY)]
    mask = next(mask for mask in map(FAMILY.capabilities, replies) if mask is not None)
    state = FAMILY.read_state([reply(machine, STATUS)], EMPTY.common.with_sensors(mask))
    assert state.paper_near_end is near_end


def reply(machine: Posnet, command: Command) -> Reply:
    frame = Talk(FAMILY.codec.exchange(command, 0x60), machine.receive, plain()).run()
    return Reply(frame, command.request(0x60))


def test_counters_outside_the_fiscal_mode_are_constants() -> None:
    machine = Posnet()
    asked = [command for command in FAMILY.read_only_commands if command.code in ("scnt", "sfsk")]
    assert FAMILY.counters
    assert FAMILY.counters([reply(machine, c) for c in asked]) == {"documents": 123, "ram_resets": 1}
    machine.set_faults({"not_fiscalised": True})
    assert FAMILY.counters([reply(machine, c) for c in asked]) == {"documents": 123}

"""Tremol ZFP: receipts that refuse, paper shown by two commands, and what the line may do."""

from collections.abc import Callable

import pytest

from agent.devices import profile_store
from protocols.device.exchange import Frame
from protocols.device.family import Command, Reply, When
from protocols.device.tremol_zfp import FAMILY
from protocols.errors import Busy, Garbled, Rejected, Unexpected, UsageError
from protocols.status.model import DeviceState
from tests.emulators.tremol_zfp import TremolZfp, request
from tests.links import Talk, plain

PROFILE = profile_store.load()[FAMILY.name].common
STATUS = FAMILY.commands(When.POLL)[0]
TREMOL_FAULTS = {
    "cover_open": "cover_open",
    "cutter_error": "cutter_error",
    "mechanism_error": "mechanism_error",
    "paper_end": "paper_end",
    "paper_near_end": "paper_near_end",
    "head_overheat": "head_overheat",
    "drawer_signal": "drawer_sensor_high",
    "ram_reset": "ram_reset",
    "day_open": "day_open",
    "journal_full": "journal_full",
    "journal_near_full": "journal_near_full",
    "fiscal_memory_full": "fiscal_memory_full",
    "fiscal_memory_near_full": "fiscal_memory_near_full",
    "fiscal_memory_error": "fiscal_memory_error",
    "fiscal_memory_missing": "fiscal_memory_missing",
    "fiscal_memory_readonly": "fiscal_memory_readonly",
    "receipt_open": "receipt_open",
    "service_receipt_open": "receipt_open",
}


def talk(device: Callable[[bytes], bytes], command: Command = STATUS, number: int = 0x61) -> Talk:
    return Talk(FAMILY.codec.exchange(command, number), device, plain())


def polled(machine: TremolZfp) -> DeviceState:
    commands = FAMILY.commands(When.POLL)
    return FAMILY.read_state(
        [Reply(talk(machine.receive, c).run(), c.request(0x61)) for c in commands], PROFILE
    )


@pytest.mark.parametrize("fault", TREMOL_FAULTS)
def test_a_poll_sees_each_fault_and_its_absence(fault: str) -> None:
    machine = TremolZfp()
    flag = TREMOL_FAULTS[fault]
    assert getattr(polled(machine), flag) is False
    machine.set_faults({fault: True})
    assert getattr(polled(machine), flag) is True


def test_no_paper_in_the_status_is_not_taken_back_by_a_printer_without_the_sensor() -> None:
    status = Frame(0x61, 0x20, data=b"\x80\x81\x80\xf0\x80\x80\x80", status=b"\x80\x81\x80\xf0\x80\x80\x80")
    printer = Frame(0x62, 0x66, data=b"Y;\x90\x80\x80\x80;J")
    assert FAMILY.read_state([Reply(status), Reply(printer)], PROFILE).paper_end is True


@pytest.mark.parametrize("error", [0x01, 0x04, 0x90, 0xB2])
def test_a_receipt_refuses_the_command_and_names_its_error(error: int) -> None:
    machine = TremolZfp()
    machine.set_behaviour({"error": error})
    with pytest.raises(Rejected) as caught:
        talk(machine.receive).run()
    assert caught.value.maker_code == f"{error:02X}"


@pytest.mark.parametrize(
    ("behaviour", "error", "code"),
    [
        ("wrong_checksum", Garbled, "device.garbled"),
        ("stale_number", Garbled, "device.stale_reply"),
        ("stale_command", Garbled, "device.stale_reply"),
        ("nack", Garbled, "device.nak"),
        ("retry", Busy, "device.busy"),
    ],
)
def test_a_difficult_device_is_told_by_its_kind(behaviour: str, error: type[Exception], code: str) -> None:
    machine = TremolZfp()
    machine.set_behaviour({behaviour: True})
    with pytest.raises(error) as caught:
        talk(machine.receive).run()
    assert getattr(caught.value, "code", "") == code


def test_one_damaged_packet_is_sent_again_with_its_number() -> None:
    machine = TremolZfp()
    machine.set_behaviour({"nack_once": True})
    asked = talk(machine.receive)
    assert asked.run().status
    assert asked.written == [request(0x61, 0x20)] * 2


@pytest.mark.parametrize("data", [b"", b"0", b":", b"9"])
def test_registers_are_read_with_one_option_only(data: bytes) -> None:
    with pytest.raises(UsageError):
        FAMILY.codec.encode(Command("", 0x6E, data), 0x60)
    assert FAMILY.codec.encode(Command("", 0x6E, b"5"), 0x60) == request(0x60, 0x6E, b"5")


@pytest.mark.parametrize("line", [b"hello", b"x;1;2;model;v", b"2;1;2;;v", b"\xff" * 30])
def test_another_answer_to_the_version_is_no_zfp_device(line: bytes) -> None:
    with pytest.raises(Unexpected):
        FAMILY.identify([Reply(Frame(0x60, 0x21, data=line))])


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        (b"21-11-2026;17;2;001234;21-11-2026 22:58;1;0", {"ram_resets": 2, "receipts": 1234}),
        (b"21-11-2026;0017;0002;", {"ram_resets": 2}),  # the older description
        (b"21-11-2026;17", {}),
        (b"21-11-2026;17;x;-1", {}),
    ],
)
def test_counters_of_the_last_report(line: bytes, counted: dict[str, int]) -> None:
    assert FAMILY.counters
    assert FAMILY.counters([Reply(Frame(0x60, 0x73, data=line))]) == counted

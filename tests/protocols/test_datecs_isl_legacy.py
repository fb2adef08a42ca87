"""Datecs ISL: what the line may do, and what each maker's printer says of itself."""

from typing import Any

import pytest

from agent.devices import profile_store
from protocols.device.datecs_isl_legacy import FAMILY
from protocols.device.exchange import Frame
from protocols.device.family import Command, Reply, When
from protocols.errors import Busy, DeviceError, Garbled, Rejected, Unexpected, UsageError
from protocols.status.faults import present
from tests.emulators.datecs_isl_legacy import DatecsIsl, request
from tests.links import Talk, plain

PROFILES = profile_store.load()[FAMILY.name]
STATUS = FAMILY.commands(When.POLL)[0]
CLOCK = next(command for command in FAMILY.read_only_commands if command.code == 0x3E)
MAKERS = {
    "FP-700": ("Datecs", "FP-700", "datecs_p", "1.00BG 23NOV18 1000"),
    "FP-1000": ("Datecs", "FP1000", "datecs_old", "2.00 10Mar05 1200"),
    "DP-25": ("Datecs", "DP-25", "datecs_c", "263453 08Nov18 1312"),
    "A1": ("Eltrade", "A1", "eltrade", "KL5101.1811.0.3 15Nov18 15:49"),
    "CompactM": ("Daisy", "CompactM", "daisy", "ONL-4.01BG 23-11-2018 12:00"),
    "300SM KL-Q": ("Incotex", "", "incotex", "2.11 Jan 22 2019 14:00"),
}
FAULTS = {
    "cover_open": "printer.cover_open",
    "paper_end": "printer.paper_end",
    "paper_near_end": "printer.paper_near_end",
    "head_overheat": "printer.head_overheat",
    "cutter_error": "printer.cutter_error",
    "mechanism_error": "printer.mechanism_error",
    "clock_not_set": "fiscal.clock_not_set",
    "battery_low": "fiscal.battery_low",
    "ram_reset": "fiscal.ram_reset",
    "tax_link_fault": "fiscal.tax_link",
    "journal_near_full": "fiscal.journal_near_full",
    "journal_full": "fiscal.journal_full",
    "fiscal_memory_full": "fiscal.memory_full",
    "fiscal_memory_near_full": "fiscal.memory_near_full",
    "fiscal_memory_error": "fiscal.memory_error",
    "fiscal_memory_readonly": "fiscal.memory_readonly",
    "not_fiscalised": "fiscal.not_registered",
}


def talk(machine: DatecsIsl, command: Command = STATUS, sequence: int = 0x61) -> Talk:
    return Talk(FAMILY.codec.exchange(command, sequence), machine.receive, plain())


def reply(machine: DatecsIsl, command: Command, sequence: int = 0x61) -> Reply:
    return Reply(talk(machine, command, sequence).run(), command.request(sequence))


@pytest.mark.parametrize("model", MAKERS)
def test_each_maker_is_known_by_its_identification(model: str) -> None:
    maker, name, profile, firmware = MAKERS[model]
    identity = FAMILY.identify([reply(DatecsIsl(model), FAMILY.commands(When.IDENTIFY)[0])])
    assert (identity.maker, identity.model, identity.firmware) == (maker, name, firmware)
    assert len(identity.serial) == 8
    assert len(identity.fiscal_memory_number) == 8
    assert PROFILES.choose(identity.model, identity.maker).name == profile


@pytest.mark.parametrize("line", [b"hello", b"1,2,3", b"\xff" * 30])
def test_another_answer_to_the_identification_is_no_isl_printer(line: bytes) -> None:
    with pytest.raises(Unexpected):
        FAMILY.identify([Reply(Frame(0x20, 0x5A, data=line))])


@pytest.mark.parametrize(
    ("line", "model", "serial", "memory"),
    [
        (b"DP-25,1.00 08Nov18 1312,FFFF,0000,02700321,DT700321", "DP-25", "DT700321", "02700321"),
        (b"4.01 231118 1200,FFFF,0000,6,DY400011,36400011", "", "DY400011", "36400011"),
        (b"FP3002.00 10Mar05 1200,FFFF,0,DT000042,02000042", "FP300", "DT000042", "02000042"),
        (b"B1,1.00 15Nov18 1549,FFFF,0000,ED300012,44300012", "B1", "ED300012", "44300012"),
    ],
)
def test_the_forms_of_the_identification(line: bytes, model: str, serial: str, memory: str) -> None:
    identity = FAMILY.identify([Reply(Frame(0x20, 0x5A, data=line))])
    assert (identity.model, identity.serial, identity.fiscal_memory_number) == (model, serial, memory)


def test_an_identification_with_more_fields_is_read_by_its_serial_number() -> None:
    """Ukrainian firmware puts a country number before the serial."""
    line = b"FP-550,3.50UA 10Mar15 1200,FFFF,10000000,804,UA600123,3000012345"
    identity = FAMILY.identify([Reply(Frame(0x20, 0x5A, data=line))])
    assert (identity.serial, identity.fiscal_memory_number) == ("UA600123", "3000012345")


@pytest.mark.parametrize("model", MAKERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_every_map(model: str, fault: str) -> None:
    """The emulator's table and the profile come from the same manual by two hands."""
    machine = DatecsIsl(model)
    profile = PROFILES.choose(MAKERS[model][2])
    assert present(FAMILY.read_state([reply(machine, STATUS)], profile)) == []
    machine.set_faults({fault: True})
    shown = present(FAMILY.read_state([reply(machine, STATUS, 0x62)], profile))
    known = fault in machine.bits or fault == "not_fiscalised"
    assert shown == ([FAULTS[fault]] if known else [])


@pytest.mark.parametrize("fault", ["receipt_open", "service_receipt_open"])
def test_an_open_receipt_is_a_state_for_any_model(fault: str) -> None:
    machine = DatecsIsl()
    machine.set_faults({fault: True})
    state = FAMILY.read_state([reply(machine, STATUS)], PROFILES.common)
    assert state.receipt_open is True
    assert present(state) == []


def test_an_unknown_model_shows_only_what_all_maps_share() -> None:
    machine = DatecsIsl()
    machine.set_faults(dict.fromkeys(FAULTS, True))
    state = FAMILY.read_state([reply(machine, STATUS)], PROFILES.choose("FP-9999"))
    assert present(state) == [
        "printer.paper_end",
        "fiscal.memory_full",
        "fiscal.memory_near_full",
        "fiscal.memory_error",
        "fiscal.clock_not_set",
    ]
    assert state.cover_open is None
    assert state.fiscalised is None


@pytest.mark.parametrize(
    ("behaviour", "error", "code"),
    [
        ({"nak": 1}, Garbled, "device.nak"),
        ({"wrong_checksum": 1}, Garbled, "device.garbled"),
        ({"stale_sequence": 1}, Garbled, "device.stale_reply"),
        ({"stale_command": 1}, Garbled, "device.stale_reply"),
        ({"other_variant": 1}, Unexpected, "device.protocol_mismatch"),
        ({"syn_forever": 1}, Busy, "device.busy"),
        ({"truncated": 1}, Garbled, "device.garbled"),
    ],
)
def test_a_bad_line_ends_in_the_right_error(
    behaviour: dict[str, Any], error: type[DeviceError], code: str
) -> None:
    machine = DatecsIsl()
    machine.set_behaviour(behaviour)
    conversation = talk(machine)
    with pytest.raises(error) as caught:
        conversation.run()
    assert caught.value.code == code
    assert conversation.written == [FAMILY.codec.encode(STATUS, 0x61)] * 3


@pytest.mark.parametrize("behaviour", [{"nak_once": 1}, {"syn": 20}, {"noise": 1}, {"echo": 1}])
def test_a_difficult_line_still_answers(behaviour: dict[str, Any]) -> None:
    machine = DatecsIsl()
    expected = talk(DatecsIsl()).run()
    machine.set_behaviour(behaviour)
    assert talk(machine).run() == expected


def test_a_repeat_has_the_same_sequence_and_is_not_executed_again() -> None:
    machine = DatecsIsl()
    machine.set_behaviour({"wrong_checksum": 1})
    with pytest.raises(Garbled):
        talk(machine).run()
    assert machine.executed == [0x4A]


def test_syn_keeps_the_exchange_waiting_without_a_new_try() -> None:
    exchange = FAMILY.codec.exchange(STATUS, 0x61)
    exchange.start()
    for _ in range(50):
        assert type(exchange.receive(b"\x16")).__name__ == "Wait"


def test_a_false_preamble_in_noise_does_not_hide_the_reply() -> None:
    machine = DatecsIsl()
    answer = machine.receive(FAMILY.codec.encode(STATUS, 0x61))
    exchange = FAMILY.codec.exchange(STATUS, 0x61)
    exchange.start()
    step = exchange.receive(b"\x01\xff\x30\x30" + answer)  # looks like a frame of 223 bytes
    assert type(step).__name__ == "Wait"
    assert type(exchange.silence()).__name__ == "Done"


def test_a_refused_command_says_so() -> None:
    machine = DatecsIsl()
    exchange = FAMILY.codec.exchange(CLOCK, 0x61)
    exchange.start()
    with pytest.raises(Rejected) as caught:
        exchange.receive(machine._pack(0x61, 0x3E, b"", 0x02))
    assert caught.value.maker_code == "A2808080869A"


def test_the_sequence_keeps_clear_of_the_cash_program() -> None:
    """Cash programs begin at 20h; a frame with the number of the last one would not be executed."""
    sequence, used = FAMILY.codec.first_sequence(), set()
    for _ in range(200):
        used.add(sequence)
        assert FAMILY.codec.next_sequence(sequence) != sequence
        sequence = FAMILY.codec.next_sequence(sequence)
    assert used == set(range(0x60, 0x80))


@pytest.mark.parametrize("sequence", [0, 0x1F, 0x80, 256, -1])
def test_a_sequence_outside_the_manual_is_a_bug(sequence: int) -> None:
    with pytest.raises(UsageError):
        FAMILY.codec.encode(STATUS, sequence)


def test_wear_counters() -> None:
    command = next(c for c in FAMILY.read_only_commands if c.data == b"P")
    assert FAMILY.counters
    assert FAMILY.counters([reply(DatecsIsl(), command)]) == {
        "paper_mm": 1234567,
        "documents": 8901,
        "cuts": 7654,
        "power_ons": 321,
        "modem_restarts": 0,
    }
    assert FAMILY.counters([reply(DatecsIsl(), STATUS)]) == {}


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (0x3E, b"99-99-99 99:99:99"),
        (0x40, b"F"),
        (0x40, b"P,x,y"),
        (0x41, b"a,b"),
        (0x44, b"-,"),
        (0x4C, b"?"),
        (0x51, b"nan"),
        (0x51, b"1e9"),
        (0x56, b"00-00-0000"),
        (0x6E, b",,,,"),
    ],
)
def test_nonsense_in_a_reply_leaves_the_value_unknown(code: int, line: bytes) -> None:
    frame = Frame(0x20, code, data=line, status=bytes.fromhex("80808080869a"))
    state = FAMILY.read_state([Reply(frame)], PROFILES.choose("FP-700"))
    values = (state.device_time, state.last_z_number, state.last_z_time, state.free_z_records)
    assert values == (None,) * 4
    assert state.supply_voltage is None
    assert state.day_open is None


def test_the_finer_time_of_the_last_record_is_kept_whatever_the_order() -> None:
    frames = [Frame(0x20, 0x56, data=b"21-11-2026 22:58:03"), Frame(0x21, 0x40, data=b"P,0412,0,211126")]
    for order in (frames, frames[::-1]):
        state = FAMILY.read_state([Reply(frame) for frame in order], PROFILES.common)
        assert str(state.last_z_time) == "2026-11-21 22:58:03"
        assert state.last_z_number == 412


def test_the_emulator_refuses_a_damaged_frame() -> None:
    raw = bytearray(request(0x20, 0x4A, b"X"))
    raw[-2] ^= 1
    machine = DatecsIsl()
    assert machine.receive(bytes(raw)) == b"\x15"
    assert machine.executed == []

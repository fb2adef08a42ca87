"""Datecs ISL: what the line may do, and what each maker's printer says of itself."""

from typing import Any

import pytest

from agent.devices import profile_store
from protocols.device.datecs_isl_legacy import FAMILY
from protocols.device.exchange import Frame
from protocols.device.family import Command, Direction, Reply, Unparsed, When
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


NAMED = {
    "datecs_p": ("FP-550", "FP-650", "FP-700", "FP-800", "FP-2000", "FMP-10", "fp 2000", " Datecs FP-800 "),
    "datecs_old": ("FP-300", "FP-1000", "FP-550F", "fp300"),
    "datecs_c": ("DP-05", "DP-15", "DP-25", "DP-35", "DP-50", "DP-150", "WP-50", "dp-25"),
    "eltrade": ("Eltrade A1", "ELTRADE", "eltrade nobody knows"),
    "daisy": ("Daisy Perfect", "Daisy FX 1300", "CompactM"),
    "incotex": ("Incotex 133", "777", "300S"),
    "common": ("FP-700X", "DP-25X", "WP-500X", "DP-150MX", "Datecs", "Datecs FP-9000", "Dai", "", None),
}


@pytest.mark.parametrize(("name", "models"), NAMED.items())
def test_a_model_chooses_its_profile(name: str, models: tuple[str | None, ...]) -> None:
    assert {PROFILES.choose(model).name for model in models} == {name}
    if name != "common":
        assert PROFILES.choose(name.upper()).name == name


NUMBERS = {"datecs_p": (4, 2), "datecs_old": (4, 2), "eltrade": (4, 2), "datecs_c": (4, 2),
           "daisy": (5, 5), "incotex": (5, 5)}  # fmt: skip


@pytest.mark.parametrize(("name", "bit"), NUMBERS.items())
def test_missing_numbers_are_a_fault_beside_the_fiscal_mode(name: str, bit: tuple[int, int]) -> None:
    """5.3 alone tells the mode; the numbers of device and memory are another matter."""
    healthy = [0x80, 0x80, 0x80, 0x80, 0x86 if bit[0] == 4 else 0x80, 0xBA if bit[0] == 5 else 0x9A]
    found = []
    for numbers, mode in ((1, 1), (0, 1), (1, 0)):
        status = [*healthy]
        status[bit[0]] &= ~((1 - numbers) << bit[1])
        status[5] &= ~((1 - mode) << 3)
        state = FAMILY.read_state([Reply(Frame(0x20, 0x71, status=bytes(status)))], PROFILES.choose(name))
        assert "numbers_set" not in state.as_dict()
        found.append((state.fiscalised, present(state)))
    missing = ["fiscal.not_registered"]
    assert found == [(True, []), (True, missing), (False, missing)]


@pytest.mark.parametrize(
    ("line", "is_open"),
    [
        (b"0,0,0,0,0,0,0,0,0123,0456", False),
        (b"0,0,0,0,0,777,0,0,0123,0456", True),
        (b"0,0,0,0,0123,0456", False),
        (b"0,0,0,5,0123,0456", True),
        (b"0,0,0,0,0,0,0,0,0123,0456,0,3", True),
        (b"0,0,0,0,0,0,0,0,0123,0456,0,0", False),
        (b"0,x,0,0,0123,0456", None),
    ],
)
def test_any_payment_of_the_day_opens_it_but_no_counter(line: bytes, is_open: bool | None) -> None:
    assert FAMILY.read_state([Reply(Frame(0x20, 0x6E, data=line))], PROFILES.common).day_open is is_open


@pytest.mark.parametrize(
    ("status", "line", "is_open"),
    [(0x80, b"0,0,0", False), (0x80, b"1,2,3", True), (0xA0, b"0,0,0", True), (0x88, b"", True)],
)
def test_a_service_receipt_stays_open_whatever_the_fiscal_one_is(
    status: int, line: bytes, is_open: bool
) -> None:
    frame = Frame(0x20, 0x4C, data=line, status=bytes([0x80, 0x80, status, 0x80, 0x86, 0x9A]))
    assert FAMILY.read_state([Reply(frame)], PROFILES.common).receipt_open is is_open


@pytest.mark.parametrize(
    ("field", "when"),
    [
        (b"221126", "2026-11-22T00:00:00"),
        (b"22-11-26 13:45:01", "2026-11-22T13:45:01"),
        (b"22112026", None),
        (b"2211", None),
    ],
)
def test_the_day_of_the_last_record_is_never_cut_out_of_other_digits(field: bytes, when: str | None) -> None:
    reply_ = Reply(Frame(0x20, 0x40, data=b"P,7,1.00," + field))
    found = FAMILY.read_state([reply_], PROFILES.common).last_z_time
    assert (found and found.isoformat()) == when


def test_a_request_holds_at_most_213_bytes_of_data() -> None:
    for size, fits in ((213, True), (214, False)):
        raw = request(0x20, 0x71, b"a" * size)
        if fits:
            assert len(FAMILY.codec.parse(raw, Direction.HOST_TO_DEVICE)[0].frame.data) == size
        else:
            with pytest.raises(Unparsed):
                FAMILY.codec.parse(raw, Direction.HOST_TO_DEVICE)


@pytest.mark.parametrize(
    ("asked", "fits"),
    [("3e", True), (request(0x20, 0x3E).hex(), True), ("4a58", False), (request(0x20, 0x4A, b"X").hex(), False),
     (request(0x20, 0x3E).hex()[:-2], False), ("", False), ("1f", False)],
)  # fmt: skip
def test_a_payload_is_paired_with_a_payload_or_a_whole_frame(asked: str, fits: bool) -> None:
    pair = (b"\x3e22-11-26 13:45:00", Direction.DEVICE_TO_HOST, bytes.fromhex(asked))
    if fits:
        assert FAMILY.codec.parse_payload(*pair)[0].frame.command == 0x3E
    else:
        with pytest.raises(Unparsed):
            FAMILY.codec.parse_payload(*pair)

"""ESC/POS: answers that name no question, and everything that must not be taken for one."""

import pytest

from agent.devices import profile_store
from protocols.device.escpos import FAMILY
from protocols.device.exchange import Done, Exchange, Wait, Write
from protocols.device.family import Command, Direction, Reply, Unparsed, When
from protocols.errors import Busy, DeviceError, Garbled, NoReply
from protocols.status.faults import present
from tests.emulators.escpos import EscPos
from tests.links import Talk, plain

PROFILES = profile_store.load()[FAMILY.name]
IDENTITY = FAMILY.commands(When.IDENTIFY)[0]
POLL = FAMILY.commands(When.POLL)
PAPER_BUFFERED = next(c for c in FAMILY.read_only_commands if c.name == "paper sensor, buffered")


def exchange(command: Command = POLL[0]) -> Exchange:
    return FAMILY.codec.exchange(command, 0)


def talk(machine: EscPos, command: Command) -> Talk:
    return Talk(exchange(command), machine.receive, plain())


def started(command: Command = POLL[0]) -> Exchange:
    found = exchange(command)
    found.start()
    return found


def status(machine: EscPos) -> list[Reply]:
    return [Reply(talk(machine, command).run(), command.request()) for command in POLL]


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("paper_near_end", ["printer.paper_near_end"]),
        ("paper_end", ["printer.paper_end", "printer.offline"]),
        ("cover_open", ["printer.cover_open", "printer.offline"]),
        ("cutter_error", ["printer.cutter_error", "printer.offline"]),
        ("mechanism_error", ["printer.mechanism_error", "printer.offline"]),
        ("head_overheat", ["printer.head_overheat", "printer.offline"]),
        ("offline", ["printer.offline"]),
        ("drawer_open", []),
    ],
)
def test_every_fault_is_seen_and_its_end_too(fault: str, codes: list[str]) -> None:
    machine = EscPos()
    machine.set_faults({fault: True})
    assert present(FAMILY.read_state(status(machine), PROFILES.common)) == codes
    machine.set_faults({fault: False})
    assert present(FAMILY.read_state(status(machine), PROFILES.common)) == []


@pytest.mark.parametrize("low", [False, True])
def test_the_drawer_is_a_level_not_a_state(low: bool) -> None:
    machine = EscPos()
    machine.set_behaviour({"drawer_open_is_low": low})
    machine.set_faults({"drawer_open": True})
    state = FAMILY.read_state(status(machine), PROFILES.common)
    assert state.drawer_sensor_high is not low
    assert state.drawer_open is None


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x10\x00\x00\x00",
        b"\x38\x00\x00\x00",
        b"\x18\x00\x0f\x00",
        b"\x18\x13\x00\x0f\x11\x00",
        b"_TM-T20II2\x00",
        b"\x11",
        b"\x13",
        b"\x00",
        b"\x92",
        b"\x13\x11\x00\x03\x0c",
    ],
)
def test_what_is_no_answer_is_passed_over(rubbish: bytes) -> None:
    """Automatic status, a late identification that holds a 2 (32h looks like an answer), flow control,
    noise."""
    poll = started()
    assert poll.receive(rubbish) == Wait(0.5)
    step = poll.receive(b"\x1a")
    assert isinstance(step, Done)
    assert step.frame.status == b"\x1a"


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_half_an_automatic_status_is_not_half_read(cut: int) -> None:
    poll = started()
    frame = b"\x18\x00\x0f\x00"
    assert poll.receive(frame[:cut]) == Wait(0.5)
    assert poll.receive(frame[cut:]) == Wait(0.5)
    assert isinstance(poll.receive(b"\x12"), Done)


def test_half_a_block_is_lost_with_the_silence_not_read_as_status() -> None:
    poll = started()
    assert poll.receive(b"_TM-T2") == Wait(0.5)
    assert poll.silence() == Write(b"\x10\x04\x01", 0.5)


def test_after_a_repeat_no_answer_is_left_for_the_next_question() -> None:
    poll = started()
    assert isinstance(poll.silence(), Write)
    assert poll.receive(b"\x16") == Wait(0.5)
    step = poll.receive(b"\x12")
    assert isinstance(step, Done)
    assert step.frame.status == b"\x12"


def test_after_a_repeat_one_answer_and_silence_is_enough() -> None:
    poll = started()
    poll.silence()
    poll.receive(b"\x16")
    assert isinstance(poll.silence(), Done)


def test_wrong_fixed_bits_are_no_answer() -> None:
    machine = EscPos()
    machine.set_behaviour({"wrong_pattern": True})
    with pytest.raises(Garbled):
        talk(machine, POLL[0]).run()


def test_automatic_status_that_somebody_switched_on_does_not_disturb() -> None:
    machine = EscPos()
    machine.set_behaviour({"asb_before": True})
    machine.set_faults({"cover_open": True})
    assert present(FAMILY.read_state(status(machine), PROFILES.common)) == [
        "printer.cover_open",
        "printer.offline",
    ]


def test_a_printer_that_does_not_say_who_it_is_is_no_fault() -> None:
    machine = EscPos()
    machine.set_behaviour({"no_identity": True})
    conversation = talk(machine, IDENTITY)
    frame = conversation.run()
    assert FAMILY.identify([Reply(frame, IDENTITY.request())]).model == ""
    assert len(conversation.written) == 2  # nothing more is asked after the first silence


@pytest.mark.parametrize("fault", ["paper_end", "cover_open", "offline"])
def test_nothing_is_left_in_the_buffer_of_a_printer_that_is_offline(fault: str) -> None:
    machine = EscPos()
    machine.set_faults({fault: True})
    assert FAMILY.identify([Reply(talk(machine, IDENTITY).run(), IDENTITY.request())]).model == ""
    with pytest.raises(Busy):
        talk(machine, PAPER_BUFFERED).run()
    assert machine.state()["waiting"] == 0


def test_an_identification_that_comes_late_is_not_taken_for_the_next() -> None:
    """The first question falls silent; what comes after that belongs to nobody."""
    asking = started(IDENTITY)
    assert asking.receive(b"\x12") == Write(b"\x1dIC", 1.0)
    step = asking.silence()
    assert isinstance(step, Done)
    assert step.frame.data == b""


def test_an_identification_from_before_is_dropped() -> None:
    asking = started(IDENTITY)
    asking.receive(b"_OLD\x00")
    assert asking.receive(b"\x12") == Write(b"\x1dIC", 1.0)
    asking.receive(b"_TM-T20III\x00")
    step = asking.silence()
    assert isinstance(step, Done)
    assert step.frame.data == b"TM-T20III\x00"


def test_buffered_status_of_a_printer_that_knows_it() -> None:
    machine = EscPos()
    machine.set_faults({"paper_near_end": True})
    reply = Reply(talk(machine, PAPER_BUFFERED).run(), PAPER_BUFFERED.request())
    assert FAMILY.read_state([reply], PROFILES.common).paper_near_end is True


def test_a_buffered_question_without_an_answer_ends() -> None:
    asking = started(PAPER_BUFFERED)
    asking.receive(b"\x12")
    with pytest.raises(NoReply):
        asking.silence()


def test_a_long_stream_keeps_nothing_and_ends() -> None:
    poll = started()
    for _ in range(50):
        assert poll.receive(b"_" + b"A" * 4000) == Wait(0.5)
    with pytest.raises(DeviceError):
        poll.expire()


def test_a_model_without_a_near_end_sensor_says_nothing_when_it_seems_well() -> None:
    machine = EscPos()
    profile = PROFILES.choose("TM-U220")
    assert FAMILY.read_state(status(machine), profile).paper_near_end is None
    machine.set_faults({"paper_near_end": True})
    assert FAMILY.read_state(status(machine), profile).paper_near_end is True


def test_a_newer_answer_to_the_same_question_goes_over_the_older() -> None:
    machine = EscPos()
    machine.set_faults({"cover_open": True})
    older = status(machine)
    machine.set_faults({"cover_open": False})
    assert FAMILY.read_state(older + status(machine), PROFILES.common).cover_open is False


@pytest.mark.parametrize("n", [0, 6, 9, 0x31, 0xFF])
def test_a_status_that_does_not_exist_is_no_request(n: int) -> None:
    asked = bytes([0x10, 0x04, n])
    for raw, direction, request in (
        (asked, Direction.HOST_TO_DEVICE, None),
        (b"\x12", Direction.DEVICE_TO_HOST, asked),
    ):
        with pytest.raises(Unparsed):
            FAMILY.codec.parse(raw, direction, request)
    assert FAMILY.codec.parse(b"\x12", Direction.DEVICE_TO_HOST, b"\x10\x04\x05")
    assert FAMILY.codec.parse(b"\x12", Direction.DEVICE_TO_HOST, b"\x10\x04\x07\x01")

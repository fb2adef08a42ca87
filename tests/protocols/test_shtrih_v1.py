"""The standard Shtrih-M line: what ENQ, ACK and NAK are worth, and whose answer a frame without a number is."""

from pathlib import Path

import pytest

from protocols.device import shtrih_v1, shtrih_v2
from protocols.device.exchange import Done, Exchange, Wait, Write
from protocols.device.family import Command, Direction, Family, Reply, When
from protocols.device.profile import Profile, parse
from protocols.device.shtrih_v1 import FAMILY
from protocols.errors import Busy, DeviceError, Garbled, Rejected, UsageError
from tests import links
from tests.emulators.shtrih_v1 import ShtrihV1, request

KEY = b"\x1e\0\0\0"
ENQ, ACK, NAK = b"\x05", b"\x06", b"\x15"
PROFILES = Path(shtrih_v1.__file__).parent / "profiles"


def command(name: str, family: Family = FAMILY) -> Command:
    return next(c for c in family.read_only_commands if c.name == name)


def dialogue(name: str = "short status") -> Exchange:
    return FAMILY.codec.exchange(command(name), 0)


def talk(machine: ShtrihV1, name: str = "short status", link: links.Link | None = None) -> links.Talk:
    return links.Talk(dialogue(name), machine.receive, link or links.plain())


@pytest.fixture
def machine() -> ShtrihV1:
    return ShtrihV1()


def test_the_dialogue_is_that_of_the_manual(machine: ShtrihV1) -> None:
    conversation = talk(machine)
    conversation.run()
    assert conversation.written == [ENQ, bytes.fromhex("0205101e0000000b")]
    assert machine.pending == b""  # acknowledged: nobody is given our answer


def test_an_answer_left_over_from_the_cash_program_is_read_and_thrown_away(machine: ShtrihV1) -> None:
    machine.receive(request(b"\x11" + KEY))
    assert machine.pending
    conversation = talk(machine)
    assert conversation.run().command == 0x10
    assert conversation.written[1] == ACK + ENQ


def test_a_left_over_answer_to_the_same_command_is_not_ours(machine: ShtrihV1) -> None:
    """A frame has no number: only NAK to ENQ proves that what comes next is new."""
    machine.set_faults({"cover_open": True})
    machine.receive(request(b"\x10" + KEY))
    machine.set_faults({"cover_open": False})
    fresh = talk(machine).run()
    assert not fresh.data[2] & 0x04


def test_without_the_rule_the_left_over_answer_would_count() -> None:
    """The control: once the command is out, the same bytes are the answer."""
    left_over = bytes.fromhex("02021000") + b"\x12"
    exchange = dialogue()
    exchange.start()
    assert isinstance(exchange.receive(ACK + left_over), Write)
    exchange = dialogue()
    exchange.start()
    exchange.receive(NAK)
    assert isinstance(exchange.receive(ACK + left_over), Done)


@pytest.mark.parametrize("behaviour", ["stray", "nak_once"])
def test_difficult_devices_are_understood(machine: ShtrihV1, behaviour: str) -> None:
    machine.set_behaviour({behaviour: True})
    assert talk(machine).run().command == 0x10


def test_a_lost_answer_is_asked_for_again_and_not_the_command(machine: ShtrihV1) -> None:
    exchange = dialogue()
    exchange.start()
    step = exchange.receive(NAK)
    assert isinstance(step, Write)
    answer = machine.receive(step.data)
    again = exchange.silence()
    assert isinstance(again, Write)
    assert again.data == ENQ
    assert isinstance(exchange.receive(machine.receive(ENQ)), Done)
    assert answer.startswith(ACK)
    assert machine.executed == [0x10]


@pytest.mark.parametrize(
    ("behaviour", "error", "code"),
    [
        ({"busy": True}, Busy, "device.busy"),
        ({"wrong_checksum": True}, DeviceError, None),
        ({"stale_command": True}, Garbled, "device.stale_reply"),
        ({"error": 0x50}, Busy, "device.busy"),
        ({"error": 0x4F}, Rejected, "device.rejected"),
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(
    machine: ShtrihV1, behaviour: dict[str, int], error: type[DeviceError], code: str | None
) -> None:
    machine.set_behaviour(behaviour)
    conversation = talk(machine)
    with pytest.raises(error) as caught:
        conversation.run()
    assert code in (None, caught.value.code)
    assert len(conversation.written) <= shtrih_v1.WRITES
    assert conversation.seconds <= shtrih_v1.DEADLINE_S


def test_a_refusal_is_acknowledged_before_it_is_told(machine: ShtrihV1) -> None:
    machine.set_behaviour({"error": 0x4F})
    with pytest.raises(Rejected) as caught:
        talk(machine).run()
    assert caught.value.maker_code == "4F"
    assert machine.pending == b""
    assert machine.executed == [0x10]  # a wrong password is not tried again


def test_a_device_that_naks_for_ever_is_not_asked_for_ever() -> None:
    exchange = dialogue()
    exchange.start()
    for _ in range(shtrih_v1.WRITES - 1):
        assert isinstance(exchange.receive(NAK), Write)
    with pytest.raises(Garbled) as caught:
        exchange.receive(NAK)
    assert caught.value.code == "device.nak"


def test_an_error_that_is_a_condition_is_an_answer(machine: ShtrihV1) -> None:
    machine.set_behaviour({"error": 0x6B})
    frame = talk(machine).run()
    assert frame.error == 0x6B
    assert FAMILY.read_state([Reply(frame)], profile()).paper_end is True


def profile(file: str = "shtrih_v1.toml", model: str = "") -> Profile:
    return parse((PROFILES / file).read_text("utf-8"), file).choose(model)


@pytest.mark.parametrize(("model", "drawer"), [("SHTRIH-NANO-F", None), ("ШТРИХ-М-01Ф", False)])
def test_a_sensor_that_the_model_does_not_declare_is_unknown(model: str, drawer: bool | None) -> None:
    machine = ShtrihV1(model)
    replies = [Reply(talk(machine, c.name).run(), c.request()) for c in FAMILY.commands(When.IDENTIFY)]
    mask = next(m for m in map(FAMILY.capabilities or (lambda reply: None), replies) if m is not None)
    state = FAMILY.read_state([Reply(talk(machine).run())], profile().with_sensors(mask))
    assert state.drawer_open is drawer
    assert state.cover_open is False


def test_without_the_mask_the_drawer_of_the_nano_would_seem_open() -> None:
    """The control: its flags say so."""
    frame = talk(ShtrihV1("SHTRIH-NANO-F")).run()
    assert FAMILY.read_state([Reply(frame)], profile().with_sensors(1 << 15)).drawer_open is True


@pytest.mark.parametrize(("model", "full"), [("ШТРИХ-ФР-К", False), ("ШТРИХ-М-01Ф", None)])
def test_flags_of_a_fiscal_memory_count_only_where_there_is_one(model: str, full: bool | None) -> None:
    reply = Reply(talk(ShtrihV1(model), "full status").run())
    state = FAMILY.read_state([reply], profile(model=model))
    assert state.fiscal_memory_full is full
    assert state.fiscal_memory_error is full
    assert (state.free_z_records is None) is (full is None)
    assert state.last_z_number == 41


def test_another_password_makes_another_list() -> None:
    other = shtrih_v1.family(password=29)
    assert command("short status", other).data == b"\x1d\0\0\0"
    other.codec.encode(command("short status", other), 0)
    with pytest.raises(UsageError):
        other.codec.encode(command("short status"), 0)
    with pytest.raises(UsageError):
        shtrih_v1.family(password=-1)


def test_both_lines_ask_and_read_alike() -> None:
    """One device, two lines: one list of commands, one table of flags."""
    assert shtrih_v2.FAMILY.read_only_commands == FAMILY.read_only_commands
    assert profile("shtrih_v2.toml") == profile("shtrih_v1.toml")


def test_half_a_false_frame_does_not_hide_the_true_one() -> None:
    exchange = dialogue()
    exchange.start()
    exchange.receive(NAK)
    frame = bytes.fromhex("02021000") + b"\x12"
    assert isinstance(exchange.receive(b"\x02\x30" + frame), Wait)
    assert isinstance(exchange.silence(), Done)


def test_a_stray_byte_is_passed_over_only_before_ack_and_nak() -> None:
    replies = FAMILY.codec.parse(b"\xff\x06", Direction.DEVICE_TO_HOST)
    assert [reply.frame.command for reply in replies] == ["ACK"]


def test_the_emulator_forgets_half_a_frame_when_the_line_goes_still() -> None:
    machine = ShtrihV1()
    machine.receive(b"\x02\x05\x10")
    assert machine.receive(b"\x05") == b""  # the control: it still waits for the rest
    machine.quiet()
    assert machine.receive(b"\x05") == b"\x15"

"""Datecs ISL X: error codes that tell of the device, refusals, and what the line may do."""

import pytest

from agent.devices import profile_store
from protocols.device.datecs_isl_x import FAMILY
from protocols.device.datecs_isl_x_reply import SHOWN_BY_ERROR
from protocols.device.exchange import Frame
from protocols.device.family import Command, Reply, When
from protocols.errors import Busy, Garbled, Rejected, Unexpected, UsageError
from tests.emulators.datecs_isl_x import DatecsIslX, request
from tests.links import Talk, plain

PROFILE = profile_store.load()[FAMILY.name].common
STATUS = FAMILY.commands(When.POLL)[0]
CLOCK = next(command for command in FAMILY.read_only_commands if command.code == 0x3E)


def talk(machine: DatecsIslX, command: Command = STATUS, sequence: int = 0x61) -> Talk:
    return Talk(FAMILY.codec.exchange(command, sequence), machine.receive, plain())


@pytest.mark.parametrize("error", SHOWN_BY_ERROR)
def test_an_error_code_of_the_device_is_seen_in_any_answer(error: int) -> None:
    flag, value = SHOWN_BY_ERROR[error]
    for command in (STATUS, CLOCK):
        machine = DatecsIslX()
        before = FAMILY.read_state([Reply(talk(machine, command).run(), command.request(0x61))], PROFILE)
        assert getattr(before, flag) is not value
        machine.set_behaviour({"error": -error})
        frame = talk(machine, command, 0x62).run()
        assert frame.error == error
        assert getattr(FAMILY.read_state([Reply(frame)], PROFILE), flag) is value


def test_an_error_code_of_the_command_refuses_it() -> None:
    machine = DatecsIslX()
    machine.set_behaviour({"error": 111016})
    with pytest.raises(Rejected):
        talk(machine, CLOCK).run()
    assert talk(machine, STATUS, 0x62).run().error == -111016


@pytest.mark.parametrize(("bits", "words"), [(0x02, "does not know"), (0x01, "syntax")])
def test_an_empty_answer_is_a_refusal(bits: int, words: str) -> None:
    machine = DatecsIslX()
    empty = machine._pack(0x61, 0x3E, b"", bits)
    with pytest.raises(Rejected, match=words):
        Talk(FAMILY.codec.exchange(CLOCK, 0x61), lambda _: empty, plain()).run()


@pytest.mark.parametrize("data", [b"", b"0\t", b"1\t", b"3\t", b"4\t", b"2"])
def test_the_link_to_the_tax_server_is_read_with_one_argument_only(data: bytes) -> None:
    with pytest.raises(UsageError):
        FAMILY.codec.encode(Command("", 0x47, data), 0x60)
    assert FAMILY.codec.encode(Command("", 0x47, b"2\t"), 0x60) == request(0x60, 0x47, b"2\t")


def test_the_whole_journal_is_never_verified() -> None:
    with pytest.raises(UsageError):
        FAMILY.codec.encode(Command("", 0x7B, b"4\t"), 0x60)


def test_a_repeat_is_not_executed_twice() -> None:
    machine = DatecsIslX()
    machine.set_behaviour({"nak_once": True})
    assert talk(machine).run() == talk(machine).run()
    assert len(machine.executed) == 1


@pytest.mark.parametrize(
    ("behaviour", "error", "code"),
    [
        ("wrong_checksum", Garbled, "device.garbled"),
        ("stale_sequence", Garbled, "device.stale_reply"),
        ("stale_command", Garbled, "device.stale_reply"),
        ("nak", Garbled, "device.nak"),
        ("syn_forever", Busy, "device.busy"),
        ("other_variant", Unexpected, "device.protocol_mismatch"),
    ],
)
def test_a_difficult_device_is_told_by_its_kind(behaviour: str, error: type[Exception], code: str) -> None:
    machine = DatecsIslX()
    machine.set_behaviour({behaviour: True})
    with pytest.raises(error) as caught:
        talk(machine).run()
    assert getattr(caught.value, "code", "") == code


@pytest.mark.parametrize("line", [b"hello", b"a,b,c", b"FP-700X\tx\ty\t", b"\xff" * 30])
def test_another_answer_to_the_identification_is_no_isl_x_printer(line: bytes) -> None:
    with pytest.raises(Unexpected):
        FAMILY.identify([Reply(Frame(0x60, 0x5A, 0, line))])

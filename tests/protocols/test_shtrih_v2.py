"""The second Shtrih-M line: the number of the frame, its escapes, and what is no answer."""

from collections.abc import Callable

import pytest

from protocols.device import shtrih_v2
from protocols.device.exchange import Done, Exchange, Write
from protocols.device.shtrih_v2 import FAMILY, LAST_NUMBER, SYNCHRONISE, next_number
from protocols.errors import Busy, Garbled, NoReply, Rejected, UsageError
from tests import links
from tests.emulators.shtrih_v2 import ShtrihV2, request

STATUS = FAMILY.read_only_commands[0]


def exchange() -> Exchange:
    return FAMILY.codec.exchange(STATUS, FAMILY.codec.first_sequence())


def talk(machine: ShtrihV2) -> links.Talk:
    return links.Talk(exchange(), machine.receive, links.plain())


def test_the_worked_examples_of_the_frame() -> None:
    assert bytes.fromhex("8f00000f1d") == SYNCHRONISE
    assert FAMILY.codec.encode(STATUS, 1) == bytes.fromhex("8f07000100101e0000001fac")


@pytest.mark.parametrize("number", [0x20, 0x8E, 0x9E, 0x8F9E, LAST_NUMBER])
def test_it_counts_on_from_the_device(number: int) -> None:
    """8Fh and 9Fh in the number itself are escaped."""
    machine = ShtrihV2()
    machine.last_number = number
    conversation = talk(machine)
    assert conversation.run().sequence == next_number(number)
    assert conversation.written[0] == SYNCHRONISE
    assert b"\x8f" not in conversation.written[1][1:]


def test_the_cash_program_may_count_on_between_two_questions() -> None:
    machine = ShtrihV2()
    talk(machine).run()
    machine.receive(request(0x7000, b"\x10\x1e\0\0\0"))
    assert talk(machine).run().sequence == 0x7001


def test_a_lost_answer_is_given_again_and_not_made_again() -> None:
    machine = ShtrihV2()
    question = exchange()
    question.start()
    step = question.receive(machine.receive(SYNCHRONISE))
    assert isinstance(step, Write)
    machine.receive(step.data)
    again = question.silence()
    assert again == step
    assert isinstance(question.receive(machine.receive(step.data)), Done)
    assert machine.executed == [0x10]


@pytest.mark.parametrize("behaviour", ["stale_number", "stale_command"])
def test_an_answer_with_another_number_or_command_is_never_taken(behaviour: str) -> None:
    machine = ShtrihV2()
    machine.set_behaviour({behaviour: True})
    conversation = talk(machine)
    with pytest.raises(Garbled) as caught:
        conversation.run()
    assert caught.value.code == "device.stale_reply"
    assert len(conversation.written) <= shtrih_v2.WRITES


def test_a_wrong_checksum_is_no_answer() -> None:
    machine = ShtrihV2()
    machine.set_behaviour({"wrong_checksum": True})
    with pytest.raises(Garbled):
        talk(machine).run()


@pytest.mark.parametrize(("code", "error"), [(0x50, Busy), (0x4F, Rejected), (0x37, Rejected)])
def test_a_refusal_is_told_with_its_code(code: int, error: type[Exception]) -> None:
    machine = ShtrihV2()
    machine.set_behaviour({"error": code})
    with pytest.raises(error, match=r"printing|refuses"):
        talk(machine).run()
    assert machine.executed == [0x10]


def test_an_answer_before_our_number_is_known_is_not_ours() -> None:
    question = exchange()
    question.start()
    question.receive(request(0x21, b"\x10\0"))
    question.silence()
    question.silence()
    with pytest.raises(Garbled) as caught:
        question.silence()
    assert caught.value.code == "device.stale_reply"


def test_the_number_has_two_bytes() -> None:
    with pytest.raises(UsageError):
        FAMILY.codec.encode(STATUS, LAST_NUMBER + 1)
    assert next_number(LAST_NUMBER) == 0


def test_a_device_on_the_other_line_does_not_answer() -> None:
    from tests.emulators.shtrih_v1 import ShtrihV1  # noqa: PLC0415 - the one test that needs both

    machine: Callable[[bytes], bytes] = ShtrihV1().receive
    with pytest.raises(NoReply):
        links.Talk(exchange(), machine, links.plain()).run()

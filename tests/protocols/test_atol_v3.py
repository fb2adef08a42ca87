"""What is ATOL v3's own: the tasks that a till and a monitor share, and answers that are none."""

import pytest

from protocols.device.atol_v3 import FAMILY
from protocols.device.family import Direction, When
from protocols.errors import Busy, DeviceError, Garbled, Rejected
from tests import links
from tests.emulators.atol_v3 import AtolV3

STATE = FAMILY.commands(When.POLL)[0]


def talk(machine: AtolV3) -> links.Talk:
    return links.Talk(FAMILY.codec.exchange(STATE, 0x80), machine.receive, links.plain())


def behaving(**behaviour: int) -> AtolV3:
    machine = AtolV3()
    machine.set_behaviour(behaviour)
    return machine


def test_the_task_leaves_the_buffer() -> None:
    machine = AtolV3()
    assert talk(machine).run().data
    assert machine.tasks == {}


def test_a_task_that_waits_is_asked_for() -> None:
    machine = behaving(pending=2)
    found = talk(machine)
    assert found.run() == talk(AtolV3()).run()
    assert len(found.written) == 4  # added, asked for twice, acknowledged
    assert machine.tasks == {}


def test_tasks_of_the_till_are_left_alone() -> None:
    machine = AtolV3()
    machine.tasks[0x07] = b"\x55\x00\x00"
    assert talk(machine).run().data
    assert machine.tasks == {0x07: b"\x55\x00\x00"}
    assert machine.forbidden == []


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ("never_ready", Busy),
        ("buffer_full", Busy),
        ("taken", Busy),
        ("wrong_checksum", Garbled),
        ("stale_sequence", Garbled),
        ("stale_command", Garbled),
    ],
)
def test_nothing_else_is_taken_for_the_answer(behaviour: str, error: type[DeviceError]) -> None:
    found = talk(behaving(**{behaviour: 1}))
    with pytest.raises(error):
        found.run()
    assert len(found.written) <= 7


def test_what_comes_unasked_is_passed_over() -> None:
    assert talk(behaving(asynchronous=1)).run() == talk(AtolV3()).run()


def test_a_refusal_names_its_reason() -> None:
    machine = AtolV3()
    machine.execute = lambda payload: b"\x55\x8c\x00"  # type: ignore[method-assign]
    with pytest.raises(Rejected, match="wrong password") as caught:
        talk(machine).run()
    assert caught.value.maker_code == "8C"
    assert machine.tasks == {}


def test_no_sequence_makes_an_abort() -> None:
    """Every packet that an exchange can write adds, asks for or acknowledges one task of its own."""
    sequence = FAMILY.codec.first_sequence()
    for command in FAMILY.read_only_commands * 3:
        sequence = FAMILY.codec.next_sequence(sequence)
        machine = behaving(pending=3)
        found = links.Talk(FAMILY.codec.exchange(command, sequence), machine.receive, links.plain())
        found.run()
        asked = [FAMILY.codec.parse(raw, Direction.HOST_TO_DEVICE)[0].frame for raw in found.written]
        assert [frame.command for frame in asked] == [command.code, 0xC3, 0xC3, 0xC3, 0xC2]
        assert {frame.data for frame in asked[1:]} == {bytes([sequence])}
        assert len({frame.sequence for frame in asked}) == len(asked)

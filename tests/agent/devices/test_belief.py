"""One answer is none: what a checksum does not see is not believed, and what is true is believed soon."""

import itertools
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Device
from agent.devices.belief import CLOCK_S, Belief
from agent.devices.conversation import Conversation
from agent.devices.interview import ASKED, Interview
from protocols.device.exchange import Frame
from protocols.device.family import Reply, When
from protocols.device.profile import Profile
from protocols.device.registry import FAMILIES
from protocols.errors import Garbled
from protocols.status.model import DeviceState
from tests.agent.devices.virtual import START, CountedClock, MachinePort
from tests.contract.families import CASES

ESCPOS, SHTRIH, LEGACY = FAMILIES["escpos"], FAMILIES["shtrih_v1"], FAMILIES["datecs_isl_legacy"]
STATUS = ESCPOS.commands(When.POLL)[0]
CLOCK = next(c for c in LEGACY.read_only_commands if c.name == "date and time")


def status(byte: int) -> Reply:
    return Reply(Frame(None, STATUS.code, status=bytes([byte])), STATUS.request())


@given(st.lists(st.sampled_from([0x12, 0x16, 0x1A, 0x1E]), max_size=30))
def test_an_answer_counts_only_after_its_like(answers: list[int]) -> None:
    belief = Belief(ESCPOS, CASES["escpos"].profiles.common)
    believed = [belief.hears(STATUS, status(byte), at_s) for at_s, byte in enumerate(answers)]
    assert believed == [before == after for before, after in zip([-1, *answers], answers, strict=False)]


def test_commands_are_believed_apart_and_forgotten_together() -> None:
    belief = Belief(ESCPOS, CASES["escpos"].profiles.common)
    first, second = ESCPOS.commands(When.POLL)[:2]
    assert [belief.hears(c, status(0x12), 0) for c in (first, second, first)] == [False, False, True]
    belief.forget()
    assert not belief.hears(first, status(0x12), 1)


@pytest.mark.parametrize(
    ("went_s", "said_s", "believed"),
    [(1, 1, True), (0, 60, True), (300, 300, True), (1, CLOCK_S + 2, False), (1, -CLOCK_S, False)],
)
def test_a_clock_must_go_as_time_does(went_s: float, said_s: float, believed: bool) -> None:
    def told(at_s: float) -> Reply:
        text = (START + timedelta(seconds=at_s)).strftime("%d-%m-%y %H:%M:%S")
        return Reply(Frame(32, CLOCK.code, data=text.encode(), status=bytes(6)), CLOCK.request())

    belief = Belief(LEGACY, CASES["datecs_isl_legacy"].profiles.common)
    belief.hears(CLOCK, told(0), 0)
    assert belief.hears(CLOCK, told(said_s), went_s) is believed


def test_what_was_believed_before_the_model_was_known_is_looked_at_again() -> None:
    """Two answers that differ in a bit which only the profile of the model reads."""
    known = next(p for p in CASES["datecs_isl_legacy"].profiles.known if "FP-700" in p.models)
    command = LEGACY.commands(When.POLL)[0]
    belief = Belief(LEGACY, CASES["datecs_isl_legacy"].profiles.common)
    well, cover = (
        bytes.fromhex("8080808086 9A".replace(" ", "")),
        bytes.fromhex("C08080808 69A".replace(" ", "")),
    )
    for at_s, data in enumerate((well, cover)):
        said = belief.hears(command, Reply(Frame(32, command.code, status=data), command.request()), at_s)
    assert said, "the bits that all models share are equal"
    assert belief.read_by(known, [command]) == {command.name}
    assert belief.read_by(known, [command]) == set()


class Spoilt:
    """Changes the answer with each number of `which` so that an exclusive or over it stays the same."""

    def __init__(self, which: Sequence[int], at: tuple[int, int], mask: int) -> None:
        self._which, self._at, self._mask = set(which), at, mask
        self._count = 0

    def __call__(self, answer: bytes) -> bytes:
        if len(answer) < 10:
            return answer  # ACK and NAK
        self._count += 1
        if self._count not in self._which:
            return answer
        changed = bytearray(answer)
        for at in self._at:
            changed[at] ^= self._mask
        return bytes(changed)


def heard(spoil: Callable[[bytes], bytes], polls: int, believe: bool = True) -> list[DeviceState]:
    """States of a Shtrih register on the standard line, which ends a frame with an exclusive or."""
    clock, machine = CountedClock(), CASES["shtrih_v1"].emulator()
    port = MachinePort(machine, clock, spoil=spoil)
    if believe:
        device = Device(id="d", family="shtrih_v1", port="/dev/ttyUSB0")
        talk = Conversation(device, SHTRIH, CASES["shtrih_v1"].profiles, clock)
        return [talk.hold(port).state for _ in range(polls)]
    interview, found = Interview(SHTRIH, clock), []
    for _ in range(polls):
        replies = interview.ask(port, SHTRIH.commands(When.POLL)).of(SHTRIH.commands(When.POLL))
        found.append(SHTRIH.read_state(replies, Profile("all sensors", sensors=(1 << 64) - 1)))
    return found


SUBMODE_AND_COUNT = (9, 10)
"""10h: ACK STX LEN CMD ERR operator, two bytes of flags, mode, then submode and a count."""
NO_PAPER = 1


def test_a_damaged_answer_that_the_checksum_passes_is_not_believed() -> None:
    for damaged in range(1, 8):
        states = heard(Spoilt([damaged], SUBMODE_AND_COUNT, NO_PAPER), polls=4)
        assert {state.paper_end for state in states} == {False}, damaged


def test_without_a_second_answer_it_would_be_believed() -> None:
    """The control of the test above."""
    states = heard(Spoilt([2], SUBMODE_AND_COUNT, NO_PAPER), polls=3, believe=False)
    assert [state.paper_end for state in states] == [None, True, None]


def test_answers_that_never_agree_are_no_answer() -> None:
    clock = CountedClock()
    masks = itertools.cycle(range(6))

    def spoil(answer: bytes) -> bytes:
        return Spoilt([1], SUBMODE_AND_COUNT, next(masks))(answer)

    port = MachinePort(CASES["shtrih_v1"].emulator(), clock, spoil=spoil)
    device = Device(id="d", family="shtrih_v1", port="/dev/ttyUSB0")
    talk = Conversation(device, SHTRIH, CASES["shtrih_v1"].profiles, clock)
    with pytest.raises(Garbled) as ended:
        talk.hold(port)
    assert ended.value.code == "device.unsteady"


def test_a_change_costs_one_question_more_and_rest_costs_none() -> None:
    clock, machine = CountedClock(), CASES["escpos"].emulator()
    port = MachinePort(machine, clock)
    talk = Conversation(
        Device(id="d", family="escpos", port="/dev/ttyUSB0"), ESCPOS, CASES["escpos"].profiles, clock
    )
    counted = []
    for fault in (None, None, None, "paper_near_end", None):
        if fault:
            machine.set_faults({fault: True})
        before = port.answers
        state = talk.hold(port).state
        counted.append(port.answers - before)
    rest = len(ESCPOS.commands(When.POLL))
    assert counted[0] > 2 * rest
    assert counted[2:] == [rest, rest + 1, rest]
    assert state.paper_near_end is True
    assert ASKED == 4

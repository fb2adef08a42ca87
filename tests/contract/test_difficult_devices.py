"""Every family against every difficult device of the table in `difficulties`: the emulator really is difficult,
byte by byte, and the family gives the right answer or the right error, never a wrong answer."""

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from protocols.device.exchange import Done, Exchange, Frame, Step, Wait, Write
from protocols.device.family import Command, Direction, Reply, Unparsed, When
from protocols.device.registry import FAMILIES
from protocols.errors import DeviceError, Garbled, NoReply, Unexpected
from tests import links
from tests.contract.difficulties import DIFFICULTIES, TABLE, TELLING, Does, Records, Repeats, SameBit
from tests.contract.families import CASES, Case
from tests.emulators import datecs_isl_legacy, datecs_isl_x
from tests.emulators.machine import LINE_BEHAVIOURS, NOISE, Machine
from tests.emulators.runner import SLOW_S, Line
from tests.emulators.shtrih import PASSWORD

NOON = "22-11-26 12:00:00"
ENDS: dict[str, tuple[tuple[type[DeviceError], ...], str]] = {
    "silent": ((NoReply,), "device.no_reply"),
    "truncated": ((NoReply, Garbled), ""),
    "vanish": ((NoReply, Garbled), ""),
    "wrong_checksum": ((Garbled,), ""),
    "stale_sequence": ((Garbled,), "device.stale_reply"),
    "stale_command": ((Garbled,), "device.stale_reply"),
    "other_variant": ((Unexpected,), "device.protocol_mismatch"),
}
"""Difficulty -> how the exchange must end; "" where more than one code is right. After any other the answer is
the right one."""
OVERCOME = {("shtrih_v1", "stale_sequence")}
"""The answer of another program is thrown away, and then comes ours."""


@dataclass
class Wire(Line):
    """The device's end of a line, with the emulator's own way of writing; time moves only here."""

    machine: Machine
    gone: bool = False
    heard: list[tuple[bytes, list[links.Piece]]] = field(default_factory=list)
    lose: int = 0

    def __post_init__(self) -> None:
        super().__init__(self.machine)
        self._now: list[links.Piece] = []
        self._at = 0.0

    def put(self, data: bytes) -> None:
        self._now.append((self._at, data))

    def pause(self, seconds: float) -> None:
        self._at += seconds

    def vanish(self) -> None:
        self.gone = True

    def link(self, data: bytes, device: Any) -> list[links.Piece]:
        if self.gone:
            return []
        self._now, self._at = [], links.ANSWER_S
        executed = len(self.machine.executed)
        self.send(device(data))
        pieces = [piece for piece in self._now if piece[1]]
        self.heard.append((data, pieces))
        if self.lose and len(self.machine.executed) > executed:
            self.lose -= 1
            return []
        return pieces

    @property
    def answers(self) -> list[bytes]:
        return [b"".join(data for _, data in pieces) for _, pieces in self.heard]

    @property
    def pieces(self) -> list[bytes]:
        return [data for _, pieces in self.heard for _, data in pieces]

    @property
    def all(self) -> bytes:
        return b"".join(self.answers)


def emulator(case: Case, does: Does | None = None, model: str = "") -> Any:
    machine: Any = case.emulator(model)
    if hasattr(machine, "now"):
        machine.now = lambda: NOON
    if does:
        machine.set_behaviour({does.name: does.value})
    return machine


def talk(exchange: Exchange, machine: Machine, wire: Wire) -> Frame:
    return links.Talk(exchange, machine.receive, wire.link).run()


def exchange_of(case: Case, command: Command, number: int = 0) -> Exchange:
    """`number`: of the question, where one device is asked several."""
    sequence = case.family.codec.first_sequence()
    for _ in range(number):
        sequence = case.family.codec.next_sequence(sequence)
    return case.family.codec.exchange(command, sequence)


def well(case: Case, command: Command) -> tuple[Frame, Wire]:
    machine = emulator(case)
    wire = Wire(machine)
    return talk(exchange_of(case, command), machine, wire), wire


def rows(kind: type) -> list[Any]:
    return list(_rows(kind))


def _rows(kind: type) -> Iterator[Any]:
    for name, row in TABLE.items():
        for difficulty, entry in row.items():
            if isinstance(entry, kind) and name in CASES:
                yield pytest.param(CASES[name], difficulty, entry, id=f"{name}: {difficulty}")


def polled() -> Iterator[Any]:
    for parameters in rows(Does):
        case, difficulty, entry = parameters.values
        commands = case.family.commands(When.POLL)
        for command in commands[:1] if difficulty == "marked_checksum" else commands:
            yield pytest.param(case, difficulty, entry, command, id=f"{parameters.id}: {command.name}")


# The table


def test_every_family_has_a_row() -> None:
    assert FAMILIES.keys() - TABLE.keys() == set()


@pytest.mark.parametrize("name", TABLE)
def test_a_row_answers_for_every_difficulty(name: str) -> None:
    row = TABLE[name]
    assert row.keys() == set(DIFFICULTIES)
    assert [d for d, entry in row.items() if isinstance(entry, str) and len(entry) < 20] == []
    assert isinstance(row["forbidden"], Records)


# The device

DIFFICULT = pytest.mark.parametrize(("case", "difficulty", "does", "command"), list(polled()))


@DIFFICULT
def test_the_emulator_is_as_difficult_as_it_says(
    case: Case, difficulty: str, does: Does, command: Command
) -> None:
    """What is sent is compared with what a device that is well sends to the same questions."""
    _, plain = well(case, command)
    machine = emulator(case, does)
    hard = Wire(machine)
    try:
        talk(exchange_of(case, command), machine, hard)
    except DeviceError:
        assert hard.heard
    assert not does.shows or any(shown in hard.all for shown in does.shows)
    shown = as_ever if (case.family.name, difficulty) in OVERCOME else SHOWN[difficulty]
    shown(case, plain, hard)


def as_ever(case: Case, plain: Wire, hard: Wire) -> None:
    """Another answer first, then the one of a device that is well."""
    assert hard.all != plain.all
    assert hard.answers[-1].endswith(plain.answers[-1])


def in_bytes(case: Case, plain: Wire, hard: Wire) -> None:
    assert hard.all == plain.all
    assert {len(piece) for piece in hard.pieces} == {1}


def apart(case: Case, plain: Wire, hard: Wire) -> None:
    in_bytes(case, plain, hard)
    for _, pieces in hard.heard:
        times = [at for at, _ in pieces]
        gaps = [round(late - early, 6) for early, late in pairwise(times)]
        assert gaps == [SLOW_S] * (len(times) - 1)


def echoed(case: Case, plain: Wire, hard: Wire) -> None:
    assert [data for data, _ in hard.heard] == [data for data, _ in plain.heard]
    assert hard.answers == [
        data + answer for (data, _), answer in zip(plain.heard, plain.answers, strict=True)
    ]


def noisy(case: Case, plain: Wire, hard: Wire) -> None:
    assert hard.answers == [NOISE + answer if answer else b"" for answer in plain.answers]


def silent(case: Case, plain: Wire, hard: Wire) -> None:
    assert hard.all == b""
    assert hard.heard


def cut(case: Case, plain: Wire, hard: Wire) -> None:
    """The first answer that is not a control byte is half of what it should be."""
    at = first_difference(plain, hard)
    whole, half = plain.answers[at], hard.answers[at]
    assert whole.startswith(half)
    assert len(half) <= len(whole) - (len(whole) - 1) // 2
    assert hard.answers[:at] == plain.answers[:at]


def gone(case: Case, plain: Wire, hard: Wire) -> None:
    cut(case, plain, hard)
    assert hard.gone
    assert len(hard.answers) == first_difference(plain, hard) + 1


def spoiled(case: Case, plain: Wire, hard: Wire) -> None:
    """Only the checksum is another one."""
    at = first_difference(plain, hard)
    right, wrong = plain.answers[at], hard.answers[at]
    assert abs(len(right) - len(wrong)) <= 1
    assert right[: max(0, len(right) - 5)] == wrong[: max(0, len(right) - 5)]
    with pytest.raises(Unparsed):
        case.family.codec.parse(wrong, Direction.DEVICE_TO_HOST)


def of_another_frame(case: Case, plain: Wire, hard: Wire) -> None:
    """A sound frame that carries another number."""
    right, wrong = different_frames(case, plain, hard)
    assert wrong.sequence != right.sequence


def of_another_command(case: Case, plain: Wire, hard: Wire) -> None:
    """A sound frame with the right number that answers another command."""
    right, wrong = different_frames(case, plain, hard)
    assert wrong.sequence == right.sequence
    assert wrong.command != right.command


def marked(case: Case, plain: Wire, hard: Wire) -> None:
    """The same answer but for numbers without a meaning; the mark stands at the end, in the checksum."""
    shows = TABLE[case.family.name]["marked_checksum"]
    assert isinstance(shows, Does)
    ends = [answer[-3:] for answer in hard.answers if len(answer) > 3]
    assert any(shown in end for shown in shows.shows for end in ends)


def stray(case: Case, plain: Wire, hard: Wire) -> None:
    assert hard.answers == [answer.replace(b"\x06\x02", b"\xff\x06\x02").replace(b"\x15", b"\xff\x15")
        if len(answer) == 1 else b"\xff" + answer for answer in plain.answers]  # fmt: skip


def refused(case: Case, plain: Wire, hard: Wire) -> None:
    assert set(hard.answers) == {b"\x16\x15"}


SHOWN = {
    "split": in_bytes, "slow": apart, "waits": as_ever, "nak_once": as_ever, "stale_sequence": of_another_frame,
    "stale_command": of_another_command, "echo": echoed, "noise": noisy, "truncated": cut,
    "wrong_checksum": spoiled, "silent": silent, "vanish": gone, "other_variant": refused, "stray": stray,
    "marked_checksum": marked,
}  # fmt: skip


@pytest.mark.parametrize("difficulty", SHOWN)
def test_a_device_that_is_well_is_not_called_difficult(difficulty: str) -> None:
    """The control: each look at the bytes tells an emulator whose behaviour does nothing."""
    case = CASES["shtrih_v1" if difficulty in ("stray", "marked_checksum") else "datecs_isl_legacy"]
    command = case.family.commands(When.POLL)[0]
    (_, plain), (_, other) = well(case, command), well(case, command)
    with pytest.raises((AssertionError, StopIteration)):
        SHOWN[difficulty](case, plain, other)


def first_difference(plain: Wire, hard: Wire) -> int:
    pairs = zip(plain.answers, hard.answers, strict=False)
    return next(n for n, (right, wrong) in enumerate(pairs) if right != wrong)


def different_frames(case: Case, plain: Wire, hard: Wire) -> tuple[Frame, Frame]:
    at = first_difference(plain, hard)
    return last_frame(case, plain.answers[at]), last_frame(case, hard.answers[at])


def last_frame(case: Case, raw: bytes) -> Frame:
    return case.family.codec.parse(raw, Direction.DEVICE_TO_HOST)[-1].frame


# The family


@DIFFICULT
def test_the_family_copes(case: Case, difficulty: str, does: Does, command: Command) -> None:
    must_cope(case, difficulty, does, command, exchange_of(case, command))


def must_cope(case: Case, difficulty: str, does: Does, command: Command, exchange: Exchange) -> None:
    right, _ = well(case, command)
    machine = emulator(case, does)
    kinds, code = ENDS.get(difficulty, ((), ""))
    if not kinds or (case.family.name, difficulty) in OVERCOME:
        assert same(case, command, talk(exchange, machine, Wire(machine)), right)
        return
    with pytest.raises(kinds) as caught:
        assert talk(exchange, machine, Wire(machine)) is None
    assert caught.value.code == (code or caught.value.code)


def same(case: Case, command: Command, one: Frame, other: Frame) -> bool:
    """What two answers say of the device; a number that says nothing may differ."""
    states = [
        case.family.read_state([Reply(frame, command.request(frame.sequence))], case.profiles.common)
        for frame in (one, other)
    ]
    return (one.command, one.error, one.status, states[0]) == (
        other.command,
        other.error,
        other.status,
        states[1],
    )


BEHAVIOURS = [
    pytest.param(case, behaviour, id=f"{name}: {behaviour}")
    for name, case in CASES.items()
    for behaviour in sorted({*LINE_BEHAVIOURS, *case.emulator.behaviours_known} - TELLING)
    if behaviour == "silent" or not case.family.ports.whole_messages
]


@pytest.mark.parametrize(("case", "behaviour"), BEHAVIOURS)
def test_no_behaviour_makes_a_wrong_answer(case: Case, behaviour: str) -> None:
    """Every question of the poller: the answer of a device that is well, or an error."""
    for command in case.family.read_only_commands:
        if command.when is When.ASK:
            continue
        right, _ = well(case, command)
        machine = emulator(case, Does(behaviour))
        try:
            frame = talk(exchange_of(case, command), machine, Wire(machine))
        except DeviceError:
            continue
        assert same(case, command, frame, right), command.name
        assert frame.data == right.data or behaviour == "marked_checksum", command.name


class Credulous:
    """Takes whatever parses for the answer."""

    deadline_s = 5.0

    def __init__(self, case: Case, request: bytes) -> None:
        self._case = case
        self._request = request

    def start(self) -> Step:
        return Write(self._request, 0.5)

    def receive(self, data: bytes) -> Step:
        return Done(last_frame(self._case, data))

    def silence(self) -> Step:
        return Wait(0.5)

    def expire(self) -> Step:
        raise NoReply("nothing came")


@pytest.mark.parametrize("difficulty", ["stale_sequence", "stale_command"])
def test_an_exchange_that_believes_everything_does_not_cope(difficulty: str) -> None:
    """The control of the test above."""
    case = CASES["datecs_isl_legacy"]
    command = case.family.commands(When.POLL)[0]
    does = TABLE["datecs_isl_legacy"][difficulty]
    assert isinstance(does, Does)
    request = case.family.codec.encode(command, case.family.codec.first_sequence())
    with pytest.raises(AssertionError):
        must_cope(case, difficulty, does, command, Credulous(case, request))


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name) for name, case in CASES.items() if not case.family.ports.whole_messages],
)
def test_an_answer_may_come_in_pieces_of_any_size(case: Case, size: int) -> None:
    for command in case.family.read_only_commands:
        if command.when is When.ASK:
            continue
        right, plain = well(case, command)
        machine = emulator(case, Does("split", size))
        wire = Wire(machine)
        assert same(case, command, talk(exchange_of(case, command), machine, wire), right)
        assert wire.all == plain.all
        assert {len(piece) for _, pieces in wire.heard for _, piece in pieces[:-1]} <= {size}


# What is no behaviour, but what a device is


@pytest.mark.parametrize(("case", "difficulty", "repeats"), rows(Repeats))
def test_a_frame_that_comes_twice_is_executed_once_and_answered_twice(
    case: Case, difficulty: str, repeats: Repeats
) -> None:
    machine = emulator(case)
    command = case.family.commands(When.POLL)[0]
    raw = case.family.codec.encode(command, case.family.codec.first_sequence())
    first, second = machine.receive(raw), machine.receive(raw)
    assert len(machine.executed) == 1
    assert first
    assert second == first or (repeats.shows and repeats.shows in second)
    other = case.family.codec.next_sequence(case.family.codec.first_sequence())
    assert machine.receive(case.family.codec.encode(command, other))
    assert len(machine.executed) == 2


@pytest.mark.parametrize(("case", "difficulty", "repeats"), rows(Repeats))
def test_a_lost_answer_is_had_again_and_nothing_is_done_twice(
    case: Case, difficulty: str, repeats: Repeats
) -> None:
    for command in case.family.commands(When.POLL):
        right, _ = well(case, command)
        machine = emulator(case)
        assert same(case, command, talk(exchange_of(case, command), machine, Wire(machine, lose=1)), right)
        assert len(machine.executed) == 1


@pytest.mark.parametrize(("case", "difficulty", "bits"), rows(SameBit))
def test_one_bit_is_read_as_the_device_means_it(case: Case, difficulty: str, bits: SameBit) -> None:
    read = []
    for device in bits.devices:
        machine = emulator(case, Does(device.behaviour) if device.behaviour else None, device.model)
        machine.set_faults(dict.fromkeys(device.faults, True))
        command = next(c for c in case.family.read_only_commands if c.name == bits.command)
        frame = talk(exchange_of(case, command), machine, Wire(machine))
        told = frame.status if len(frame.status) > bits.byte else frame.data
        assert told[bits.byte] >> bits.bit & 1, device.model
        state = case.family.read_state([Reply(frame, command.request())], profile(case, machine))
        assert {name: getattr(state, name) for name in device.state} == device.state, device.model
        read.append(device)
    assert len(read) >= 2


def profile(case: Case, machine: Machine) -> Any:
    """As the poller chooses it: by what the device itself says, with the sensors that it declares."""
    replies = [
        Reply(talk(exchange_of(case, c, number), machine, Wire(machine)), c.request())
        for number, c in enumerate(case.family.commands(When.IDENTIFY), 1)
    ]
    identity = case.family.identify(replies)
    masks = [case.family.capabilities(reply) for reply in replies] if case.family.capabilities else []
    chosen = case.profiles.choose(identity.model or machine.model, identity.maker)
    return chosen.with_sensors(next((mask for mask in masks if mask is not None), None))


@pytest.mark.parametrize(("case", "difficulty", "records"), rows(Records))
def test_every_command_that_is_not_allowed_is_recorded(case: Case, difficulty: str, records: Records) -> None:
    """One by one: each command without data, and each of the named examples. Nothing that the family may send
    is among them."""
    allowed = {(c.code, c.data) for c in case.family.read_only_commands}
    told: list[str] = []
    for name, raw in forbidden(case, records):
        machine = emulator(case)
        machine.report = told.append
        machine.receive(raw)
        if not machine.forbidden:
            assert isinstance(name, tuple), name
            assert name in allowed, name
    assert len(told) >= len(case.forbidden_examples)


def forbidden(case: Case, records: Records) -> Iterable[tuple[object, bytes]]:
    yield from case.forbidden_examples.items()
    module = importlib.import_module(f"tests.emulators.{case.family.name}")
    for code in records.codes:
        data = PASSWORD if case.family.name.startswith("shtrih") else b""
        yield (code, data), bare(module, case.family.name, code)


def bare(module: Any, family: str, code: int) -> bytes:
    """One command without data, as a host would send it."""
    made = {
        "shtrih_v1": lambda: module.request(bytes([code]) + PASSWORD),
        "shtrih_v2": lambda: module.request(1, bytes([code]) + PASSWORD),
        "atol_v2": lambda: b"\x05" + module.pack(bytes([0, 0, code])) + b"\x04",
        "atol_v3": lambda: module.pack(1, bytes([0xC1, 1, 1, 0, 0, code])),
    }
    raw: bytes = made[family]() if family in made else module.request(0x25, code)
    return raw


# Each ISL generation, asked in the words of the other


@pytest.mark.parametrize(
    ("asked", "other"), [("datecs_isl_legacy", "datecs_isl_x"), ("datecs_isl_x", "datecs_isl_legacy")]
)
def test_the_wrong_isl_generation_is_told_by_syn_nak(asked: str, other: str) -> None:
    """Without any behaviour switched on."""
    device, family = CASES[other], CASES[asked].family
    for command in family.read_only_commands:
        machine = emulator(device)
        wire = Wire(machine)
        with pytest.raises(Unexpected) as caught:
            talk(family.codec.exchange(command, family.codec.first_sequence()), machine, wire)
        assert caught.value.code == "device.protocol_mismatch"
        assert set(wire.answers) == {b"\x16\x15"}
        assert machine.executed == []


def test_each_generation_answers_its_own_words() -> None:
    """The control: it is the frame that tells, not the device."""
    assert datecs_isl_legacy.DatecsIsl().receive(datecs_isl_legacy.request(0x20, 0x4A, b"X"))[0] == 1
    assert datecs_isl_x.DatecsIslX().receive(datecs_isl_x.request(0x20, 0x4A))[0] == 1

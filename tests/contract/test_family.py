"""The suite of every family in the registry: vectors, links, silence, what is never sent, and what no bytes
may do."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.device.decode import Answer, Question, decode
from protocols.device.exchange import BUFFER_BYTES, Done, Frame
from protocols.device.family import Command, Direction, Reply, Unparsed, When
from protocols.errors import DeviceError, NoReply, Unexpected, UsageError
from protocols.status.model import FIELDS, Identity
from tests import links
from tests.contract.families import CASES, PROFILES, Case

FAMILY = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
VECTOR = pytest.mark.parametrize(
    ("case", "vector"),
    [
        pytest.param(case, vector, id=f"{name}: {vector['id']}")
        for name, case in CASES.items()
        for vector in case.vectors
    ],
)
COMMAND = pytest.mark.parametrize(
    ("case", "command"),
    [
        pytest.param(case, command, id=f"{name}: {command.name}")
        for name, case in CASES.items()
        for command in case.family.read_only_commands
    ],
)
STREAM = pytest.mark.parametrize(
    ("case", "command"),
    [
        pytest.param(case, command, id=f"{name}: {command.name}")
        for name, case in CASES.items()
        if not case.family.ports.whole_messages
        for command in case.family.read_only_commands
    ],
)
"""What only a stream of bytes can do to an answer is asked of a family that has one."""
ASKED_ONCE = {0x1D49, 0x1D67, 0x1D72, 0x1B232A}
"""Buffered questions. ESC/POS: a late answer would be taken for the next one, so a lost one stays lost. Star: its
manual allows one outstanding question, and one that waits in the buffer of a busy printer is outstanding."""
UNPROVABLE = {(0x1D72, "noisy")}
"""GS r answers with one unmarked byte that noise can be; the poller never asks it."""
IDENTIFIED = {
    "escpos": ("TM-T20III", "EPSON"),
    "star_line": ("TSP100IIIBI", "Star"),
    "datecs_isl_legacy": ("FP-700", "Datecs"),
    "atol_v2": ("ATOL 30F", "ATOL"),
    "atol_v3": ("ATOL 30F", "ATOL"),
    "datecs_isl_x": ("FP-700X", "Datecs"),
    "posnet": ("POSNET THERMAL XL2 ONLINE", "Posnet"),
    "tremol_zfp": ("FP-21", "Tremol"),
    "shtrih_v1": ("ШТРИХ-М-01Ф", "Shtrih-M"),
    "shtrih_v2": ("ШТРИХ-М-01Ф", "Shtrih-M"),
    "erpnet_fp": ("FP-2000", "Datecs"),
}
CHECKED = ("datecs_isl_legacy", "datecs_isl_x", "shtrih_v1", "shtrih_v2", "tremol_zfp")
"""Families whose every byte is under a checksum; the one unmarked byte of ESC/POS has nothing to be checked
by."""


def ask(case: Case, command: Command, link: links.Link, machine: Any = None) -> links.Talk:
    machine = machine or case.emulator()
    sequence = case.family.codec.first_sequence()
    return links.Talk(case.family.codec.exchange(command, sequence), machine.receive, link)


def answered(case: Case, vector: dict[str, Any]) -> Answer:
    question = Question(
        family=case.family.name,
        raw=bytes.fromhex(vector["hex"]),
        direction=Direction(vector["direction"]),
        level=vector["level"],
        model=vector.get("model"),
        request=bytes.fromhex(vector["request"]) if "request" in vector else None,
        capabilities=bytes.fromhex(vector["capabilities"]) if "capabilities" in vector else None,
    )
    return decode(question, PROFILES)


@VECTOR
def test_a_vector_is_read_as_its_source_says(case: Case, vector: dict[str, Any]) -> None:
    answer = answered(case, vector).as_json(vector["id"])
    expected = vector["expect"] | {"state": dict.fromkeys(FIELDS) | vector["expect"]["state"]}
    assert {key: answer[key] for key in expected} == expected
    assert answer["text"]


def command_of(case: Case, vector: dict[str, Any]) -> tuple[Command, int] | None:
    """The command and sequence of a vector that is one good reply to something that the family may send."""
    good = vector["expect"]["ok"] and vector["level"] == "frame" and vector["direction"] == "device_to_host"
    if not (good and "request" in vector and len(vector["expect"]["frames"]) == 1):
        return None
    request = bytes.fromhex(vector["request"])
    for command in case.family.read_only_commands:
        for sequence in range(0x20, 0x80):
            if case.family.codec.encode(command, sequence) == request:
                return command, sequence
    return None


EXCHANGED = [
    pytest.param(case, vector, id=f"{name}: {vector['id']}")
    for name, case in CASES.items()
    for vector in case.vectors
    if command_of(case, vector)
]


def sizes(case: Case) -> Sequence[int]:
    return (10_000,) if case.family.ports.whole_messages else (1, 2, 7, 1000)


@pytest.mark.parametrize(
    ("case", "vector", "size"),
    [
        pytest.param(*pair.values, size, id=f"{pair.id}: {size}")
        for pair in EXCHANGED
        for size in sizes(pair.values[0])  # type: ignore[arg-type]
    ],
)
def test_a_reply_is_found_however_it_is_cut(case: Case, vector: dict[str, Any], size: int) -> None:
    talk = replayed(case, vector, bytes.fromhex(vector["hex"]), links.cut(size))
    assert [talk.run()] == list(answered(case, vector).frames)


def replayed(case: Case, vector: dict[str, Any], raw: bytes, link: links.Link) -> links.Talk:
    """The exchange of a vector; what else it asks on the way, the emulator answers."""
    found = command_of(case, vector)
    assert found
    request, machine = bytes.fromhex(vector["request"]), case.emulator()
    exchange = case.family.codec.exchange(*found)
    if hasattr(machine, "canned"):  # a dialogue stands around the frame: the emulator leads it
        machine.canned = raw
        return links.Talk(exchange, machine.receive, link)
    return links.Talk(exchange, lambda data: raw if data == request else machine.receive(data), link)


@FAMILY
def test_some_vectors_go_through_an_exchange(case: Case) -> None:
    least = 4 if case.family.ports.whole_messages else 10  # a drawer has little to say
    assert sum(command_of(case, vector) is not None for vector in case.vectors) >= least


@FAMILY
def test_every_vector_names_its_source(case: Case) -> None:
    assert [v["id"] for v in case.vectors if not v["source"]] == []
    assert len({v["id"] for v in case.vectors}) == len(case.vectors)


@pytest.mark.parametrize(
    ("case", "command", "link"),
    [
        pytest.param(case, command, link, id=f"{name}: {command.name}: {link}")
        for name, case in CASES.items()
        for command in case.family.read_only_commands
        for link in (links.MESSAGES if case.family.ports.whole_messages else links.GOOD)
        if (command.code, link) not in UNPROVABLE
    ],
)
def test_every_command_is_answered_over_every_link(case: Case, command: Command, link: str) -> None:
    expected = ask(case, command, links.plain(), fixed(case)).run()
    talk = ask(case, command, links.GOOD[link](), fixed(case))
    if link == "lossy" and command.code in ASKED_ONCE:
        try:
            assert expected.data.startswith(talk.run().data)
        except NoReply:
            assert len(talk.written) > 1
        return
    assert talk.run() == expected


def fixed(case: Case) -> Any:
    machine = case.emulator()
    if hasattr(machine, "now"):
        machine.now = lambda: "22-11-26 13:45:00"
    return machine


@COMMAND
def test_silence_ends_after_three_tries(case: Case, command: Command) -> None:
    talk = ask(case, command, links.dead())
    with pytest.raises(NoReply):
        talk.run()
    assert len(talk.written) + talk.looks == 3
    assert len(set(talk.written)) == (0 if talk.looks else 1)
    if case.family.ports.whole_messages:
        assert talk.seconds <= talk.exchange.deadline_s
    else:
        assert talk.seconds == pytest.approx(1.5)


@STREAM
def test_an_echo_alone_is_no_answer(case: Case, command: Command) -> None:
    with pytest.raises(Unexpected) as caught:
        ask(case, command, links.echo_only()).run()
    assert caught.value.code == "device.echo"


@COMMAND
def test_an_exchange_ends_at_its_deadline(case: Case, command: Command) -> None:
    """A line that never falls silent and never says anything."""
    exchange = case.family.codec.exchange(command, case.family.codec.first_sequence())
    exchange.start()
    for _ in range(1000):
        exchange.receive(b"\xff\xfe")
    with pytest.raises(DeviceError):
        exchange.expire()


@FAMILY
@pytest.mark.parametrize("behaviour", ["silent", "truncated"])
def test_no_answer_is_made_of_half_an_answer(case: Case, behaviour: str) -> None:
    for command in case.family.commands(When.POLL):
        machine = case.emulator()
        machine.set_behaviour({behaviour: True})
        with pytest.raises(DeviceError):
            ask(case, command, links.plain(), machine).run()


@FAMILY
def test_what_is_sent_changes_nothing(case: Case) -> None:
    machine = case.emulator()
    sequence = case.family.codec.first_sequence()
    for command in case.family.read_only_commands:
        links.Talk(case.family.codec.exchange(command, sequence), machine.receive, links.plain()).run()
        machine.receive(case.family.codec.encode(command, sequence))
        sequence = case.family.codec.next_sequence(sequence)
    writes = any(
        case.family.codec.encode(c, case.family.codec.first_sequence())
        for c in case.family.read_only_commands
    )
    assert (machine.received > 0) is writes
    assert machine.forbidden == []


@FAMILY
def test_the_emulator_records_what_must_never_be_sent(case: Case) -> None:
    """The control of the test above: by hand, every one of them is noticed."""
    for name, raw in case.forbidden_examples.items():
        machine = case.emulator()
        machine.receive(raw)
        assert machine.forbidden, name


@FAMILY
def test_the_codec_refuses_what_must_never_be_sent(case: Case) -> None:
    codec = case.family.codec
    for name, raw in case.forbidden_examples.items():
        for reply in host_frames(case, raw):
            assert reply.frame.command is not None
            with pytest.raises(UsageError):
                codec.encode(Command(name, reply.frame.command, reply.frame.data), codec.first_sequence())


def host_frames(case: Case, raw: bytes) -> Sequence[Reply]:
    """None for what prints: that is not even parsed."""
    try:
        return case.family.codec.parse(raw, Direction.HOST_TO_DEVICE)
    except Unparsed:
        return ()


@FAMILY
def test_only_listed_commands_can_be_encoded(case: Case) -> None:
    codec = case.family.codec
    allowed = {(command.code, command.data) for command in case.family.read_only_commands}
    codes = {*range(256), 0x1004, 0x1014, 0x1005, 0x1B70, 0x1D49, 0x1D72, 0x1D61, 0x1B40}
    datas = {b"", b"0", b"1", b"2", b"*", b"T", b"W", b"X", b"\x01", b"\x05", b"CLEAR"}
    refused = 0
    for code in codes:
        for data in datas:
            try:
                codec.encode(Command("", code, data), codec.first_sequence())
                assert (code, data) in allowed
            except UsageError:
                assert (code, data) not in allowed
                refused += 1
    assert refused > len(codes)


@FAMILY
def test_the_emulator_is_known_by_its_identity(case: Case) -> None:
    commands = case.family.commands(When.IDENTIFY)
    replies = [Reply(ask(case, c, links.plain()).run(), c.request()) for c in commands]
    identity = case.family.identify(replies)
    if not commands:
        assert case.family.ports.whole_messages
        assert identity == Identity()  # nothing says who is there
        return
    assert (identity.model, identity.maker) == IDENTIFIED[case.family.name]
    assert identity.serial
    assert identity.firmware


@FAMILY
def test_a_fault_of_the_emulator_is_seen_and_its_end_too(case: Case) -> None:
    machine = case.emulator()
    profile = case.profiles.choose(machine.model).with_sensors(sensors(case))
    sequence = case.family.codec.first_sequence()
    faults = ("paper_end", "paper_near_end", "cover_open", "head_overheat", "mechanism_error")
    drawer = ("drawer_open", "drawer_sensor_high") if case.family.ports.whole_messages else ()
    shown = [fault for fault in (*faults, *drawer) if fault in machine.faults_known]
    assert len(shown) >= (1 if drawer else 3)
    for fault in shown:
        for on in (True, False):
            machine.set_faults({fault: on})
            sequence = case.family.codec.next_sequence(sequence)
            replies = [
                Reply(asked(case, c, sequence, machine), c.request(sequence))
                for c in case.family.commands(When.POLL)
            ]
            assert getattr(case.family.read_state(replies, profile), fault) is on


def sensors(case: Case) -> int | None:
    """The mask that the emulator itself declares, in a family that has one."""
    if not case.family.capabilities:
        return None
    commands = case.family.commands(When.IDENTIFY)
    replies = [Reply(ask(case, c, links.plain()).run(), c.request()) for c in commands]
    return next(mask for mask in map(case.family.capabilities, replies) if mask is not None)


def asked(case: Case, command: Command, sequence: int, machine: Any) -> Frame:
    exchange = case.family.codec.exchange(command, sequence)
    return links.Talk(exchange, machine.receive, links.plain()).run()


@FAMILY
def test_every_flag_of_every_profile_is_explained(case: Case) -> None:
    """Two bits that mean one thing may share one note; a bit that stands alone has its own."""
    for profile in (case.profiles.common, *case.profiles.known):
        noted = {(bit.byte, bit.flag) for bit in profile.bits if bit.note}
        assert [bit for bit in profile.bits if not bit.note and (bit.byte, bit.flag) not in noted] == []


@FAMILY
def test_the_registry_says_what_is_proven(case: Case) -> None:
    assert case.family.evidence.sources
    assert case.family.models
    assert case.family.commands(When.POLL)
    names = [command.name for command in case.family.read_only_commands]
    assert len(set(names)) == len(names)


# What no bytes may do

BYTES = st.one_of(
    st.binary(max_size=80),
    st.lists(
        st.sampled_from(b"\x01\x03\x04\x05\x10\x12\x13\x15\x16\x20\x24\x2b\x5f\x80\xff\x00"), max_size=80
    ).map(bytes),
)
STEPS = st.lists(
    st.one_of(BYTES, st.none(), st.integers(1, 30).map(lambda n: b"_" + b"A" * n * 1000)), max_size=12
)


@FAMILY
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_bytes_raise_or_are_kept(case: Case, data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(case.family.read_only_commands))
    exchange = case.family.codec.exchange(command, case.family.codec.first_sequence())
    exchange.start()
    for piece in data.draw(STEPS):
        try:
            step = exchange.silence() if piece is None else exchange.receive(piece)
        except DeviceError:
            return
        assert kept(exchange) <= BUFFER_BYTES
        if isinstance(step, Done):
            assert isinstance(step.frame, Frame)
            return
    with pytest.raises(DeviceError):
        exchange.expire()


def kept(thing: object, depth: int = 4) -> int:
    """The bytes that an object holds on to."""
    if isinstance(thing, bytes | bytearray):
        return len(thing)
    if depth == 0:
        return 0
    if isinstance(thing, list | tuple):
        return sum(kept(item, depth - 1) for item in thing)
    return sum(kept(item, depth - 1) for item in getattr(thing, "__dict__", {}).values())


def test_the_count_of_kept_bytes_sees_a_buffer_that_grows() -> None:
    class Growing:
        def __init__(self) -> None:
            self.line = [bytearray(BUFFER_BYTES + 1)]

    assert kept(Growing()) > BUFFER_BYTES


@FAMILY
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_bytes_raise_out_of_decode(case: Case, data: st.DataObject) -> None:
    question = Question(
        family=case.family.name,
        raw=data.draw(st.one_of(BYTES, mutated(case))),
        direction=data.draw(st.sampled_from(Direction)),
        level=data.draw(st.sampled_from(["frame", "payload"])),
        model=data.draw(st.sampled_from([None, "FP-700", "no such model"])),
        request=data.draw(st.one_of(st.none(), BYTES, mutated(case))),
        capabilities=data.draw(st.one_of(st.none(), BYTES)),
    )
    answer = decode(question, PROFILES)
    assert answer.ok == (answer.error is None)
    json.dumps(answer.as_json("x"), allow_nan=False)


def mutated(case: Case) -> st.SearchStrategy[bytes]:
    raws = [bytes.fromhex(vector["hex"]) for vector in case.vectors]
    parts = st.tuples(st.sampled_from(raws), st.integers(0, 60), st.binary(max_size=2))
    return parts.map(lambda p: p[0][: p[1]] + p[2] + p[0][p[1] + len(p[2]) :])


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_never_an_answer(data: st.DataObject) -> None:
    case = CASES[data.draw(st.sampled_from(CHECKED))]
    vector = data.draw(st.sampled_from([v for v in case.vectors if command_of(case, v)]))
    raw = bytes.fromhex(vector["hex"])
    at = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :]
    with pytest.raises(DeviceError):
        replayed(case, vector, changed, links.plain()).run()
    assert replayed(case, vector, raw, links.plain()).run()

"""What is overheard on a line of frames: the golden bytes of every family that can be overheard, as a cash
program sends them."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.device.checksums import isl_bcc
from protocols.device.family import Direction, Reply
from protocols.device.framed_overhear import FramedOverhearing
from protocols.device.overhear import Kick, Overhearing, Shape
from protocols.device.registry import FAMILIES
from tests.contract.families import CASES

FRAMED = sorted(
    name for name, f in FAMILIES.items() if f.overhear and isinstance(f.overhear(), FramedOverhearing)
)
KICKS = {
    "datecs_isl_legacy": bytes.fromhex("0124256a05") + isl_bcc(bytes.fromhex("24256a05")) + b"\x03",
    "tremol_zfp": b"\x02\x23\x21\x2a\x32\x38\x0a",
}


def line_of(family: str) -> Overhearing:
    overhear = FAMILIES[family].overhear
    assert overhear
    line = overhear()
    line.lost(0.0, "just come")
    return line


def exchanges(family: str) -> list[tuple[bytes, bytes]]:
    """Every question that the family asks, and what the emulator says to it."""
    codec, machine = FAMILIES[family].codec, CASES[family].emulator()
    asked, sequence = [], codec.first_sequence()
    for command in FAMILIES[family].read_only_commands:
        asked.append(codec.encode(command, sequence))
        sequence = codec.next_sequence(sequence)
    return [(request, machine.receive(request)) for request in asked]


@pytest.mark.parametrize("family", FRAMED)
def test_an_exchange_is_followed_in_pieces(family: str) -> None:
    line, at_s = line_of(family), 10.0
    for request, answer in exchanges(family):
        at_s += 5.0
        for number in range(len(request) - 1):
            line.host(request[number : number + 1], at_s)
            assert line.doubt(at_s + 60)
        line.host(request[-1:], at_s)
        assert "awaits" in line.doubt(at_s + 0.1)
        heard = [reply for n in range(len(answer)) for reply in line.device(answer[n : n + 1], at_s + 0.01)]
        if answer:
            expected = FAMILIES[family].codec.parse(answer, Direction.DEVICE_TO_HOST, request)
            assert heard == [r for r in expected if r.frame.sequence is not None or r.frame.status]
            assert line.doubt(at_s + 0.1) == ""


@pytest.mark.parametrize("family", FRAMED)
def test_an_answer_that_does_not_come_is_awaited_for_seconds(family: str) -> None:
    line = line_of(family)
    line.host(exchanges(family)[0][0], 10.0)
    assert line.doubt(19.0)
    assert line.doubt(21.0) == ""


@pytest.mark.parametrize("family", FRAMED)
def test_damage_is_doubt_until_a_whole_frame_after_a_silence(family: str) -> None:
    line, (request, answer) = line_of(family), exchanges(family)[0]
    broken = bytearray(request)
    broken[-2] ^= 1
    line.host(bytes(broken) + request, 10.0)
    line.host(request, 10.1)
    assert line.doubt(60.0), "no silence before it"
    line.host(request, 11.0)
    line.device(answer, 11.1)
    assert line.doubt(11.2) == ""


@pytest.mark.parametrize("family", FRAMED)
def test_half_a_frame_is_doubt_for_ever(family: str) -> None:
    line, (request, answer) = line_of(family), exchanges(family)[0]
    line.host(request, 10.0)
    line.device(answer, 10.1)
    line.host(request[:-3], 12.0)
    assert "middle" in line.doubt(5000.0)


@pytest.mark.parametrize("family", FRAMED)
def test_the_end_of_every_answer_is_what_the_shape_says(family: str) -> None:
    """What the tap gives to the agent must be the whole answer, and nothing after it."""
    line = line_of(family)
    for request, answer in exchanges(family):
        shape = line.shape(request)
        assert shape == Shape(0, 0, answer[-1] if answer else shape and shape.until)
        assert answer.count(answer[-1:]) == 1 or not answer, answer.hex()


@pytest.mark.parametrize("family", KICKS)
def test_a_kick_is_heard(family: str) -> None:
    line = line_of(family)
    assert Kick() in line.host(KICKS[family], 10.0)
    assert not [heard for request, _ in exchanges(family) for heard in line.host(request, 20.0)]


@given(st.lists(st.binary(max_size=40), max_size=20), st.sampled_from(FRAMED))
@settings(deadline=None)
def test_no_bytes_raise(pieces: list[bytes], family: str) -> None:
    line = line_of(family)
    for number, piece in enumerate(pieces):
        line.host(piece, number * 0.4)
        line.device(piece, number * 0.4)
        line.doubt(number * 0.4)


def test_what_the_cash_program_asks_tells_the_state() -> None:
    line = line_of("datecs_isl_legacy")
    request, answer = exchanges("datecs_isl_legacy")[1]
    line.host(request, 10.0)
    (reply,) = line.device(answer, 10.05)
    assert isinstance(reply, Reply)
    assert len(reply.frame.status) == 6


def test_there_are_vectors_of_every_framed_family() -> None:
    for family in FRAMED:
        assert json.loads(Path(f"tests/vectors/device/{family}.json").read_text())

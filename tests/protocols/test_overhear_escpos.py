"""What is overheard on an ESC/POS line. Two that know nothing of it say where commands end: python-escpos,
which makes them, and the emulator, which takes them apart."""

import struct

import pytest
from escpos.printer import Dummy
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from protocols.device.escpos import FAMILY, read_state
from protocols.device.escpos_exchange import DLE_EOT
from protocols.device.escpos_overhear import EscPosOverhearing
from protocols.device.escpos_tokens import LENGTHS, Tokens
from protocols.device.family import Reply
from protocols.device.overhear import Kick, Overhearing, Shape
from protocols.device.profile import EMPTY
from tests.emulators.escpos import EscPos

INIT = b"\x1b@"
BEGUN_S = 100.0


def begun() -> Overhearing:
    """A line that is known to be between commands at second 100."""
    line = EscPosOverhearing()
    line.lost(0.0, "just come")
    line.host(INIT, BEGUN_S)
    assert line.doubt(BEGUN_S) == ""
    return line


def raster(width: int, rows: int, fill: bytes) -> bytes:
    data = (fill * (width * rows))[: width * rows]
    return b"\x1dv0\0" + struct.pack("<HH", width, rows) + data


COMMANDS = [
    b"Kafija 2.50\n", b"\x1ba\x01", b"\x1b!\x30", b"\x1bd\x03", b"\x1bt\x10", b"\x1dV\x42\x00",
    b"\x1dV\x00", b"\x1b$\x10\x04", b"\x1b*\x21\x02\x00\x10\x04\x01\x10\x04\x02",
    b"\x1b*\x00\x03\x00\x10\x04\x01", b"\x1dk\x044711\0", b"\x1dkI\x06{A1234", b"\x1d(k\x04\x001A2\x00",
    b"\x1dh\x40", b"\x1dw\x03", b"\x1dH\x02", b"\x1bD\x08\x10\x18\0", b"\x1bc5\x01", b"\x1bp\x00\x19\xfa",
    b"\x10\x04\x01", b"\x1dr\x01", b"\x1dIC", b"\x1da\x00", raster(3, 4, b"\x10\x04\x01"), raster(2, 2,
    b"\x1b@"), b"\x1d^\x01\x02\x03", b"\x1bW" + bytes(8), b"\x1d!\x11", b"\x1b2", b"\x1b3\x10", b"\x1c.",
    b"\x10\x14\x01\x00\x01",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c[:6].hex())
def test_inside_a_command_there_is_doubt_and_after_it_none(command: bytes) -> None:
    for size in range(1, len(command)):
        line = begun()
        line.host(command[:size], BEGUN_S + 0.1)
        doubt = line.doubt(BEGUN_S + 60)
        assert doubt or command[0] >= 0x20, command[:size].hex()
    line = begun()
    line.host(command, BEGUN_S + 0.1)
    assert line.doubt(BEGUN_S + 60) == ""


@given(st.lists(st.sampled_from(COMMANDS), max_size=8), st.lists(st.integers(1, 9), min_size=1))
@settings(deadline=None, max_examples=200)
def test_where_no_doubt_is_the_device_waits_for_nothing(jobs: list[bytes], cuts: list[int]) -> None:
    """The emulator was written from the manual and shares no line with us."""
    line, machine, stream, number = begun(), EscPos(), b"".join(jobs), 0
    while stream:
        size = cuts[number % len(cuts)]
        piece, stream, number = stream[:size], stream[size:], number + 1
        line.host(piece, BEGUN_S + 0.01)
        machine.receive(piece)
        assert line.doubt(BEGUN_S + 60) or not machine._buffer
    assert line.doubt(BEGUN_S + 60) == ""


@given(st.lists(st.binary(max_size=60), max_size=20))
@settings(deadline=None)
def test_no_bytes_raise_or_pile_up(pieces: list[bytes]) -> None:
    line = begun()
    for number, piece in enumerate(pieces):
        line.host(piece, BEGUN_S + number * 0.3)
        line.device(piece, BEGUN_S + number * 0.3)
        line.doubt(BEGUN_S + number)


def test_a_receipt_of_python_escpos_is_followed_to_its_end() -> None:
    printer = Dummy(profile="TM-T88V")
    picture = Image.effect_noise((256, 64), 90)
    steps = [
        lambda: printer.set(align="center", bold=True, double_height=True, double_width=True),
        lambda: printer.textln("Plomba"),
        lambda: printer.image(picture, impl="bitImageRaster"),
        lambda: printer.image(picture, impl="bitImageColumn"),
        lambda: printer.image(picture, impl="graphics"),
        lambda: printer.barcode("4006381333931", "EAN13", 64, 2, "", ""),
        lambda: printer.barcode("{B012ABCDabcd", "CODE128", function_type="B"),
        lambda: printer.qr("plomba", native=True),
        lambda: printer.cashdraw(2),
        printer.cut,
        lambda: printer.hw("INIT"),
    ]
    line, done, kicks = begun(), 0, 0
    for number, step in enumerate(steps):
        step()
        made = printer.output
        kicks += sum(isinstance(heard, Kick) for heard in line.host(made[done:], BEGUN_S + number * 0.1))
        done = len(made)
        assert line.doubt(BEGUN_S + 60) == "", number
    assert kicks == 1


def test_nothing_is_known_before_the_first_job() -> None:
    line = EscPosOverhearing()
    line.lost(0.0, "just come")
    assert line.doubt(50.0) == "just come"
    line.host(b"Kafija\n", 50.0)
    assert line.doubt(60.0)
    line.host(INIT, 50.1)
    assert line.doubt(60.0), "ESC @ without a silence before it may be data"
    line.host(INIT, 51.0)
    assert line.doubt(60.0) == ""


def test_the_first_job_may_begin_with_a_question_but_with_nothing_else() -> None:
    line = EscPosOverhearing()
    line.lost(0.0, "just come")
    line.host(b"\x10\x04\x01", 10.0)
    assert line.doubt(15.0)
    line.host(INIT, 10.1)
    assert line.doubt(15.0) == ""
    line = EscPosOverhearing()
    line.lost(0.0, "just come")
    line.host(b"x" + INIT, 10.0)
    assert line.doubt(15.0)


def test_what_went_by_unheard_is_not_guessed_at() -> None:
    line = begun()
    line.lost(BEGUN_S, "bytes went by")
    line.host(INIT, BEGUN_S + 0.2)
    assert line.doubt(BEGUN_S + 60)
    line.found(BEGUN_S + 60)
    assert line.doubt(BEGUN_S + 60) == ""


@pytest.mark.parametrize(
    "command", [b"\x1b&\x03\x41\x42", b"\x1cq\x01", b"\x1f\x01", b"\x05", b"\x1dV\x07", b"\x1b=\x02"]
)
def test_an_unknown_command_ends_the_knowledge(command: bytes) -> None:
    line = begun()
    line.host(command + b"\n\n" + INIT, BEGUN_S + 0.1)
    assert "not known" in line.doubt(BEGUN_S + 60)
    line.host(INIT, BEGUN_S + 1)
    assert line.doubt(BEGUN_S + 60) == ""


def test_a_command_that_is_cut_by_a_silence_ends_the_knowledge() -> None:
    """It may go on, or the cash program may have given it up: an ESC @ in what follows can be data."""
    whole = raster(4, 2, INIT)
    line = begun()
    line.host(whole[:10], BEGUN_S + 0.1)
    line.host(whole[10:], BEGUN_S + 5)
    assert line.doubt(BEGUN_S + 60)
    line.host(INIT, BEGUN_S + 10)
    assert line.doubt(BEGUN_S + 60) == ""


@pytest.mark.parametrize("text", [b"\xb0", b"ab\xb0\xb1\xb2"])
def test_half_a_character_of_two_bytes_is_doubt(text: bytes) -> None:
    line = begun()
    line.host(text, BEGUN_S + 0.1)
    assert line.doubt(BEGUN_S + 0.4)
    line.host(b"\n", BEGUN_S + 0.2)
    assert line.doubt(BEGUN_S + 0.4) == ""


def test_while_a_macro_is_recorded_there_is_doubt() -> None:
    line = begun()
    line.host(b"\x1d:text\n", BEGUN_S + 0.1)
    assert line.doubt(BEGUN_S + 0.2)
    line.host(b"\x1d:", BEGUN_S + 0.2)
    assert line.doubt(BEGUN_S + 0.3) == ""


@pytest.mark.parametrize("kick", [b"\x1bp\x00\x19\xfa", b"\x1bp1\x19\xfa", b"\x10\x14\x01\x00\x01"])
def test_a_kick_is_heard_in_any_pieces(kick: bytes) -> None:
    for size in range(1, len(kick) + 1):
        line = begun()
        pieces = [kick[at : at + size] for at in range(0, len(kick), size)]
        found = [heard for piece in pieces for heard in line.host(piece, BEGUN_S + 0.1)]
        assert found == [Kick()]


def test_bytes_of_an_image_are_no_kick() -> None:
    line = begun()
    assert line.host(raster(5, 4, b"\x1bp\x00\x19\xfa"), BEGUN_S + 0.1) == []
    assert begun().host(b"\x10\x14\x02\x01\x08", BEGUN_S) == [], "power off"


def test_answers_to_the_cash_program_tell_the_state() -> None:
    line = begun()
    line.host(b"\x10\x04\x01\x10\x04\x04", BEGUN_S + 1)
    assert line.doubt(BEGUN_S + 1.1) == "the cash program awaits an answer"
    heard = [*line.device(b"\x1a", BEGUN_S + 1.01), *line.device(b"\x7e", BEGUN_S + 1.02)]
    replies = [reply for reply in heard if isinstance(reply, Reply)]
    state = read_state(replies, EMPTY.common)
    assert [r.request.data for r in replies if r.request] == [b"\x01", b"\x04"]
    assert state == read_state(_asked(replies), EMPTY.common)
    assert line.doubt(BEGUN_S + 1.1) == ""


def _asked(replies: list[Reply]) -> list[Reply]:
    """The same two answers by the family's own codec."""
    from protocols.device.family import Direction  # noqa: PLC0415

    raw = bytes(reply.frame.status[0] for reply in replies)
    return list(FAMILY.codec.parse(raw, Direction.DEVICE_TO_HOST, b"\x10\x04\x01\x10\x04\x04"))


def test_automatic_status_needs_no_question() -> None:
    heard = begun().device(b"\x18\x00", BEGUN_S)
    assert heard == []
    line = begun()
    line.device(b"\x18\x00", BEGUN_S)
    (reply,) = line.device(b"\x0f\x00", BEGUN_S + 0.01)
    assert isinstance(reply, Reply)
    assert reply.frame.status == b"\x18\x00\x0f\x00"


def test_a_status_byte_that_nobody_asked_for_is_nothing() -> None:
    assert begun().device(b"\x1a\x12", BEGUN_S) == []


def test_an_answer_behind_a_dle_among_data_is_not_believed() -> None:
    """Some printers obey DLE EOT in the midst of an image: its answer would be taken for that of the
    question."""
    line = begun()
    line.host(raster(3, 4, b"\x10\x04\x01"), BEGUN_S + 0.1)
    line.host(b"\x10\x04\x04", BEGUN_S + 0.2)
    assert line.device(b"\x12\x7e", BEGUN_S + 0.3) == []
    line.host(b"\x10\x04\x04", BEGUN_S + 5)
    assert line.device(b"\x7e", BEGUN_S + 5.1) != []


def test_a_question_that_stays_unanswered_pairs_with_nothing_later() -> None:
    line = begun()
    line.host(b"\x10\x04\x01", BEGUN_S + 1)
    line.host(b"\x10\x04\x04", BEGUN_S + 9)
    (reply,) = line.device(b"\x7e", BEGUN_S + 9.1)
    assert isinstance(reply, Reply)
    assert reply.request
    assert (reply.request.command, reply.request.data) == (DLE_EOT, b"\x04")


def test_more_questions_than_can_be_told_apart_are_all_dropped() -> None:
    line = begun()
    for _ in range(30):
        line.host(b"\x10\x04\x01\x10\x04\x04", BEGUN_S + 1)
    assert line.device(b"\x12" * 10, BEGUN_S + 1.1) == []


def test_a_waiting_buffered_question_keeps_ours_away_for_long() -> None:
    line = begun()
    line.host(b"\x1dIC", BEGUN_S + 1)
    assert line.doubt(BEGUN_S + 20)
    line.device(b"_TM-T20III\0", BEGUN_S + 21)
    assert line.doubt(BEGUN_S + 21) == ""


def test_only_real_time_status_may_be_put_in() -> None:
    line = begun()
    assert line.shape(b"\x10\x04\x01") == Shape(0x93, 0x12)
    for other in (
        b"\x10\x04\x05",
        b"\x10\x04\x07\x01",
        b"\x1dIC",
        b"\x1dr\x01",
        b"\x10\x05\x01",
        b"\x10\x14\x01\x00\x01",
        b"",
    ):
        assert line.shape(other) is None


def test_every_length_is_known_before_the_command_is_long() -> None:
    for prefix in LENGTHS:
        tokens = Tokens()
        list(tokens.feed(prefix + b"\x41" * 400))
        assert tokens.unknown or len(tokens._head) < 300

"""How an ESC/POS printer is asked: what its bytes are, and the exchanges of real-time status and of buffered
questions. It does not know what a status bit means."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from protocols.device.escpos_counter import GS_G, counts
from protocols.device.exchange import Frame
from protocols.device.unmarked_exchange import (
    BufferedExchange,
    Piece,
    PollExchange,
    Question,
    Script,
    stale,
)

__all__ = [
    "DLE_EOT",
    "GS_I",
    "GS_R",
    "Kind",
    "Piece",
    "buffered",
    "cut",
    "identity",
    "pieces",
    "poll",
    "sensor",
    "wear",
]

DLE_EOT, GS_I, GS_R = 0x1004, 0x1D49, 0x1D72
_ALIVE = b"\x10\x04\x01"
_MODEL = b"\x1dIC"
_OFFLINE = 0x08
_BLOCK_BYTES = 128
_COUNTER_DIGITS = 10
_CONTROL = {0x11: "XON", 0x13: "XOFF"}


class Kind(StrEnum):
    STATUS = "status"  # 0xx1xx10, an answer to DLE EOT
    ASB = "ASB"  # 0xx1xx00 and three bytes 0xx0xxxx, automatic status
    BLOCK = "block"  # 5Fh text 00h, an answer to GS I
    PLAIN = "plain"  # 0xx0xxxx, an answer to GS r, or half of an ASB
    CONTROL = "control"
    NOISE = "noise"


def pieces(raw: bytes) -> Iterator[tuple[Piece, int]]:
    """What the printer sent, told apart by its fixed bits (TM-T88III specification, appendix G), each with
    where it ends. Stops before a piece that is not complete. `data` is the byte of a status, the text of a
    block, the four bytes of an ASB."""
    at = 0
    while at < len(raw):
        found = cut(raw, at)
        if found is None:
            return
        yield found
        at = found[1]


def cut(raw: bytes, at: int) -> tuple[Piece, int] | None:
    """The piece that starts at `at` and its end; None while bytes are missing."""
    byte = raw[at]
    one = bytes([byte])
    if byte in _CONTROL:
        return Piece(Kind.CONTROL, _CONTROL[byte].encode()), at + 1
    if byte == 0x5F:
        return _block(raw, at)
    if byte & 0x93 == 0x12:
        return Piece(Kind.STATUS, one), at + 1
    if byte & 0x93 == 0x10:
        return _asb(raw, at)
    return Piece(Kind.PLAIN if byte & 0x90 == 0 else Kind.NOISE, one), at + 1


def _block(raw: bytes, at: int) -> tuple[Piece, int] | None:
    for end in range(at + 1, min(len(raw), at + _BLOCK_BYTES)):
        if raw[end] == 0:
            return Piece(Kind.BLOCK, raw[at + 1 : end]), end + 1
        if raw[end] < 0x20:
            return Piece(Kind.NOISE, raw[at : at + 1]), at + 1
    return None if len(raw) < at + _BLOCK_BYTES else (Piece(Kind.NOISE, raw[at : at + 1]), at + 1)


def _asb(raw: bytes, at: int) -> tuple[Piece, int] | None:
    """XON and XOFF may stand between the bytes."""
    found, end = raw[at : at + 1], at + 1
    while len(found) < 4:
        if end >= len(raw):
            return None
        if raw[end] not in _CONTROL:
            if raw[end] & 0x90:
                return Piece(Kind.NOISE, raw[at : at + 1]), at + 1
            found += raw[end : end + 1]
        end += 1
    return Piece(Kind.ASB, found), end


def poll(request: bytes) -> PollExchange:
    """DLE EOT n. An automatic status that comes by, because the cash program has switched it on, stands in the
    data of the answer: the printer told it, and it is older than the answer."""
    return PollExchange(request, cut, Kind.STATUS, _poll_frame, beside=Kind.ASB)


def _poll_frame(status: bytes, automatic: bytes) -> Frame:
    return Frame(None, DLE_EOT, data=automatic, status=status)


def identity(requests: Sequence[bytes]) -> BufferedExchange:
    """GS I. Many printers know only some of these, or none."""

    def build(answers: Sequence[bytes]) -> Frame:
        return Frame(None, GS_I, data=_joined(_believed(answers)))

    return buffered(_listed(requests, Kind.BLOCK, build, optional=True))


def sensor(request: bytes) -> BufferedExchange:
    """GS r. Its answer is one byte without a mark."""

    def build(answers: Sequence[bytes]) -> Frame:
        return Frame(None, GS_R, status=_believed(answers)[0])

    return buffered(_listed([request], Kind.PLAIN, build, optional=False))


def wear(requests: Sequence[bytes]) -> BufferedExchange:
    """GS g 2, asked only of a model whose manual tells what its counters count. A printer that does not know
    the command might print what follows it."""

    def ask(answers: Sequence[bytes]) -> Question | None:
        if len(answers) < 2:
            return Question(_MODEL, Kind.BLOCK)
        more = answers[0] == answers[1] and counts(answers[0]) and len(answers) - 2 < len(requests)
        return Question(requests[len(answers) - 2], Kind.BLOCK) if more else None

    def build(answers: Sequence[bytes]) -> Frame:
        model, *values = _believed(answers) or [b""]
        if not all(value.isdigit() and len(value) <= _COUNTER_DIGITS for value in values):
            raise stale()
        return Frame(None, GS_G, data=_joined([model, *values]) if values else b"")

    return buffered(Script(ask, build, optional=True, fenced=True))


def buffered(script: Script) -> BufferedExchange:
    """Asked only while DLE EOT 1 says that the printer is online."""
    return BufferedExchange(poll(_ALIVE), lambda frame: not frame.status[0] & _OFFLINE, cut, script)


def _listed(
    requests: Sequence[bytes], kind: Kind, build: Callable[[Sequence[bytes]], Frame], *, optional: bool
) -> Script:
    questions = [Question(request, kind) for request in (requests[0], *requests)]

    def ask(answers: Sequence[bytes]) -> Question | None:
        return questions[len(answers)] if len(answers) < len(questions) else None

    return Script(ask, build, optional=optional, fenced=True)


def _believed(answers: Sequence[bytes]) -> list[bytes]:
    """The first question is asked twice. A late answer to an older one moves all others by one place: then the
    first two differ, or one answer too many comes at the end. One answer alone proves nothing."""
    if len(answers) > 1 and answers[0] != answers[1]:
        raise stale()
    return list(answers[1:])


def _joined(answers: Sequence[bytes]) -> bytes:
    return b"".join(answer + b"\0" for answer in answers)

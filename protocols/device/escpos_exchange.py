"""How an ESC/POS printer is asked: what its bytes are, and the exchanges of real-time status and of buffered
questions. It does not know what a status bit means."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from protocols.device.exchange import BUFFER_BYTES, Done, Frame, Step, Wait, Write
from protocols.errors import Busy, Garbled, NoReply, PlombaError, Unexpected

DLE_EOT, GS_I, GS_R = 0x1004, 0x1D49, 0x1D72
TRIES, WAIT_S, DEADLINE_S = 3, 0.5, 5.0
ANSWER_WAIT_S = 1.0
"""For buffered commands: they stand behind whatever is still being printed."""
_ALIVE = b"\x10\x04\x01"
_OFFLINE = 0x08
_BLOCK_BYTES = 128
_CONTROL = {0x11: "XON", 0x13: "XOFF"}


class Kind(StrEnum):
    STATUS = "status"  # 0xx1xx10, an answer to DLE EOT
    ASB = "ASB"  # 0xx1xx00 and three bytes 0xx0xxxx, automatic status
    BLOCK = "block"  # 5Fh text 00h, an answer to GS I
    PLAIN = "plain"  # 0xx0xxxx, an answer to GS r, or half of an ASB
    CONTROL = "control"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Piece:
    """`data` is the byte of a status, the text of a block, the four bytes of an ASB."""

    kind: Kind
    data: bytes


def pieces(raw: bytes) -> Iterator[tuple[Piece, int]]:
    """What the printer sent, told apart by its fixed bits (TM-T88III specification, appendix G), each with
    where it ends. Stops before a piece that is not complete."""
    at = 0
    while at < len(raw):
        found = _piece(raw, at)
        if found is None:
            return
        yield found
        at = found[1]


def _piece(raw: bytes, at: int) -> tuple[Piece, int] | None:
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


class _Line:
    """The bytes that came and are not yet a piece."""

    def __init__(self) -> None:
        self._buffer = b""
        self._written = self._held = b""
        self._echo = False
        self._bytes_came = False

    def wrote(self, request: bytes) -> Write:
        """An echo of these bytes is passed over, if it comes first."""
        self._written = request
        return Write(request, WAIT_S if request.startswith(b"\x10") else ANSWER_WAIT_S)

    def take(self, data: bytes) -> list[Piece]:
        self._bytes_came |= bool(data)
        data = self._without_echo(data)
        found: list[Piece] = []
        for at in range(0, len(data), BUFFER_BYTES // 2):
            self._buffer += data[at : at + BUFFER_BYTES // 2]
            end = 0
            for piece, end in pieces(self._buffer):  # noqa: B007 - the last end is needed
                found.append(piece)
            self._buffer = self._buffer[end:]
        return found

    def _without_echo(self, data: bytes) -> bytes:
        written, held = self._written, self._held + data
        if written.startswith(held) and held != written:
            self._held = held
            return b""
        self._held = self._written = b""
        if not written or not held.startswith(written):
            return held
        self._echo = True
        return held[len(written) :]

    def drop(self) -> None:
        """Half a block or ASB after silence is lost; its bytes must not be read as something else."""
        self._buffer = self._held = b""

    def fail(self) -> NoReturn:
        if self._echo:
            raise Unexpected("the port sends back what is written to it", code="device.echo")
        if self._bytes_came:
            raise Garbled("bytes came, but no status byte of ESC/POS")
        raise NoReply("the printer does not answer")


class PollExchange:
    """DLE EOT n: answered at once, even offline. The answer does not say which n it answers, so after a
    repeat the answer of every try is awaited, and none stays on the line for the next question."""

    deadline_s = DEADLINE_S

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._line = _Line()
        self._tries = 0
        self._answers: list[bytes] = []

    def start(self) -> Step:
        self._tries += 1
        return self._line.wrote(self._request)

    def receive(self, data: bytes) -> Step:
        self._answers += [p.data for p in self._line.take(data) if p.kind is Kind.STATUS]
        self._answers = self._answers[-TRIES:]
        return self._done() if len(self._answers) >= self._tries else Wait(WAIT_S)

    def silence(self) -> Step:
        self._line.drop()
        if self._answers:
            return self._done()
        if self._tries >= TRIES:
            self._line.fail()
        return self.start()

    def expire(self) -> Step:
        self._line.fail()

    def _done(self) -> Done:
        return Done(Frame(None, DLE_EOT, status=self._answers[-1]))


class BufferedExchange:
    """Questions that wait in the printer's buffer (GS I, GS r). A late answer must never be taken for the
    newest question: they are asked only while DLE EOT 1 says online, whatever came before that is dropped,
    each is asked once, and after the first silence nothing more is asked. `build` makes the frame of the
    answers so far; with `optional` no answer at all is a result too, because many printers know none of these
    questions."""

    deadline_s = DEADLINE_S + 1

    def __init__(
        self,
        requests: tuple[bytes, ...],
        kind: Kind,
        build: Callable[[list[bytes]], Frame],
        *,
        optional: bool,
    ) -> None:
        self._requests = requests
        self._kind = kind
        self._build = build
        self._optional = optional
        self._alive: PollExchange | None = PollExchange(_ALIVE)
        self._line = _Line()
        self._answers: list[bytes] = []

    def start(self) -> Step:
        return self._through(PollExchange.start)

    def receive(self, data: bytes) -> Step:
        if self._alive:
            return self._through(lambda alive: alive.receive(data))
        for piece in self._line.take(data):
            if piece.kind is self._kind:
                self._answers.append(piece.data)
                return self._next()
        return Wait(ANSWER_WAIT_S)

    def silence(self) -> Step:
        if self._alive:
            return self._through(PollExchange.silence)
        return self._end(NoReply("the printer does not know this question"))

    def expire(self) -> Step:
        self._line.fail()

    def _through(self, call: Callable[[PollExchange], Step]) -> Step:
        step = call(self._alive) if self._alive else Wait(WAIT_S)
        if not isinstance(step, Done):
            return step
        self._alive = None
        if step.frame.status[0] & _OFFLINE:
            return self._end(Busy("the printer is offline; the question would be answered later"))
        return self._next()

    def _next(self) -> Step:
        if len(self._answers) == len(self._requests):
            return Done(self._build(self._answers))
        return self._line.wrote(self._requests[len(self._answers)])

    def _end(self, error: PlombaError) -> Step:
        if not self._optional:
            raise error
        return Done(self._build(self._answers))

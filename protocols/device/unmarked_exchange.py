"""How printers are asked whose answers do not say which question they answer: status that is answered at once,
and questions that wait in the printer's buffer. What the bytes are and mean, the family says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from protocols.device.exchange import BUFFER_BYTES, Done, Frame, Step, Wait, Write
from protocols.errors import Busy, Garbled, NoReply, PlombaError, Unexpected

TRIES, WAIT_S, DEADLINE_S = 3, 0.5, 5.0
ANSWER_WAIT_S = 1.0
"""For buffered questions: they stand behind whatever is still being printed."""
FENCE_S = 0.2
"""After the last answer nothing more may come for so long."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that the printer sent. `kind` is a word of the family."""

    kind: str
    data: bytes


Cut = Callable[[bytes, int], tuple[Piece, int] | None]
"""(bytes, where) -> the piece that starts there and its end; None while bytes are missing. Every byte belongs
to a piece, if only to noise."""


class Line:
    """The bytes that came and are not yet a piece."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._buffer = b""
        self._written = self._held = b""
        self._echo = False
        self._bytes_came = False

    def wrote(self, request: bytes, wait_s: float, *, echoed: bool = True) -> Write:
        """An echo of these bytes is passed over, if it comes first; not so where `echoed` is False, because
        the answer begins with them."""
        self._written = request if echoed else b""
        return Write(request, wait_s)

    def take(self, data: bytes) -> list[Piece]:
        self._bytes_came |= bool(data)
        data = self._without_echo(data)
        found: list[Piece] = []
        for at in range(0, len(data), BUFFER_BYTES // 2):
            self._buffer += data[at : at + BUFFER_BYTES // 2]
            end = 0
            while end < len(self._buffer) and (cut := self._cut(self._buffer, end)):
                found.append(cut[0])
                end = cut[1]
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
        """Half a piece after silence is lost; its bytes must not be read as something else."""
        self._buffer = self._held = b""

    def fail(self) -> NoReturn:
        if self._echo:
            raise Unexpected("the port sends back what is written to it", code="device.echo")
        if self._bytes_came:
            raise Garbled("bytes came, but no status of this kind of printer")
        raise NoReply("the printer does not answer")


class PollExchange:
    """Status that is answered at once, even offline. The answer does not say which question it answers, so
    after a repeat the answer of every try is awaited, and none stays on the line for the next question.
    `build` makes the frame of the newest answer and the newest piece of kind `beside` (or b"")."""

    deadline_s = DEADLINE_S

    def __init__(
        self,
        request: bytes,
        cut: Cut,
        kind: str,
        build: Callable[[bytes, bytes], Frame],
        beside: str = "",
    ) -> None:
        self._request = request
        self._line = Line(cut)
        self._kind = kind
        self._build = build
        self._beside, self._seen_beside = beside, b""
        self._tries = 0
        self._answers: list[bytes] = []

    def start(self) -> Step:
        self._tries += 1
        return self._line.wrote(self._request, WAIT_S)

    def receive(self, data: bytes) -> Step:
        for piece in self._line.take(data):
            if piece.kind == self._kind:
                self._answers = [*self._answers, piece.data][-TRIES:]
            elif piece.kind == self._beside:
                self._seen_beside = piece.data
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
        return Done(self._build(self._answers[-1], self._seen_beside))


@dataclass(frozen=True, slots=True)
class Question:
    """Bytes to write and the kind of the piece that answers them. `repeated`: the answer begins with the
    bytes of the question."""

    request: bytes
    kind: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """What a buffered exchange asks: `ask` gives the next question after these answers, or None; `build` the
    frame of the answers so far, or Garbled where they cannot all be answers to these questions. `optional`: no
    answer at all is a result too, because many printers know none of these questions. `fenced`: after the
    last answer one more of its kind means that an older one came late, and that all have moved by one."""

    ask: Callable[[Sequence[bytes]], Question | None]
    build: Callable[[Sequence[bytes]], Frame]
    optional: bool = False
    fenced: bool = False


class BufferedExchange:
    """Questions that wait in the printer's buffer. A late answer must never be taken for that of the newest
    question: they are asked only while `alive` says that the printer is `ready`, whatever came before that is
    dropped, each is asked once, and after the first silence nothing more is asked."""

    deadline_s = DEADLINE_S + 1

    def __init__(self, alive: PollExchange, ready: Callable[[Frame], bool], cut: Cut, script: Script) -> None:
        self._alive: PollExchange | None = alive
        self._ready = ready
        self._script = script
        self._line = Line(cut)
        self._kind = ""
        self._answers: list[bytes] = []
        self._complete = False

    def start(self) -> Step:
        return self._through(PollExchange.start)

    def receive(self, data: bytes) -> Step:
        if self._alive:
            return self._through(lambda alive: alive.receive(data))
        found = [piece.data for piece in self._line.take(data) if piece.kind == self._kind]
        if not found:
            return Wait(FENCE_S if self._complete else ANSWER_WAIT_S)
        if self._complete or (self._script.fenced and len(found) > 1):
            raise stale()
        self._answers.append(found[-1])
        return self._next()

    def silence(self) -> Step:
        if self._alive:
            return self._through(PollExchange.silence)
        if self._complete:
            return self._done()
        return self._end(NoReply("the printer does not know this question"))

    def expire(self) -> Step:
        self._line.fail()

    def _through(self, call: Callable[[PollExchange], Step]) -> Step:
        step = call(self._alive) if self._alive else Wait(WAIT_S)
        if not isinstance(step, Done):
            return step
        self._alive = None
        if not self._ready(step.frame):
            return self._end(Busy("the printer is offline; the question would be answered later"))
        return self._next()

    def _next(self) -> Step:
        question = self._script.ask(self._answers)
        if question:
            self._kind = question.kind
            return self._line.wrote(question.request, ANSWER_WAIT_S, echoed=not question.repeated)
        self._complete = True
        return Wait(FENCE_S) if self._script.fenced else self._done()

    def _end(self, error: PlombaError) -> Step:
        if not self._script.optional:
            raise error
        return self._done()

    def _done(self) -> Done:
        return Done(self._script.build(self._answers))


def stale() -> Garbled:
    return Garbled("an answer to an earlier question came late", code="device.stale_reply")

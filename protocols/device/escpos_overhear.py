"""What an ESC/POS line tells whoever listens: kicks, the answers to the cash program's own questions,
automatic status, and whether a real-time question may be put in. Nothing is known of the line until ESC @
comes after a silence."""

from collections import deque
from collections.abc import Iterator, Sequence

from protocols.device.escpos_exchange import DLE_EOT, GS_R, Kind, Piece, pieces
from protocols.device.escpos_tokens import Token, Tokens
from protocols.device.exchange import BUFFER_BYTES, Frame
from protocols.device.family import Reply
from protocols.device.overhear import SILENCE_S, Heard, Kick, Shape

ANSWER_S = 2.0
"""Real-time status is answered in milliseconds, or never."""
BUFFERED_S = 30.0
"""A buffered question may wait as long as the printer is offline; its answer has bytes that look like
status."""
HIDDEN_S = 1.0
"""A status byte that comes so soon after a DLE among data may be the answer to that."""
_STATUS = Shape(0x93, 0x12)
_BUFFERED = {b"\x1dI": Kind.BLOCK, b"\x1dr": Kind.PLAIN, b"\x1bu": Kind.PLAIN, b"\x1bv": Kind.PLAIN}
_SHORT_IDENTITY = b"\x01\x02\x03123"
_WAITING = 16


class _Question:
    def __init__(self, kind: Kind, request: Frame, at_s: float) -> None:
        self.kind = kind
        self.request = request
        self.until_s = at_s + (ANSWER_S if kind is Kind.STATUS else BUFFERED_S)


class EscPosOverhearing:
    def __init__(self) -> None:
        self._tokens = Tokens()
        self._why = "the cash program has not begun a job yet"
        self._trial = self._cut = False
        self._lead = self._macro = False
        self._host_s = float("-inf")
        self._device_s = float("-inf")
        self._hidden_s = float("-inf")
        self._asked: list[_Question] = []
        self._buffer = b""

    def lost(self, at_s: float, why: str) -> None:
        self._lose(why)
        self._host_s = self._device_s = at_s
        self._asked.clear()
        self._buffer = b""

    def found(self, at_s: float) -> None:
        self.lost(at_s, "")
        self._begin()

    def doubt(self, now_s: float) -> str:
        if self._why:
            return self._why
        if self._trial or self._tokens.inside or self._lead or self._macro:
            return "the cash program is in the middle of a command"
        if any(now_s < question.until_s for question in self._asked):
            return "the cash program awaits an answer"
        return ""

    def shape(self, request: bytes) -> Shape | None:
        """Real-time status only: everything else waits in the printer's buffer, and its answer could come
        when the cash program awaits another one."""
        return _STATUS if len(request) == 3 and request[:2] == b"\x10\x04" and 1 <= request[2] <= 4 else None

    # The cash program

    def host(self, data: bytes, at_s: float) -> Sequence[Heard]:
        still = at_s - self._host_s >= SILENCE_S
        self._host_s = at_s
        if still:
            self._after_silence()
        if self._why:
            if self._cut:
                deque(self._tokens.feed(data), maxlen=0)
            return ()
        found: list[Heard] = []
        for token in self._tokens.feed(data):
            found += self._token(token, at_s)
            if self._why:
                break
        if self._tokens.unknown:
            self._lose("the cash program sent a command that is not known")
        return found

    def _after_silence(self) -> None:
        """A command that was left half sent may go on, or the printer was switched off meanwhile: nobody can
        tell. The rest of it is awaited in any case, for it could hold an ESC @ too."""
        inside = self._tokens.inside and not self._tokens.unknown
        if self._cut and inside:
            return
        if self._why or self._trial or self._lead or self._macro:
            self._begin()
            self._trial = True
        elif inside:
            self._lose("the cash program paused in the middle of a command")
            self._cut = True

    def _begin(self) -> None:
        self._tokens.begin()
        self._why = ""
        self._trial = self._cut = self._lead = self._macro = False

    def _lose(self, why: str) -> None:
        self._why = why
        self._trial = self._cut = False

    def _token(self, token: Token, at_s: float) -> Iterator[Heard]:
        head = token.head
        if self._trial:
            self._try(head)
            if self._why:
                return
        if token.hides:
            self._hidden_s = at_s
        self._follow(head)
        if head[:1] == b"\x10" or head[:2] in _BUFFERED:
            self._question(head, at_s)
        if head[:2] == b"\x1bp" or head[:3] == b"\x10\x14\x01":
            yield Kick()

    def _try(self, head: bytes) -> None:
        """After a silence ESC @ proves where a command begins; real-time questions may stand before it."""
        if head == b"\x1b@":
            self._trial = False
        elif head[:2] != b"\x10\x04":
            self._lose("the cash program went on with something that was begun unheard")

    def _follow(self, head: bytes) -> None:
        """Text of two bytes to a character must not be cut either; whether it is such text depends on the
        printer. Between GS : and GS : the printer records."""
        if head[0] >= 0x20:
            for byte in head:
                self._lead = not self._lead and byte > 0x80
        else:
            self._lead = False
            self._macro = (self._macro != (head == b"\x1d:")) and head != b"\x1b@"

    def _question(self, head: bytes, at_s: float) -> None:
        if len(self._asked) >= _WAITING:  # answers can no longer be told apart
            self._asked.clear()
            self._hidden_s = at_s
        if head[:2] == b"\x10\x04":
            request = Frame(None, DLE_EOT, data=head[2:])
            self._asked.append(_Question(Kind.STATUS, request, at_s))
        elif head[:2] in _BUFFERED:
            short = head[:2] == b"\x1dI" and head[2:3] in [bytes([n]) for n in _SHORT_IDENTITY]
            kind = Kind.PLAIN if short else _BUFFERED[head[:2]]
            request = Frame(None, int.from_bytes(head[:2], "big"), data=head[2:])
            self._asked.append(_Question(kind, request, at_s))

    # The device

    def device(self, data: bytes, at_s: float) -> Sequence[Heard]:
        if at_s - self._device_s >= SILENCE_S:
            self._buffer = b""
        self._device_s = at_s
        self._asked = [question for question in self._asked if at_s < question.until_s]
        self._buffer = (self._buffer + data)[-BUFFER_BYTES:]
        end = 0
        found: list[Heard] = []
        for piece, end in pieces(self._buffer):  # noqa: B007 - the last end is needed
            found += self._piece(piece, at_s)
        self._buffer = self._buffer[end:]
        return found

    def _piece(self, piece: Piece, at_s: float) -> Iterator[Reply]:
        if piece.kind is Kind.ASB:
            yield Reply(Frame(None, "ASB", status=piece.data))
            return
        question = next((q for q in self._asked if q.kind is piece.kind), None)
        if question is None:
            return
        self._asked.remove(question)
        if at_s - self._hidden_s < HIDDEN_S or question.request.command not in (DLE_EOT, GS_R):
            return
        yield Reply(Frame(None, question.request.command, status=piece.data), question.request)

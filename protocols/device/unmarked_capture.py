"""Takes captures apart of printers whose answers do not name their question, and pairs them by kind and order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocols.device import capture
from protocols.device.exchange import Frame
from protocols.device.family import Direction, Reply, Unparsed
from protocols.device.unmarked_exchange import Cut, Piece


@dataclass(frozen=True, slots=True)
class UnmarkedLine:
    """`host` cuts requests. `pieces` gives all that the device sent, nothing left over, with the requests where
    they are known, because some bytes mean nothing without them. `kind` says which kind of piece answers a
    request; `frame` makes the frame of a piece, with its request where that is known. After a request of
    `automatic` any number of pieces of the kind `unasked` may stand between."""

    host: capture.Cut
    pieces: Callable[[bytes, Sequence[Frame]], Sequence[Piece]]
    kind: Callable[[Frame], str | None]
    frame: Callable[[Piece, Frame | None], Frame]
    automatic: tuple[int, ...]
    unasked: str

    def replies(self, raw: bytes, direction: Direction, request: bytes | None) -> list[Reply]:
        """What `Codec.parse` promises."""
        if direction is Direction.HOST_TO_DEVICE:
            return [Reply(frame) for frame in capture.frames(raw, self.host)]
        if request is None:
            return [Reply(self.frame(piece, None)) for piece in self.pieces(raw, ())]
        try:
            asked = capture.frames(request, self.host)
        except Unparsed as e:
            raise Unparsed("request.invalid", f"the request is not understood: {e}") from e
        return self._paired(self.pieces(raw, asked), asked)

    def _paired(self, found: Sequence[Piece], asked: Sequence[Frame]) -> list[Reply]:
        """What is answered at once overtakes what waits in the buffer, so each kind is in order by itself. As
        no answer names its question, one too few or too many leaves every pairing in doubt."""
        waiting: dict[str | None, list[Frame]] = {}
        for question in asked:
            waiting.setdefault(self.kind(question), []).append(question)
        waiting.pop(None, None)
        automatic = next((question for question in asked if question.command in self.automatic), None)
        pairs: list[Reply] = []
        for piece in found:
            if waiting.get(piece.kind):
                answered = waiting[piece.kind].pop(0)
                pairs.append(Reply(self.frame(piece, answered), answered))
            elif piece.kind == self.unasked and automatic:
                pairs.append(Reply(self.frame(piece, None), automatic))
            else:
                raise Unparsed("reply.mismatch", "something stands there that answers none of the requests")
        if any(waiting.values()):
            raise Unparsed("reply.mismatch", "there are fewer answers than requests")
        return pairs


def whole(raw: bytes, cut: Cut, noise: str, what: str) -> list[Piece]:
    """All pieces; Unparsed where one is not complete or of the kind `noise`. `what` names the family's answers."""
    found: list[Piece] = []
    at = 0
    while at < len(raw):
        one = cut(raw, at)
        if one is None:
            raise Unparsed("frame.truncated", "the last answer is not complete")
        found.append(one[0])
        at = one[1]
    if not found:
        raise Unparsed("frame.empty", "there are no bytes")
    if any(piece.kind == noise for piece in found):
        raise Unparsed("frame.pattern", f"a byte has not the fixed bits of any {what} answer")
    return found

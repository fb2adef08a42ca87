"""Takes captured bytes apart, one whole frame after another, and gives each answer the request that it answers.
What a frame is and what answers what, the family says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocols.device.exchange import Frame
from protocols.device.family import Direction, Reply, Unparsed

Cut = Callable[[bytes, int], tuple[Frame, int] | None]
"""(bytes, where) -> the frame that starts there and its end; None while bytes are missing. Raises Unparsed."""
Answers = Callable[[Frame, Frame], bool]
"""Whether the first frame can be an answer to the second. A control byte answers any request."""


def frames(raw: bytes, cut: Cut) -> list[Frame]:
    """Nothing is left over. Unparsed holds what stood before the fault."""
    found: list[Frame] = []
    at = 0
    while at < len(raw):
        try:
            one = cut(raw, at)
        except Unparsed as e:
            raise Unparsed(e.code, str(e), found) from e
        if one is None:
            raise Unparsed("frame.truncated", "the frame is not complete", found)
        found.append(one[0])
        at = one[1]
    if not found:
        raise Unparsed("frame.empty", "there are no bytes")
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """How the frames of both directions are cut and which answers which. `number`: what the family calls the
    number of a frame."""

    host: Cut
    device: Cut
    answers: Answers
    number: str = "sequence"

    def replies(self, raw: bytes, direction: Direction, request: bytes | None) -> list[Reply]:
        """What `Codec.parse` promises."""
        if direction is Direction.HOST_TO_DEVICE:
            return [Reply(frame) for frame in frames(raw, self.host)]
        found = frames(raw, self.device)
        if request is None:
            return [Reply(frame) for frame in found]
        try:
            asked = frames(request, self.host)
        except Unparsed as e:
            raise Unparsed("request.invalid", f"the request is no valid frame: {e}") from e
        return self.paired(found, asked)

    def paired(self, found: Sequence[Frame], requests: Sequence[Frame]) -> list[Reply]:
        """Every frame with the request that it answers, in order; a device may repeat an answer."""
        pairs: list[Reply] = []
        at = 0
        for frame in found:
            while at < len(requests) and not self.answers(frame, requests[at]):
                at += 1
            if at == len(requests):
                what = f"{self.number} or command"
                raise Unparsed("reply.mismatch", f"{what} is not that of the request", found)
            pairs.append(Reply(frame, requests[at]))
        return pairs

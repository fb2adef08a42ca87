"""What a line of frames tells whoever listens, by the codec of its family: kicks, and the answers that belong
to the cash program's own questions. A frame has a checksum: the first whole one after a silence shows where
the line is."""

from collections.abc import Callable, Iterator, Sequence

from protocols.device.exchange import BUFFER_BYTES, Frame
from protocols.device.family import Codec, Direction, Reply, Unparsed
from protocols.device.overhear import SILENCE_S, Heard, Kick, Overhearing, Shape

ANSWER_S = 10.0
"""A device that still works on a command says so far more often, or answers within this time."""


class FramedOverhearing:
    """`kick` tells the frames that open a drawer. `until`: the byte that ends every answer of the device and
    stands nowhere else in it; None where a question of the family needs more than one answer: then none is
    put in."""

    def __init__(self, codec: Codec, kick: Callable[[Frame], bool], until: int | None) -> None:
        self._codec = codec
        self._kick = kick
        self._until = until
        self._why = "no whole frame of the cash program has come yet"
        self._sent = b""
        self._request = b""
        self._reply = b""
        self._host_s = self._device_s = float("-inf")

    def lost(self, at_s: float, why: str) -> None:
        self._why = why
        self._sent = self._request = self._reply = b""
        self._host_s = self._device_s = at_s

    def found(self, at_s: float) -> None:
        self.lost(at_s, "")

    def doubt(self, now_s: float) -> str:
        if self._why:
            return self._why
        if self._sent:
            return "the cash program is in the middle of a frame"
        if self._request and now_s - max(self._host_s, self._device_s) < ANSWER_S:
            return "the cash program awaits an answer"
        return ""

    def shape(self, request: bytes) -> Shape | None:  # noqa: ARG002 - all of a family are alike
        return None if self._until is None else Shape(0, 0, self._until)

    def host(self, data: bytes, at_s: float) -> Sequence[Heard]:
        if at_s - self._host_s >= SILENCE_S:
            self._sent = b""
        elif self._why and not self._sent:
            self._host_s = at_s
            return ()
        self._host_s = at_s
        self._sent += data
        return self._frames()

    def _frames(self) -> Sequence[Heard]:
        try:
            asked = self._codec.parse(self._sent, Direction.HOST_TO_DEVICE)
        except Unparsed as e:
            if e.code != "frame.truncated" or len(self._sent) > BUFFER_BYTES:
                self._why = "the cash program sent what is no frame"
                self._sent = b""
            return ()
        sent, self._sent = self._sent, b""
        self._why = ""
        if not all(_is_control(reply.frame) for reply in asked):
            self._request, self._reply = sent, b""
        return [Kick() for reply in asked if self._kick(reply.frame)]

    def device(self, data: bytes, at_s: float) -> Sequence[Heard]:
        if at_s - self._device_s >= SILENCE_S:
            self._reply = b""
        self._device_s = at_s
        self._reply = (self._reply + data)[-BUFFER_BYTES:]
        return list(self._replies()) if self._request else ()

    def _replies(self) -> Iterator[Reply]:
        try:
            found = self._codec.parse(self._reply, Direction.DEVICE_TO_HOST, self._request)
        except Unparsed as e:
            if e.code != "frame.truncated":
                self._reply = b""
            return
        self._reply = b""
        for reply in found:
            if not _is_control(reply.frame):
                self._request = b""
                yield reply


def _is_control(frame: Frame) -> bool:
    """Control bytes go by names in capitals (see `Codec.parse`)."""
    return frame.sequence is None and isinstance(frame.command, str) and frame.command.isupper()


def of_frames(codec: Codec, kick: int | str, until: int | None = None) -> Callable[[], Overhearing]:
    """For `Family.overhear`. `kick`: the command that opens a drawer; `until` as above."""
    return lambda: FramedOverhearing(codec, lambda frame: frame.command == kick, until)

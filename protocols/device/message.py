"""The line of a family whose ports carry whole messages (`Ports.whole_messages`): one question, one message
back, or, where nothing is ever sent, a look at what stands on the port."""

from collections.abc import Callable, Mapping, Sequence

from protocols.device.exchange import Done, Exchange, Frame, Step, Wait, Write
from protocols.device.family import Command, Direction, Reply, Unparsed
from protocols.errors import Garbled, NoReply, UsageError

TRIES, WAIT_S = 3, 0.5

Read = Callable[[bytes], Frame]
"""One message of the device as a frame; Unparsed where it is none."""


class MessageExchange:
    """`request` b"": nothing is written and what can be read is the answer. A message that is no answer is
    passed over."""

    def __init__(self, request: bytes, read: Read, wait_s: float = WAIT_S) -> None:
        self._request = request
        self._read = read
        self._wait_s = wait_s
        self._tries = 0
        self._came = ""

    @property
    def deadline_s(self) -> float:
        return (TRIES + 1) * self._wait_s

    def start(self) -> Step:
        self._tries += 1
        return Write(self._request, self._wait_s) if self._request else Wait(self._wait_s)

    def receive(self, data: bytes) -> Step:
        try:
            return Done(self._read(data))
        except Unparsed as e:
            self._came = str(e)
            return Wait(self._wait_s)

    def silence(self) -> Step:
        return self.start() if self._tries < TRIES else self.expire()

    def expire(self) -> Step:
        if self._came:
            raise Garbled(f"what came is no answer: {self._came}")
        raise NoReply("the device does not answer")


class MessageCodec:
    """`requests`: what is written for each allow-listed command; `read` names in `Frame.command` the code of
    the command that the message answers."""

    def __init__(self, requests: Mapping[Command, bytes], read: Read, wait_s: float = WAIT_S) -> None:
        self._requests = {(command.code, command.data): request for command, request in requests.items()}
        self._read = read
        self._wait_s = wait_s

    def first_sequence(self) -> int:
        return 0

    def next_sequence(self, sequence: int) -> int:  # noqa: ARG002 - a message has no number
        return 0

    def encode(self, command: Command, sequence: int) -> bytes:  # noqa: ARG002 - a message has no number
        try:
            return self._requests[command.code, command.data]
        except KeyError:
            shown = f"{command.code!r} with {command.data.hex()!r}"
            raise UsageError(f"{shown} is not an allowed read-only command") from None

    def exchange(self, command: Command, sequence: int) -> Exchange:
        request = self.encode(command, sequence)
        return MessageExchange(request, lambda raw: self._answer(raw, command.request()), self._wait_s)

    def parse(self, raw: bytes, direction: Direction, request: bytes | None = None) -> Sequence[Reply]:
        if direction is Direction.HOST_TO_DEVICE:
            return [Reply(self._question(raw))]
        if request is None:
            return [Reply(self._read(raw))]
        try:
            asked = self._question(request)
        except Unparsed as e:
            raise Unparsed("request.invalid", f"the request is not understood: {e}") from e
        return [Reply(self._answer(raw, asked), asked)]

    def parse_payload(
        self, payload: bytes, direction: Direction, request: bytes | None = None
    ) -> Sequence[Reply]:
        return self.parse(payload, direction, request)

    def _question(self, raw: bytes) -> Frame:
        for (code, data), request in self._requests.items():
            if request == raw:
                return Frame(None, code, data=data)
        raise Unparsed("frame.command", "these bytes are no question that Plomba asks")

    def _answer(self, raw: bytes, asked: Frame) -> Frame:
        return fitting(self._read(raw), asked)


def fitting(frame: Frame, asked: Frame) -> Frame:
    """The frame, where it answers that question; else Unparsed."""
    if frame.command != asked.command:
        raise Unparsed("reply.mismatch", "this answers another question", [frame])
    return frame

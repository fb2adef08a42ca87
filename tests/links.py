"""Ways between an exchange and a device, from a perfect line to a dead one. Time moves only here: nothing
waits."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from protocols.device.exchange import Done, Exchange, Frame, Step, Wait, Write

ANSWER_S = 0.01
NOISE = b"\xff\x01\x30\x80\x00\xfe"
"""Holds what looks like the start of an ISL frame and of an ESC/POS automatic status."""

Piece = tuple[float, bytes]
Link = Callable[[bytes, Callable[[bytes], bytes]], list[Piece]]
"""(what is written, the device) -> what arrives, each with its delay in seconds after the writing."""


class Device(Protocol):
    def receive(self, data: bytes) -> bytes: ...


def plain() -> Link:
    return lambda data, device: [(ANSWER_S, device(data))]


def cut(size: int) -> Link:
    """The answer in pieces of `size` bytes, 2 ms apart."""

    def link(data: bytes, device: Callable[[bytes], bytes]) -> list[Piece]:
        answer = device(data)
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
        return [(ANSWER_S + 0.002 * n, piece) for n, piece in enumerate(pieces)]

    return link


def noisy() -> Link:
    """Rubbish before and after every answer."""
    return lambda data, device: [(0.005, NOISE), (ANSWER_S, device(data)), (0.02, NOISE)]


@dataclass
class Lossy:
    """The first of two answers never comes."""

    written: int = 0

    def __call__(self, data: bytes, device: Callable[[bytes], bytes]) -> list[Piece]:
        self.written += 1
        answer = device(data)
        return [] if self.written % 2 else [(ANSWER_S, answer)]


def late() -> Link:
    """Every answer comes when the exchange has already asked again."""
    return lambda data, device: [(0.7, device(data))]


def echo() -> Link:
    return lambda data, device: [(0.001, data), (ANSWER_S, device(data))]


def dead() -> Link:
    return lambda data, device: []


def echo_only() -> Link:
    return lambda data, device: [(0.001, data)]


GOOD: dict[str, Callable[[], Link]] = {
    "plain": plain,
    "byte at a time": lambda: cut(1),
    "noisy": noisy,
    "lossy": Lossy,
    "late": late,
    "echo": echo,
}
"""Links over which an exchange must still succeed."""
MESSAGES = ("plain", "lossy", "late")
"""Those that a port can be that carries whole messages."""


@dataclass
class Talk:
    """One exchange over one link. `written` is what the host sent, `seconds` how long it took. A device to
    which nothing is ever sent is looked at instead: `looks` counts that."""

    exchange: Exchange
    device: Callable[[bytes], bytes]
    link: Link
    seconds: float = 0.0
    written: list[bytes] = field(default_factory=list)
    looks: int = 0
    _coming: list[tuple[float, int, bytes]] = field(default_factory=list)
    _count: int = 0

    def run(self) -> Frame:
        """The reply, or the DeviceError of the exchange."""
        step = self.exchange.start()
        while not isinstance(step, Done):
            if isinstance(step, Write):
                self.written.append(step.data)
                self._pass(step.data)
            elif not self.written:
                self.looks += 1
                self._pass(b"")
            step = self._listen(step)
        if step.farewell:
            self.device(step.farewell)
        return step.frame

    def _pass(self, data: bytes) -> None:
        for delay, piece in self.link(data, self.device):
            if piece:
                self._count += 1
                heapq.heappush(self._coming, (self.seconds + delay, self._count, piece))

    def _listen(self, step: Write | Wait) -> Step:
        until = min(self.seconds + step.wait_s, self.exchange.deadline_s)
        if self._coming and self._coming[0][0] <= until:
            self.seconds, _, piece = heapq.heappop(self._coming)
            return self.exchange.receive(piece)
        if self.seconds + step.wait_s > self.exchange.deadline_s:
            return self.exchange.expire()
        self.seconds = until
        return self.exchange.silence()

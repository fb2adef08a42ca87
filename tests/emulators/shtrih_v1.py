"""A Shtrih-M cash register on its standard line: ENQ, ACK, NAK and frames without a number."""

import sys
from collections.abc import Callable
from functools import reduce

from tests.emulators.runner import main
from tests.emulators.shtrih import NEVER, PASSWORD, Shtrih, wall_clock


class ShtrihV1(Shtrih):
    """Keeps its answer until the host has acknowledged it, and gives it again to whoever asks.
    `left_over`: the cash program did not take its last answer, to 11h, with another state of the shift."""

    family = "shtrih_v1"
    behaviours_known = (*Shtrih.behaviours_known, "stray", "nak_once", "busy", "busy_once", "left_over")
    control = b"\x06\x15\xff"

    def __init__(self, model: str = "", now: Callable[[], str] = wall_clock) -> None:
        super().__init__(model, now)
        self._buffer = b""
        self.pending = b""

    def quiet(self) -> None:
        """The time-out between two bytes, 100 ms unless set otherwise (protocol 1.10, 14h)."""
        self._buffer = b""

    def answer(self, data: bytes) -> bytes:
        if "offline" in self.faults:
            return b""
        self._buffer = (self._buffer + data)[-1024:]
        out = b""
        while self._buffer:
            byte = self._buffer[0]
            if byte == 0x02:
                if len(self._buffer) < 2 or len(self._buffer) < self._buffer[1] + 3:
                    return out
                end = self._buffer[1] + 3
                frame, self._buffer = self._buffer[:end], self._buffer[end:]
                out += self._take(frame)
                continue
            self._buffer = self._buffer[1:]
            if byte == 0x05:
                out += self._enquired()
            elif byte == 0x06:
                self.pending = b""
        return out

    def _enquired(self) -> bytes:
        if self.behaves("busy") or self.behaviour.pop("busy_once", 0):
            return self._control(0x06)
        if self.behaviour.pop("left_over", 0):
            self.pending = self._pack(b"\x11" + self.told(b"\x11" + PASSWORD)[1:])
        return self._control(0x06) + self.pending if self.pending else self._control(0x15)

    def _take(self, frame: bytes) -> bytes:
        if _lrc(frame[1:-1]) != frame[-1] or not frame[1]:
            return self._control(0x15)
        if self.behaves("nak_once"):
            self.behaviour["nak_once"] = 0
            return self._control(0x15)
        payload = frame[2:-1]
        self.pending = self._pack(self.execute(payload))
        if self.behaves("marked_checksum"):
            self.pending = self._marked(payload)
        return self._control(0x06) + self.pending

    def _marked(self, payload: bytes) -> bytes:
        """An answer whose checksum is 02h, where its numbers allow one."""
        for self.operations in range(256):
            reply = self._pack(self.told(payload))
            if reply[-1] == 0x02:
                break
        return reply

    def _pack(self, reply: bytes) -> bytes:
        body = bytes([len(reply)]) + reply
        return b"\x02" + body + bytes([_lrc(body) ^ bool(self.behaves("wrong_checksum"))])

    def _control(self, byte: int) -> bytes:
        return (b"\xff" if self.behaves("stray") else b"") + bytes([byte])


def _lrc(body: bytes) -> int:
    return reduce(int.__xor__, body, 0)


def request(payload: bytes) -> bytes:
    """A host frame, for tests that send by hand."""
    body = bytes([len(payload)]) + payload
    return b"\x02" + body + bytes([_lrc(body)])


FORBIDDEN_EXAMPLES = {name: request(payload) for name, payload in NEVER.items()}
"""Frames that a monitor must never send; each is to be recorded."""


if __name__ == "__main__":
    sys.exit(main(ShtrihV1))

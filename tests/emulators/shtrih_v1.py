"""A Shtrih-M cash register on its standard line: ENQ, ACK, NAK and frames without a number."""

import sys
from collections.abc import Callable
from functools import reduce

from tests.emulators.runner import main
from tests.emulators.shtrih import NEVER, Shtrih, wall_clock


class ShtrihV1(Shtrih):
    """Keeps its answer until the host has acknowledged it, and gives it again to whoever asks.
    `stray`: FFh before each ACK and NAK, as over RNDIS; `nak_once`: the next frame is called damaged; `busy`:
    ENQ is answered as if a command were being worked on."""

    family = "shtrih_v1"
    behaviours_known = (*Shtrih.behaviours_known, "stray", "nak_once", "busy")

    def __init__(self, model: str = "", now: Callable[[], str] = wall_clock) -> None:
        super().__init__(model, now)
        self._buffer = b""
        self.pending = b""

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
        if self.behaves("busy"):
            return self._control(0x06)
        return self._control(0x06) + self.pending if self.pending else self._control(0x15)

    def _take(self, frame: bytes) -> bytes:
        if _lrc(frame[1:-1]) != frame[-1] or not frame[1]:
            return self._control(0x15)
        if self.behaves("nak_once"):
            self.behaviour["nak_once"] = 0
            return self._control(0x15)
        reply = self.execute(frame[2:-1])
        body = bytes([len(reply)]) + reply
        self.pending = b"\x02" + body + bytes([_lrc(body) ^ bool(self.behaves("wrong_checksum"))])
        return self._control(0x06) + self.pending

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

"""An ATOL printer on protocol v2, from atol4j: ENQ, a masked frame and EOT in each direction. It answers nothing
that was not asked for with ENQ first."""

import sys
from typing import ClassVar

from tests.emulators.atol_device import AtolDevice
from tests.emulators.atol_v3 import NEVER
from tests.emulators.runner import main

_STX, _ETX, _EOT, _ENQ, _ACK, _DLE, _NAK = 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x15


class AtolV2(AtolDevice):
    """`canned`: a whole frame that is sent in place of the next answers."""

    family = "atol_v2"
    behaviours_known: ClassVar[tuple[str, ...]] = (
        "wrong_checksum",
        "wrong_checksum_once",
        "nak",
        "nak_once",
        "collision_once",
        "stale_command",
        "never_ready",
        "busy_once",
        "marked_checksum",
        "drawer_open_is_low",
    )
    control = bytes([_EOT, _ENQ, _ACK, _NAK])

    def __init__(self, model: str = "") -> None:
        super().__init__(model)
        self.canned = b""
        self._buffer = b""
        self._listening = False
        self._question = b""
        self._answer = b""
        self._sent = False

    def answer(self, data: bytes) -> bytes:
        if "offline" in self.faults:
            return b""
        self._buffer = (self._buffer + data)[-2048:]
        out = b""
        while self._buffer:
            if self._buffer[0] == _STX:
                end = _end(self._buffer)
                if end is None:
                    return out
                frame, self._buffer = self._buffer[:end], self._buffer[end:]
                out += self._take(frame)
            else:
                byte, self._buffer = self._buffer[0], self._buffer[1:]
                out += self._control(byte)
        return out

    def _once(self, name: str) -> bool:
        return bool(self.behaviour.pop(name, 0))

    def _take(self, frame: bytes) -> bytes:
        if not self._listening:
            return b""
        if self.behaves("nak") or self._once("nak_once") or _sum(frame[1:-1]) != frame[-1]:
            return bytes([_NAK])
        self._question = frame[1:-2]
        return bytes([_ACK])

    def _control(self, byte: int) -> bytes:
        if byte == _ENQ:
            return self._asked()
        if byte == _EOT:
            return self._work()
        if not self._answer:
            return b""
        if byte == _ACK and self._sent:
            self._answer = b""
            return bytes([_EOT])
        return self._send() if byte == _ACK or self._sent else bytes([_ENQ])

    def _asked(self) -> bytes:
        if self._once("busy_once"):
            return bytes([_NAK])
        if self._once("collision_once"):
            return bytes([_ENQ])
        self._listening, self._question, self._answer, self._sent = True, b"", b"", False
        return bytes([_ACK])

    def _work(self) -> bytes:
        if self._question:
            payload = _plain(self._question)
            self._answer = pack(self.execute(payload))
            if self.behaves("marked_checksum"):
                self._answer = self._marked(payload)
            self._listening, self._question = False, b""
            if self.behaves("stale_command"):
                self._answer = pack(b"\x4d\x00\x00\x00\x00\x12\x34\x50")
        return bytes([_ENQ]) if self._answer and not self.behaves("never_ready") else b""

    def _marked(self, payload: bytes) -> bytes:
        """An answer whose checksum is ETX, which is masked only in the data, where its numbers allow one."""
        for self.receipt_number in range(10000):
            answer = pack(self.told(payload))
            if answer[-1] == _ETX:
                break
        return answer

    def _send(self) -> bytes:
        self._sent = True
        frame = self.canned or self._answer
        if self.behaves("wrong_checksum") or self._once("wrong_checksum_once"):
            return frame[:-1] + bytes([frame[-1] ^ 1])
        return frame


def _end(raw: bytes) -> int | None:
    at = 1
    while at < len(raw):
        if raw[at] == _ETX:
            return at + 2 if len(raw) > at + 1 else None
        at += 2 if raw[at] == _DLE else 1
    return None


def _plain(masked: bytes) -> bytes:
    out, rest = b"", iter(masked)
    for byte in rest:
        out += bytes([next(rest) if byte == _DLE else byte])
    return out


def _sum(masked: bytes) -> int:
    total = 0
    for byte in masked:
        total ^= byte
    return total


def pack(data: bytes) -> bytes:
    """A frame, for tests that send by hand."""
    masked = data.replace(b"\x10", b"\x10\x10").replace(b"\x03", b"\x10\x03") + b"\x03"
    return b"\x02" + masked + bytes([_sum(masked)])


FORBIDDEN_EXAMPLES = {
    name: b"\x05" + pack(b"\x00\x00" + bytes.fromhex(command)) + b"\x04" for name, command in NEVER.items()
}
"""Whole questions that a monitor must never send; each is to be recorded."""


if __name__ == "__main__":
    sys.exit(main(AtolV2))

"""An ATOL printer on protocol v3, from atol4j: FE packets and one buffer of tasks for everybody who asks. What
would clear that buffer is recorded, as is what would print or sell."""

import sys
from typing import ClassVar

from tests.emulators.atol_device import AtolDevice
from tests.emulators.runner import main


class AtolV3(AtolDevice):
    """A task that was added again exists already; its result waits until it is acknowledged."""

    family = "atol_v3"
    behaviours_known: ClassVar[tuple[str, ...]] = (
        "wrong_checksum",
        "stale_sequence",
        "stale_command",
        "pending",
        "never_ready",
        "asynchronous",
        "buffer_full",
        "taken",
        "nak_once",
        "marked_checksum",
        "drawer_open_is_low",
    )

    def __init__(self, model: str = "") -> None:
        super().__init__(model)
        self.tasks: dict[int, bytes] = {}
        self._waits: dict[int, int] = {}
        self._buffer = b""

    def answer(self, data: bytes) -> bytes:
        if "offline" in self.faults:
            return b""
        self._buffer = (self._buffer + data)[-4096:]
        out = b""
        while (start := self._buffer.find(0xFE)) >= 0:
            self._buffer = self._buffer[start:]
            end = _end(self._buffer)
            if end is None:
                return out
            packet, self._buffer = self._buffer[:end], self._buffer[end:]
            out += self._reply(packet)
        return out

    def _reply(self, packet: bytes) -> bytes:
        plain = packet[4:].replace(b"\xfd\xee", b"\xfe").replace(b"\xfd\xed", b"\xfd")
        number, body, check = packet[3], plain[:-1], plain[-1]
        if check != _check(bytes([number]) + body) or self.behaviour.pop("nak_once", 0):
            return pack(number, b"")
        data = self._task(body)
        out = b""
        if self.behaves("asynchronous"):
            out = pack(0xF0, b"\xa6\x57\x55\x00\x00")
        if self.behaves("stale_sequence"):
            number = (number + 9) % 0xE0
        if self.behaves("stale_command") and data[:1] == b"\xa3":
            data = b"\xa3\x4d\x00\x00\x00\x00\x12\x34\x50\x00"
        reply = pack(number, data)
        if self.behaves("marked_checksum") and body[:1] == b"\xc1":
            reply = self._marked(number, body)
        if self.behaves("wrong_checksum"):
            reply = pack(number, data, spoil=1)
        return out + reply

    def _marked(self, number: int, body: bytes) -> bytes:
        """A result whose checksum is FEh or FDh, which are escaped, where its numbers allow one."""
        for self.receipt_number in range(10000):
            self.tasks[body[2]] = self.told(body[3:])
            reply = pack(number, self._told(body[2]))
            if reply[-2] == 0xFD:
                break
        return reply

    def _task(self, body: bytes) -> bytes:
        if body[:1] == b"\xc1" and len(body) > 5:
            return self._add(body[2], body[3:])
        if body[:1] == b"\xc2" and len(body) == 2:
            return b"\xa3" if self.tasks.pop(body[1], None) else b"\xb3"
        if body[:1] == b"\xc3" and len(body) == 2:
            return self._told(body[1])
        self.forbidden.append(body[:8].hex(" ").upper() or "empty")
        if body[:1] == b"\xc4":
            self.tasks.clear()
            return b"\xa3"
        return b"\xb4"

    def _add(self, task: int, payload: bytes) -> bytes:
        if self.behaves("buffer_full"):
            return b"\xb1"
        if task in self.tasks or self.behaves("taken"):
            return b"\xb2"
        self.tasks[task] = self.execute(payload)
        self._waits[task] = self.behaves("pending")
        return self._told(task)

    def _told(self, task: int) -> bytes:
        if task not in self.tasks:
            return b"\xb3"
        if self.behaves("never_ready"):
            return b"\xa2"
        if self._waits[task]:
            self._waits[task] -= 1
            return b"\xa1"
        return b"\xa3" + self.tasks[task]


def _end(raw: bytes) -> int | None:
    """Where the packet ends: the length counts unescaped bytes."""
    if len(raw) < 5:
        return None
    left, at = (raw[1] & 0x7F | raw[2] << 7) + 1, 4
    while left:
        if at >= len(raw):
            return None
        at += 2 if raw[at] == 0xFD else 1
        left -= 1
    return at if at <= len(raw) else None


def _shifted(register: int) -> int:
    """By one byte, bit by bit as the polynomial x8 + x5 + x4 + 1 is written."""
    for _ in range(8):
        out = register >> 7
        register = register << 1 & 0xFF
        if out:
            register ^= 0b0011_0001
    return register


_SHIFTED = [_shifted(register) for register in range(256)]


def _check(data: bytes) -> int:
    """From FFh."""
    register = 0xFF
    for byte in data:
        register = _SHIFTED[register ^ byte]
    return register


def pack(number: int, data: bytes, spoil: int = 0) -> bytes:
    """A packet, for tests that send by hand."""
    tail = data + bytes([_check(bytes([number]) + data) ^ spoil])
    tail = tail.replace(b"\xfd", b"\xfd\xed").replace(b"\xfe", b"\xfd\xee")
    return bytes([0xFE, len(data) & 0x7F, len(data) >> 7, number]) + tail


NEVER = {
    "Z report": "5A",
    "enter mode": "560130000000",
    "leave mode": "48",
    "X report": "6701",
    "open shift": "9A00",
    "close receipt": "4A0001",
    "reboot": "CE",
    "drawer": "80",
    "beep": "88",
    "cut": "7500",
    "print": "4C41",
    "cash in": "49000000001000",
    "set clock": "4B134500",
    "register with a number": "910A0000",
}
FORBIDDEN_EXAMPLES = {
    name: pack(n + 1, bytes([0xC1, 1, n + 1, 0, 0]) + bytes.fromhex(command))
    for n, (name, command) in enumerate(NEVER.items())
} | {"abort": pack(0x30, b"\xc4"), "acknowledge and add": pack(0x31, b"\xc5\x01\x01\x02\x00\x00\x5a")}
"""Packets that a monitor must never send; each is to be recorded."""


if __name__ == "__main__":
    sys.exit(main(AtolV3))

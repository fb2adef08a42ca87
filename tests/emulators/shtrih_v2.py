"""A Shtrih-M cash register on its second line: numbered frames, escapes and a CRC, no ENQ."""

import sys
from binascii import crc_hqx
from collections.abc import Callable

from tests.emulators.runner import main
from tests.emulators.shtrih import NEVER, Shtrih, wall_clock

FIRST_NUMBER = 0x20


class ShtrihV2(Shtrih):
    """Tells the number of the last frame to the empty frame; gives its last answer again when a number is
    repeated. `stale_number`: answers with the number before."""

    family = "shtrih_v2"
    behaviours_known = (*Shtrih.behaviours_known, "stale_number")

    def __init__(self, model: str = "", now: Callable[[], str] = wall_clock) -> None:
        super().__init__(model, now)
        self._buffer = b""
        self.last_number = FIRST_NUMBER
        self._last = b""

    def answer(self, data: bytes) -> bytes:
        if "offline" in self.faults:
            return b""
        out = b""
        for byte in data:
            if byte == 0x8F:
                self._buffer = b""
            self._buffer = (self._buffer + bytes([byte]))[-1024:]
            out += self._look()
        return out

    def _look(self) -> bytes:
        if not self._buffer.startswith(b"\x8f") or self._buffer[-1:] == b"\x9f":
            return b""
        plain = self._buffer[1:].replace(b"\x9f\x81", b"\x8f").replace(b"\x9f\x83", b"\x9f")
        size = int.from_bytes(plain[:2], "little")
        if len(plain) < max(2, size + 4):
            return b""
        self._buffer = b""
        if crc_hqx(plain[:-2], 0xFFFF) != int.from_bytes(plain[-2:], "little"):
            return b""
        return self._take(plain[2:-2])

    def _take(self, body: bytes) -> bytes:
        if not body:
            return self._pack(self.last_number, b"")
        number = int.from_bytes(body[:2], "little")
        if number == self.last_number and self._last:
            return self._last
        self.last_number = number
        shown = (number - 1 if self.behaves("stale_number") else number) & 0xFFFF
        self._last = self._pack(shown, self.execute(body[2:]))
        if self.behaves("marked_checksum"):
            self._last = self._marked(shown, body[2:])
        return self._last

    def _marked(self, number: int, payload: bytes) -> bytes:
        """An answer whose checksum holds 8Fh or 9Fh, which are escaped, where its numbers allow one."""
        reply = before = b""
        for self.operations in range(0x10000):
            reply = self._pack(number, self.told(payload))
            if 0x9F in reply[-4:] or reply == before:
                break  # the same again: it does not tell the number of operations
            before = reply
        return reply

    def _pack(self, number: int, payload: bytes) -> bytes:
        frame = request(number, payload)
        if self.behaves("wrong_checksum"):
            frame = frame[:-1] + bytes([frame[-1] ^ 1])
        return frame


def request(number: int | None, payload: bytes = b"") -> bytes:
    """A frame, for tests that send by hand; without a number the empty one."""
    body = b"" if number is None else number.to_bytes(2, "little") + payload
    counted = len(body).to_bytes(2, "little") + body
    raw = counted + crc_hqx(counted, 0xFFFF).to_bytes(2, "little")
    return b"\x8f" + raw.replace(b"\x9f", b"\x9f\x83").replace(b"\x8f", b"\x9f\x81")


FORBIDDEN_EXAMPLES = {name: request(n + 1, payload) for n, (name, payload) in enumerate(NEVER.items())}
"""Frames that a monitor must never send; each is to be recorded."""


if __name__ == "__main__":
    sys.exit(main(ShtrihV2))

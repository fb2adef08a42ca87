"""An ESC/POS receipt printer with a cash drawer, from the Star ESC/POS mode manual and the Epson TM-T88III
specification. It prints into a list of jobs. Buffered commands wait while it is offline; real-time commands
do not."""

import sys
from collections.abc import Callable
from typing import Any, ClassVar

from tests.emulators.machine import Machine
from tests.emulators.runner import main

_STOPS = ("paper_end", "cover_open", "offline", "cutter_error", "mechanism_error", "head_overheat")
_SAFE_REAL_TIME = (1, 2, 3, 4)
_SAFE_IDENTITY = (65, 66, 67, 68)

# Arguments after the two bytes of a command, where their number is fixed.
_FIXED = {
    b"\x1b@": 0, b"\x1b!": 1, b"\x1b$": 2, b"\x1b\\": 2, b"\x1b-": 1, b"\x1b2": 0, b"\x1b3": 1, b"\x1bE": 1,
    b"\x1bG": 1, b"\x1bJ": 1, b"\x1bM": 1, b"\x1bR": 1, b"\x1bV": 1, b"\x1ba": 1, b"\x1bc": 2, b"\x1bd": 1,
    b"\x1be": 1, b"\x1bi": 0, b"\x1bm": 0, b"\x1bp": 3, b"\x1bt": 1, b"\x1bu": 1, b"\x1bv": 0, b"\x1b{": 1,
    b"\x1b ": 1, b"\x1b%": 1, b"\x1bL": 0, b"\x1bS": 0, b"\x1bK": 1, b"\x1bT": 1, b"\x1bW": 8,
    b"\x1d!": 1, b"\x1dB": 1, b"\x1dH": 1, b"\x1dI": 1, b"\x1dL": 2, b"\x1dW": 2, b"\x1da": 1, b"\x1db": 1,
    b"\x1df": 1, b"\x1dg": 4, b"\x1dh": 1, b"\x1dw": 1, b"\x1dr": 1, b"\x1dP": 2, b"\x1d$": 2, b"\x1d\\": 2,
    b"\x1c.": 0, b"\x1c&": 0, b"\x1c!": 1, b"\x1cC": 1, b"\x1d:": 0, b"\x1d^": 3, b"\x1dT": 1,
}  # fmt: skip


FORBIDDEN_EXAMPLES = {
    "kick": b"\x1bp\x00\x19\xfa",
    "real-time kick": b"\x10\x14\x01\x00\x01",
    "recover": b"\x10\x05\x02",
    "initialise": b"\x1b@",
    "automatic status on": b"\x1da\xff",
    "cut": b"\x1dV\x00",
    "feed": b"\x1bd\x03",
    "text": b"hello\n",
    "presenter": b"\x10\x04\x05",
    "type id": b"\x1dI\x02",
    "set a counter back": b"\x1dg0\0\x14\0",
}
"""Bytes that a monitor must never send; each is to be recorded."""


class EscPos(Machine):
    """`drawer_open` is a fault by name, for the drawer is what it is: a kick opens it, and a person closes it
    by switching the fault off."""

    family = "escpos"
    models = ("TM-T20III", "TM-T88V", "TM-m30", "TM-T90")
    faults_known = (*_STOPS, "paper_near_end", "drawer_open")
    behaviours_known = ("wrong_pattern", "asb_before", "no_identity", "drawer_open_is_low")
    firmware: ClassVar[str] = "1.06 ESC/POS"
    serial: ClassVar[str] = "X4TJ012345"
    counters: ClassVar[dict[int, int]] = {20: 12, 148: 1234567, 149: 7654321, 178: 54321, 198: 8760}
    """By number; of the TM-T90 alone."""

    def __init__(self, model: str = "") -> None:
        super().__init__(model)
        self.jobs: list[dict[str, Any]] = []
        self._buffer = b""
        self._waiting: list[Callable[[], bytes]] = []
        self._text = bytearray()
        self._asb = 0
        self._asb_sent = b""

    def answer(self, data: bytes) -> bytes:
        self._buffer += data
        out = b""
        while self._buffer:
            taken = self._take(self._buffer)
            if taken is None:
                return out
            size, action, real_time = taken
            self._buffer = self._buffer[size:]
            if real_time or not self._stopped():
                out += action()
            else:
                self._waiting.append(action)
        return out

    def changed(self) -> None:
        """Online again: what waited is done now."""
        out = b""
        if not self._stopped():
            waiting, self._waiting = self._waiting, []
            out = b"".join(action() for action in waiting)
        now = self._asb_frame()
        if self._asb and now != self._asb_sent:
            self._asb_sent = now
            out = now + out
        if out and not self.behaves("silent"):
            self.send(out)

    def state(self) -> dict[str, Any]:
        return super().state() | {
            "drawer_open": "drawer_open" in self.faults,
            "online": not self._stopped(),
            "jobs": list(self.jobs[-50:]),
            "waiting": len(self._waiting),
        }

    # Taking the stream apart: (size, what to do, at once even when offline); None while bytes are missing.

    def _take(self, raw: bytes) -> tuple[int, Callable[[], bytes], bool] | None:
        if raw[0] == 0x10:
            return self._take_real_time(raw)
        if raw[0] in (0x1B, 0x1C, 0x1D):
            size = _size(raw)
            if size is None or len(raw) < size:
                return None
            command = raw[:size]
            return size, lambda: self._do(command), False
        return 1, lambda: self._print(raw[:1]), False

    def _take_real_time(self, raw: bytes) -> tuple[int, Callable[[], bytes], bool] | None:
        if len(raw) < 3 and raw[1:2] in (b"", b"\x04", b"\x05", b"\x14"):
            return None
        if raw[1] == 0x04:
            return 3, lambda: self._real_time_status(raw[2]), True
        if raw[1] == 0x05:
            return 3, lambda: self._forbid(raw[:3]), True
        if raw[1] == 0x14:
            return None if len(raw) < 5 else (5, lambda: self._real_time_kick(raw[:5]), True)
        return 1, lambda: b"", True

    # Doing

    def _do(self, command: bytes) -> bytes:
        name, argument = command[:2], command[2] if len(command) > 2 else 0
        told = self._tell(name, argument, command[4:6])
        if told is not None:
            return told
        self._forbid(command)
        if name == b"\x1b@":
            self._asb = 0
        elif name == b"\x1da":
            return self._automatic(argument)
        elif name == b"\x1bp":
            self._kick("ESC p")
        elif name in (b"\x1dV", b"\x1bi", b"\x1bm"):
            self._flush()
            self.jobs.append({"cut": "partial" if argument in (1, 49, 66) or name == b"\x1bm" else "full"})
        elif name == b"\x1bv":
            return self._buffered_status(1)
        elif name == b"\x1bu":
            return self._buffered_status(2)
        elif name in (b"\x1dv", b"\x1b*", b"\x1d("):
            self._flush()
            self.jobs.append({"data": len(command)})
        return b""

    def _tell(self, name: bytes, argument: int, number: bytes) -> bytes | None:
        """The answer to a question that only reads; None for anything else."""
        if name == b"\x1dI":
            return self._identity(argument)
        if name == b"\x1dr" and argument in (1, 2, 49, 50):
            return self._buffered_status(argument)
        if name == b"\x1dg" and argument == ord("2"):
            value = self.counters.get(int.from_bytes(number, "little"))
            return b"_%d\0" % value if value is not None and self.model == "TM-T90" else b""
        return None

    def _print(self, byte: bytes) -> bytes:
        if not self._text:
            self._forbid(b"text")
        self._text += byte
        if byte == b"\n":
            self._flush()
        return b""

    def _flush(self) -> None:
        if self._text:
            self.jobs.append({"text": self._text.decode("cp437").rstrip("\n")})
            self._text.clear()

    def _forbid(self, command: bytes) -> bytes:
        self.forbidden.append("text" if command == b"text" else command[:8].hex(" ").upper())
        return b""

    def _kick(self, how: str) -> None:
        self._flush()
        self.jobs.append({"kick": how})
        self.faults.add("drawer_open")
        self.changed()

    def _real_time_kick(self, command: bytes) -> bytes:
        self._forbid(command)
        if command[2] == 1:
            self._kick("DLE DC4")
        return b""

    # Answering

    def _stopped(self) -> bool:
        return any(name in self.faults for name in _STOPS)

    def _pin_3_high(self) -> bool:
        return ("drawer_open" in self.faults) != bool(self.behaves("drawer_open_is_low"))

    def _real_time_status(self, n: int) -> bytes:
        if n not in _SAFE_REAL_TIME:
            return self._forbid(bytes([0x10, 0x04, n]))
        has = self.faults.__contains__
        byte = 0x12
        if n == 1:
            byte |= 0x04 * self._pin_3_high() | 0x08 * self._stopped()
        elif n == 2:
            broken = has("cutter_error") or has("mechanism_error") or has("head_overheat")
            byte |= 0x04 * has("cover_open") | 0x20 * has("paper_end") | 0x40 * broken
        elif n == 3:
            byte |= 0x08 * has("cutter_error") | 0x20 * has("mechanism_error") | 0x40 * has("head_overheat")
        else:
            byte |= 0x0C * has("paper_near_end") | 0x60 * has("paper_end")
        before = self._asb_frame() if self.behaves("asb_before") else b""
        return before + bytes([byte ^ 0x80 if self.behaves("wrong_pattern") else byte])

    def _buffered_status(self, n: int) -> bytes:
        if n in (2, 50):
            return bytes([self._pin_3_high()])
        return bytes([0x03 * ("paper_near_end" in self.faults) | 0x0C * ("paper_end" in self.faults)])

    def _identity(self, n: int) -> bytes:
        if n not in _SAFE_IDENTITY:
            self._forbid(bytes([0x1D, 0x49, n]))
            return b"\x20" if n in (1, 49) else b""
        if self.behaves("no_identity"):
            return b""
        text = {65: self.firmware, 66: "EPSON", 67: self.model, 68: self.serial}[n]
        return b"_" + text.encode() + b"\0"

    def _automatic(self, n: int) -> bytes:
        self._asb = n
        self._asb_sent = self._asb_frame()
        return self._asb_sent if n else b""

    def _asb_frame(self) -> bytes:
        has = self.faults.__contains__
        first = 0x10 | 0x04 * self._pin_3_high() | 0x08 * self._stopped() | 0x20 * has("cover_open")
        second = 0x08 * has("cutter_error") | 0x20 * has("mechanism_error") | 0x40 * has("head_overheat")
        third = 0x03 * has("paper_near_end") | 0x0C * has("paper_end")
        return bytes([first, second, third, 0])


def _size(raw: bytes) -> int | None:  # noqa: PLR0911 - one line per shape of command
    """Bytes of the command at the start; None while that cannot be told."""
    name = raw[:2]
    if name in _FIXED:
        return 2 + _FIXED[name]
    if name == b"\x1dV" and len(raw) > 2:
        return 4 if raw[2] in (65, 66, 97, 98, 103, 104) else 3
    if name in (b"\x1d(", b"\x1c("):
        return 5 + raw[3] + raw[4] * 256 if len(raw) > 4 else None
    if name == b"\x1dv":
        return 8 + (raw[4] + raw[5] * 256) * (raw[6] + raw[7] * 256) if len(raw) > 7 else None
    if name == b"\x1b*":
        return 5 + (raw[3] + raw[4] * 256) * (3 if raw[2] in (32, 33) else 1) if len(raw) > 4 else None
    if name == b"\x1dk" and len(raw) > 3:
        return 4 + raw[3] if raw[2] >= 65 else _to_nul(raw, 3)
    if name == b"\x1bD":
        return _to_nul(raw, 2)
    return 2 if len(raw) > 2 and name not in (b"\x1dV", b"\x1dk") else None


def _to_nul(raw: bytes, start: int) -> int | None:
    end = raw.find(0, start)
    return None if end < 0 else end + 1


if __name__ == "__main__":
    sys.exit(main(EscPos))

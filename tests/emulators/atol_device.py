"""What ATOL printers do above their two lines, from atol4j's commands. Nothing is sold and nothing is written;
what would be is recorded."""

import time
from collections.abc import Callable
from typing import ClassVar

from tests.emulators.machine import Machine

_READ_ONLY = {"3F", "45", "A5", "9D01", "9D03", "4D", "58", "A410", "A420", "A431", "A432", "B3"}
_FLAGS = {"day_open": 0x02, "drawer_open": 0x04, "cover_open": 0x20, "battery_low": 0x80}
_ANSWERED = {
    "A5": b"\x00\x03\x01\x3e\x00\x00\x05\x08\x00\x00\x01ATOL 30F",
    "9D01": b"\x55\x00\x00\x05\x08\x00\x12\x34",
    "9D03": b"\x55\x00\x00\x01\x02\x00\x00\x07",
    "4D": b"\x4d\x00\x00\x00\x00\x12\x34\x50",
    "58": b"\x55\x00" + bytes(14),
    "A420": b"\x55\x00\x01\x00\x00\x00\x00\x00\x00\x00\x1a\x0b\x16\x0d\x2d",
    "A431": b"\x55\x009999078900001234",
    "A432": b"\x55\x00\x1b\x0b\x16\x09\x01",
}


class AtolDevice(Machine):
    """`now` gives the device's wall clock as DD-MM-YY HH:MM:SS. `receipt_number` is carried by the answer to
    3Fh."""

    models = ("ATOL 30F", "ATOL 11F")
    faults_known: ClassVar[tuple[str, ...]] = (
        *_FLAGS,
        "paper_end",
        "mechanism_error",
        "cutter_error",
        "printer_error",
        "no_print_unit",
        "day_over_24h",
        "receipt_open",
        "not_fiscalised",
        "fiscal_memory_missing",
        "offline",
    )

    def __init__(
        self, model: str = "", now: Callable[[], str] = lambda: time.strftime("%d-%m-%y %H:%M:%S")
    ) -> None:
        super().__init__(model)
        self.now = now
        self.receipt_number = 7
        self.serial = "00123456"

    def execute(self, payload: bytes) -> bytes:
        """The answer to password and command."""
        command = payload[2:].hex().upper()
        self.executed.append(command)
        if payload[:2] == b"\x00\x00" and command not in _READ_ONLY:
            self.forbidden.append(command)
        return self.told(payload)

    def told(self, payload: bytes) -> bytes:
        """The same without doing anything."""
        command = payload[2:].hex().upper()
        if payload[:2] != b"\x00\x00":
            return b"\x55\x8c\x00"
        if command not in _READ_ONLY:
            return b"\x55\x66\x00"
        told = {"3F": self._state, "45": self._code, "A410": self._shift, "B3": self._last_error}
        return told[command]() if command in told else self._fixed(command)

    def _fixed(self, command: str) -> bytes:
        return _ANSWERED[command].replace(b"ATOL 30F", self.model.encode())

    def _code(self) -> bytes:
        bits = ("paper_end", "no_print_unit", "mechanism_error", "cutter_error", "printer_error")
        return bytes([0x55, 0x01, sum(1 << n for n, name in enumerate(bits) if name in self.faults)])

    def _shift(self) -> bytes:
        return bytes([0x55, 0, "day_open" in self.faults, 0x12, 0, 0x34, 0])

    def _last_error(self) -> bytes:
        return bytes([0x55, 0x67 if "paper_end" in self.faults else 0, 0])

    def _state(self) -> bytes:
        has = self.faults.__contains__
        day, month, year, hour, minute, second = (int(self.now()[at : at + 2], 16) for at in range(0, 17, 3))
        flags = 0x49 | sum(bit for name, bit in _FLAGS.items() if has(name))
        flags ^= 0x04 * bool(self.behaves("drawer_open_is_low"))
        flags &= 0xFF ^ (has("not_fiscalised") | has("paper_end") << 3 | has("fiscal_memory_missing") << 6)
        when = bytes([year, month, day, hour, minute, second])
        head = b"\x44\x01\x01" + when + bytes([flags]) + bytes.fromhex(self.serial) + b"\x3e\x58\x00"
        receipt = bytes.fromhex(f"{self.receipt_number:04d}")
        return head + b"\x01" + receipt + b"\x00\x12" + bytes([has("receipt_open")]) + bytes(5) + b"\x02\x01"

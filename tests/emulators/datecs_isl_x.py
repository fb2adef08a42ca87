"""A fiscal printer on the Datecs ISL "X" frame, from the manual of FMP-350X, FP-700X and DP-25X (2.02) and the
error list of group C (2.08). Nothing is sold and nothing is written to a fiscal memory; what would be is
recorded."""

import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar

from tests.emulators.isl_frame import OTHER_VARIANT, four, legacy_size, sound, value, whole, x_size
from tests.emulators.machine import Machine
from tests.emulators.runner import main

# Fault -> (byte, bit), as in the table "Status bits".
_BITS = {
    "cover_open": (0, 6), "mechanism_error": (0, 4), "clock_not_set": (0, 2),
    "service_receipt_open": (2, 5), "journal_near_full": (2, 4), "receipt_open": (2, 3),
    "journal_full": (2, 2), "paper_near_end": (2, 1), "paper_end": (2, 0),
    "fiscal_memory_damaged": (4, 6), "fiscal_memory_full": (4, 4), "fiscal_memory_near_full": (4, 3),
    "fiscal_memory_error": (4, 0),
}  # fmt: skip
_HASH = {"mechanism_error", "paper_end"}
_STAR = {"fiscal_memory_full", "fiscal_memory_error"}

_KINDS = {
    "FP-700X": ("262453", "DT700456", "02700456"),
    "FMP-350X": ("264205", "DT350123", "02350123"),
    "WP-500X": ("263453", "DT500777", "02500777"),
    "DP-25X": ("263453", "DT250321", "02250321"),
}

_READ_ONLY = {
    0x2D: ("",), 0x3E: ("",), 0x40: ("0\t",), 0x41: ("0\t",), 0x44: ("",), 0x47: ("2\t",), 0x4A: ("",),
    0x4C: ("",), 0x56: ("",), 0x5A: ("", "\t"), 0x63: ("",), 0x67: ("",),
    0x6E: ("0\t", "1\t", "2\t", "3\t", "4\t", "5\t"), 0x7B: ("1\t", "2\t", "3\t"),
}  # fmt: skip
"""Commands that change nothing and print nothing, with the data that keep them so."""

_KNOWN = {*range(0x26, 0x80), 0x87, 0xCA, 0xCB, 0xFF}
_SYNTAX = "-112001\t"


class DatecsIslX(Machine):
    """`now` gives the device's wall clock as DD-MM-YY HH:MM:SS. The behaviour `error` is the number of an error
    code, without its sign, that every answer then carries."""

    family = "datecs_isl_x"
    models = tuple(_KINDS)
    faults_known: ClassVar[tuple[str, ...]] = (
        *sorted(_BITS),
        "offline",
        "not_fiscalised",
        "tax_number_missing",
        "day_open",
    )
    behaviours_known = (
        "wrong_checksum",
        "nak_once",
        "nak",
        "syn",
        "syn_forever",
        "stale_sequence",
        "stale_command",
        "other_variant",
        "error",
    )

    def __init__(
        self, model: str = "", now: Callable[[], str] = lambda: time.strftime("%d-%m-%y %H:%M:%S")
    ) -> None:
        super().__init__(model)
        self.now = now
        self.firmware, self.serial, self.memory_number = _KINDS[self.model]
        self._buffer = b""
        self._last: tuple[int, bytes] | None = None

    def state(self) -> dict[str, Any]:
        return super().state() | {"executed": len(self.executed), "status": self.status().hex()}

    def quiet(self) -> None:
        self._buffer = b""

    def answer(self, data: bytes) -> bytes:
        if "offline" in self.faults:
            return b""
        self._buffer = (self._buffer + data)[-2048:]
        out = b""
        while (start := self._buffer.find(1)) >= 0:
            self._buffer = self._buffer[start:]
            size, other = x_size(self._buffer), legacy_size(self._buffer)
            if whole(self._buffer, other) and not whole(self._buffer, size):
                self._buffer = self._buffer[other:]
                out += OTHER_VARIANT
                continue
            if len(self._buffer) < 5 or (not size and len(self._buffer) < other):
                return out
            if not size:  # no frame is of that size: a stray 01
                self._buffer = self._buffer[1:]
                continue
            if len(self._buffer) < size:
                return out
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            out += self._reply(frame)
        self._buffer = b""
        return out

    def _reply(self, frame: bytes) -> bytes:
        if self.behaves("other_variant"):
            return OTHER_VARIANT
        if self.behaves("nak_once"):
            self.behaviour["nak_once"] = 0
            return b"\x15"
        if self.behaves("syn_forever"):
            return b"\x16"
        if self.behaves("nak") or not sound(frame):
            return b"\x15"
        sequence, command, data = frame[5], value(frame[6:10]), frame[10:-6].decode("latin-1")
        if self._last is None or self._last[0] != sequence:
            self._last = (sequence, self._execute(sequence, command, data))
        return b"\x16" * self.behaves("syn") + self._spoiled(self._last[1])

    def _spoiled(self, reply: bytes) -> bytes:
        if self.behaves("wrong_checksum"):
            return reply[:-2] + bytes([reply[-2] ^ 1]) + reply[-1:]
        if self.behaves("stale_sequence"):
            return self._pack((reply[5] - 0x1F) % 0x60 + 0x20, value(reply[6:10]), b"")
        if self.behaves("stale_command"):
            return self._pack(reply[5], 0x4B, b"")
        return reply

    def _execute(self, sequence: int, command: int, data: str) -> bytes:
        self.executed.append(command)
        if data not in _READ_ONLY.get(command, ()):
            self.forbidden.append(f"{command:02X} {data}".strip())
            known = command in _KNOWN
            return self._pack(sequence, command, _SYNTAX.encode() if known else b"", 0x01 if known else 0x02)
        error = -self.behaves("error")
        if error and command != 0x4A:
            return self._pack(sequence, command, f"{error}\t".encode())
        if command == 0x5A and not data:
            return self._pack(sequence, command, self._commas().encode())
        if command == 0x4A:
            return self._pack(sequence, command, f"{error}\t".encode() + self.status() + b"\t")
        fields = self._fields(command, data)
        return self._pack(sequence, command, "".join(f"{f}\t" for f in ("0", *fields)).encode("cp1251"))

    def _commas(self) -> str:
        numbers = f"{self.serial},{self.memory_number}"
        return f"{self.model},{self.firmware} 14Jun19 1407,FFFF,00000000,{numbers}"

    def _fields(self, command: int, data: str) -> tuple[str, ...]:
        firmware, serial, memory = self.firmware, self.serial, self.memory_number
        tax = "0" * 9 if "tax_number_missing" in self.faults else "40003000000"
        sold = "12.50" if "day_open" in self.faults else "0.00"
        receipt = "1" if {"receipt_open", "service_receipt_open"} & self.faults else "0"
        answers: dict[int, tuple[str, ...]] = {
            0x2D: (),
            0x3E: (self.now(),),
            0x40: ("17", *["12.50"] * 8, "21-11-26"),
            0x41: ("18", sold, *["0.00"] * 7),
            0x44: ("42" if "fiscal_memory_near_full" in self.faults else "1808",),
            0x47: ("21-11-26 23:00:01", "22-11-26 23:00:00", "17", *["0"] * 6, "123", "21-11-26 22:58:03", "0", "59"),
            0x4C: (receipt, "123", "3", "12.50", "0.00"),
            0x56: ("21-11-2026 22:58:03",),
            0x5A: (self.model, firmware, "14Jun19", "1407", "FFFF", "00000000", serial, memory),
            0x63: (tax,),
            0x67: (*["0.00"] * 8, "0", "1", "0"),
            0x6E: (sold, *["0.00"] * 6) if data == "0\t" else ("0.00",) * 7,
            0x7B: {
                "1\t": (serial, memory, "SIA Veikals", "Riga", tax, "", ""),
                "2\t": ("7400", "3012", "80", "LMT"),
                "3\t": ("4", "21-11-2026 22:41:10", "17", "21-11-2026 22:58:03"),
            }.get(data, ()),
        }  # fmt: skip
        return answers[command]

    def status(self, error: int = 0) -> bytes:
        status = [0x80, 0x80, 0x80, 0x80, 0x86, 0x9A, 0x80, 0x80]
        if "not_fiscalised" in self.faults:
            status[4] &= 0xFB
            status[5] &= 0xF7
        if "tax_number_missing" in self.faults:
            status[4] &= 0xFD
        for name in self.faults & _BITS.keys():
            byte, bit = _BITS[name]
            status[byte] |= 1 << bit
            status[0] |= 0x20 * (name in _HASH)
            status[4] |= 0x20 * (name in _STAR)
        status[0] |= error | 0x20 * bool(error)
        return bytes(status)

    def _pack(self, sequence: int, command: int, data: bytes, error: int = 0) -> bytes:
        body = bytes([sequence]) + four(command) + data + b"\x04" + self.status(error) + b"\x05"
        return _framed(body)


def _framed(body: bytes) -> bytes:
    body = four(0x20 + 4 + len(body)) + body
    return b"\x01" + body + four(sum(body) % 65536) + b"\x03"


def request(sequence: int, command: int, data: bytes = b"") -> bytes:
    """A host frame, for tests that send by hand."""
    return _framed(bytes([sequence]) + four(command) + data + b"\x05")


_NEVER = {
    "open service receipt": (0x26, b""), "storno": (0x2B, b"1\t1\t1\t"), "feed": (0x2C, b"1\t"),
    "cut": (0x2E, b""), "open receipt": (0x30, b"1\t0000\t1\t\t"), "sale": (0x31, b"x\t1\t1\t"),
    "total": (0x35, b"0\t1\t"), "close receipt": (0x38, b""), "cancel receipt": (0x3C, b""),
    "set clock": (0x3D, b"22-11-26 13:45:00\t"), "invoice range": (0x42, b"1\t2\t"),
    "Z report": (0x45, b"Z\t"), "X report": (0x45, b"X\t"), "cash in": (0x46, b"0\t1.00\t"),
    "diagnostic print": (0x47, b""), "print of the link": (0x47, b"3\t"), "modem test": (0x47, b"1\t"),
    "fiscalisation": (0x48, b"DT000000\t1\t"), "beep": (0x50, b"1000\t100\t"),
    "tax rates": (0x53, b"20\t"), "memory test": (0x59, b"1\t"), "firmware checksum": (0x5A, b"1\t"),
    "serial number": (0x5B, b"DT000000\t1\t"), "memory report": (0x5E, b"0\t"), "tax number": (0x62, b"1\t"),
    "password": (0x65, b"1\t1\t2\t"), "operators": (0x69, b""), "drawer": (0x6A, b""),
    "duplicate": (0x6D, b""), "item report": (0x6F, b"0\t"), "whole journal": (0x7B, b"4\t"),
    "stamp": (0x7F, b"0\t"), "logo": (0xCA, b"START\t"), "setting": (0xFF, b"Header\t0\tx\t"),
}  # fmt: skip
FORBIDDEN_EXAMPLES = {
    name: request(0x20 + n, command, data) for n, (name, (command, data)) in enumerate(_NEVER.items())
}
"""Frames that a monitor must never send; each is to be recorded."""


if __name__ == "__main__":
    sys.exit(main(DatecsIslX))

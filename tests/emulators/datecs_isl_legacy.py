"""A fiscal printer on the Datecs ISL frame, from the manuals of FP-800 (1.00BG), FP-1000-02, DP (2.04BG),
Eltrade (1.1.1), Daisy (2019) and Incotex (2019). Nothing is sold and nothing is written to a fiscal memory;
what would be is recorded."""

import re
import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar

from tests.emulators.isl_frame import OTHER_VARIANT, four, legacy_size, sound, whole, x_size
from tests.emulators.machine import Machine
from tests.emulators.runner import main

_ALWAYS = (0x80,) * 6
_WELL = {"fiscalised": ((4, 2), (5, 3)), "tax": ((4, 1),), "formatted": ((5, 4), (5, 1))}

# Fault -> (byte, bit), as in the table "status bytes" of each manual.
_FP = {
    "cover_open": (0, 6), "mechanism_error": (0, 4), "display_missing": (0, 3), "clock_not_set": (0, 2),
    "tax_link_fault": (1, 6), "rotated_text": (1, 5), "battery_low": (1, 3), "ram_reset": (1, 2),
    "service_receipt_open": (2, 5), "journal_near_full": (2, 4), "receipt_open": (2, 3),
    "journal_full": (2, 2),
    "paper_near_end": (2, 1), "paper_end": (2, 0), "head_overheat": (4, 6), "fiscal_memory_full": (4, 4),
    "fiscal_memory_near_full": (4, 3), "fiscal_memory_error": (4, 0), "fiscal_memory_readonly": (5, 0),
}  # fmt: skip
_OLD = {k: v for k, v in _FP.items() if k not in ("head_overheat", "tax_link_fault", "rotated_text")} | {
    "cover_open": (1, 5)
}
_ELTRADE = {k: v for k, v in _FP.items() if k not in ("head_overheat", "rotated_text")} | {
    "cover_open": (1, 5)
}
_DP = {
    k: v
    for k, v in _FP.items()
    if k
    not in (
        "cover_open", "mechanism_error", "battery_low", "ram_reset", "paper_near_end",
        "head_overheat", "fiscal_memory_readonly", "rotated_text",
    )
} | {"documents_unsent": (1, 5)}  # fmt: skip
_DAISY = {
    k: v
    for k, v in _FP.items()
    if k not in ("cover_open", "battery_low", "head_overheat", "rotated_text", "fiscal_memory_readonly")
} | {"cutter_error": (1, 5), "tax_link_fault": (4, 1)}
_INCOTEX = {
    k: _FP[k]
    for k in (
        "clock_not_set", "ram_reset", "service_receipt_open", "receipt_open", "paper_end",
        "fiscal_memory_full",
        "fiscal_memory_near_full", "fiscal_memory_error", "fiscal_memory_readonly",
    )
}  # fmt: skip

# Faults that the manual marks # or *: they raise the summary bit 0.5 or 4.5.
_HASH = {"mechanism_error", "battery_low", "ram_reset", "paper_end"}
_STAR = {"fiscal_memory_full", "fiscal_memory_error", "fiscal_memory_readonly"}

_KINDS: dict[str, tuple[dict[str, tuple[int, int]], str]] = {
    "FP-700": (_FP, "FP-700,1.00BG 23NOV18 1000,FFFF,10000000,DT600123,02600123"),
    "FP-800": (_FP, "FP-800,1.00BG 23NOV18 1000,FFFF,10000000,DT600124,02600124"),
    "FP-2000": (_FP, "FP-2000,1.00BG 23NOV18 1000,FFFF,10000000,DT600125,02600125"),
    "FP-1000": (_OLD, "FP10002.00 10Mar05 1200,FFFF,00000000,DT000042,02000042"),
    "A1": (_ELTRADE, "A1,KL5101,KL5101.1811.0.3 15Nov18 15:49,FFFF,00000000,ED300011,44300011"),
    "DP-25": (_DP, "DP-25,263453 08Nov18 1312,FFFF,00000000,DT700321,02700321"),
    "CompactM": (_DAISY, "CompactM ONL-4.01BG 23-11-2018 12:00,FFFF,0000,05,DY400011,36400011"),
    "300SM KL-Q": (_INCOTEX, "2.11 Jan 22 2019 14:00,DB44EEAD,0000,06,IN015013,54015013,284013911622147"),
}

_READ_ONLY = {
    0x20: ("",), 0x3E: ("",), 0x40: ("", "*", "0", "1"), 0x41: ("", "0"), 0x44: ("",), 0x4A: ("X", "P", "L"),
    0x4C: ("", "T"), 0x51: ("",), 0x56: ("", "T"), 0x5A: ("", "*"), 0x61: ("",), 0x63: ("",), 0x67: ("",),
    0x6E: ("",), 0x71: ("",),
}  # fmt: skip
"""Commands that change nothing and print nothing, with the data that keep them so."""

_SERIAL = re.compile(r"[A-Z]{2}\d{6}")
_LACKING = (
    frozenset({0x20, 0x51}),
    frozenset({0x20, 0x51}),
    frozenset({0x20, 0x40, 0x51, 0x56}),
    frozenset({0x20, 0x51, 0x56}),
    frozenset({0x20, 0x51, 0x56}),
)
"""Commands that the manuals of FP-1000, DP, Eltrade, Daisy and Incotex do not have."""
_KNOWN = set(range(0x21, 0x91))


class DatecsIsl(Machine):
    """`now` gives the device's wall clock as DD-MM-YY HH:MM:SS. `serial`: its number."""

    family = "datecs_isl_legacy"
    models = tuple(_KINDS)
    faults_known: ClassVar[tuple[str, ...]] = (
        *sorted({*_FP, *_DAISY, *_DP}),
        "offline",
        "drawer_open",
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
    )

    def __init__(
        self, model: str = "", now: Callable[[], str] = lambda: time.strftime("%d-%m-%y %H:%M:%S")
    ) -> None:
        super().__init__(model)
        self.bits, self.diagnostic = _KINDS[self.model]
        self._own = next(f for f in self.diagnostic.split(",") if _SERIAL.fullmatch(f))
        self.serial = self._own
        self.now = now
        self._buffer = b""
        self._last: tuple[int, bytes] | None = None

    def state(self) -> dict[str, Any]:
        return super().state() | {"executed": len(self.executed), "status": self.status().hex()}

    def quiet(self) -> None:
        self._buffer = b""

    def answer(self, data: bytes) -> bytes:
        if "offline" in self.faults:
            return b""
        self._buffer = (self._buffer + data)[-1024:]
        out = b""
        while (start := self._buffer.find(1)) >= 0:
            self._buffer = self._buffer[start:]
            size, other = legacy_size(self._buffer), x_size(self._buffer)
            if whole(self._buffer, other) and not whole(self._buffer, size):
                self._buffer = self._buffer[other:]
                out += OTHER_VARIANT
                continue
            if len(self._buffer) > 1 and not size:  # no frame is that short: a stray 01
                self._buffer = self._buffer[1:]
                continue
            if not size or len(self._buffer) < size:
                return out
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            out += self._reply(frame)
        self._buffer = b""
        return out

    def _reply(self, frame: bytes) -> bytes:
        if self.behaves("other_variant"):
            return OTHER_VARIANT
        if self.behaves("nak"):
            return b"\x15"
        if self.behaves("nak_once"):
            self.behaviour["nak_once"] = 0
            return b"\x15"
        if self.behaves("syn_forever"):
            return b"\x16"
        if not sound(frame):
            return b"\x15"
        sequence, command, data = frame[2], frame[3], _plain(frame[4:-6])
        if self._last is None or self._last[0] != sequence:
            self._last = (sequence, self._execute(sequence, command, data))
        return b"\x16" * self.behaves("syn") + self._spoiled(self._last[1])

    def _spoiled(self, reply: bytes) -> bytes:
        if self.behaves("wrong_checksum"):
            return reply[:-2] + bytes([reply[-2] ^ 1]) + reply[-1:]
        if self.behaves("stale_sequence"):
            return self._pack((reply[2] - 0x1F) % 0x60 + 0x20, reply[3], b"")
        if self.behaves("stale_command"):
            return self._pack(reply[2], 0x4B, b"")
        return reply

    def _execute(self, sequence: int, command: int, data: str) -> bytes:
        self.executed.append(command)
        unknown = command == 0x4A and data in ("P", "L") and self.bits is not _FP  # only W and X are known
        if data not in _READ_ONLY.get(command, ()) or unknown:
            self.forbidden.append(f"{command:02X} {data}".strip())
            return self._pack(sequence, command, b"", 0 if command in _KNOWN else 0x02)
        answers: dict[int, Callable[[str], str | bytes]] = {
            0x20: lambda _: "0,0,01-01-20 00:00:00,",
            0x3E: lambda _: self.now(),
            0x40: self._last_record,
            0x41: lambda _: ",".join([f"{1250 * ('day_open' in self.faults):012d}", *["000000000000"] * 7]),
            0x44: lambda _: "1824,1825" if "fiscal_memory_near_full" not in self.faults else "0042,1825",
            0x4A: self._printer,
            0x4C: lambda _: f"{int(self._receipt_open())},0003,000001250",
            0x51: lambda _: "24.1,31",
            0x56: lambda data: "21-11-2026 22:58:03" if data else "21-11-2026",
            0x5A: lambda _: self.diagnostic.replace(self._own, self.serial),
            0x61: lambda _: "20.00,20.00,20.00,9.00",
            0x63: lambda _: self._tax_number(),
            0x67: lambda _: "0," + ",".join(["000000000000"] * 8) + ",0,0000000001",
            0x6E: lambda _: f"{12.5 * ('day_open' in self.faults):.2f}," + "0.00," * 7 + "0001,0004",
            0x71: lambda _: "0001234",
        }  # fmt: skip
        if command in self._lacks():
            return self._pack(sequence, command, b"", 0x02)
        if (command, data) in self._refuses():
            return self._pack(sequence, command, b"", 0x01)
        reply = answers[command](data)
        return self._pack(sequence, command, reply.encode("cp1251") if isinstance(reply, str) else reply)

    def _lacks(self) -> frozenset[int]:
        """Read-only commands that do not stand in the manual of the maker."""
        kinds = (_OLD, _DP, _ELTRADE, _DAISY, _INCOTEX)
        found = [codes for kind, codes in zip(kinds, _LACKING, strict=True) if kind is self.bits]
        return found[0] if found else frozenset()

    def _refuses(self) -> frozenset[tuple[int, str]]:
        """Data that the maker's manual does not give to a command that it has."""
        if self.bits is _OLD:
            return frozenset({(0x56, "T"), (0x40, "*"), (0x40, "0"), (0x40, "1")})
        daisy, others = {(0x4A, "X")}, {(0x41, "0"), (0x56, "T"), (0x40, "*"), (0x40, "0"), (0x40, "1")}
        if self.bits is _DAISY:
            return frozenset(daisy | others)
        return frozenset(others) if self.bits is _INCOTEX else frozenset()

    def _last_record(self, data: str) -> str:
        if self.bits is _INCOTEX:
            return ",".join(["0017", "0.00", *["1250.00"] * 8, "211126"])
        if self.bits is _DAISY:
            return ",".join(["17", *["1250.00"] * 16, "211126"])
        when = "211126225803" if data == "*" else "211126"
        return ",".join(["P", "0001", *["+00000001250"] * 8, when])

    def _tax_number(self) -> str:
        number = "000000000" if "tax_number_missing" in self.faults else "40003000000"
        if self.bits is _INCOTEX:
            return f"{self.serial},{number}"
        return number if self.bits is _DAISY else f"{number},EIK"

    def _printer(self, data: str) -> str | bytes:
        if data == "X":
            return b"" if self.bits is _INCOTEX else self.status()
        return "0" if data == "L" else "P1234567,8901,7654,321,0"

    def _receipt_open(self) -> bool:
        return bool({"receipt_open", "service_receipt_open"} & self.faults)

    def status(self, error: int = 0) -> bytes:
        status = list(_ALWAYS)
        for byte, bit in _WELL["fiscalised"] + _WELL["tax"] + _WELL["formatted"]:
            status[byte] |= 1 << bit
        if self.bits in (
            _DAISY,
            _INCOTEX,
        ):  # here 4.2 and 4.1 are faults, and 5.5 says that the numbers are set
            status[4], status[5] = 0x80, status[5] | 0x20
        self._clear(status, "not_fiscalised", _WELL["fiscalised"] + ((5, 5),))
        self._clear(status, "tax_number_missing", _WELL["tax"])
        for name in self.faults & self.bits.keys():
            byte, bit = self.bits[name]
            status[byte] |= 1 << bit
            status[0] |= 0x20 * (name in _HASH)
            status[4] |= 0x20 * (name in _STAR)
        status[0] |= error | 0x20 * bool(error)
        return bytes(status)

    def _clear(self, status: list[int], fault: str, bits: tuple[tuple[int, int], ...]) -> None:
        if fault in self.faults:
            for byte, bit in bits:
                status[byte] &= 0xFF ^ 1 << bit

    def _pack(self, sequence: int, command: int, data: bytes, error: int = 0) -> bytes:
        escaped = b"".join(bytes([b]) if b >= 0x20 or b in (9, 10) else bytes([0x10, b + 0x40]) for b in data)
        length = 0x20 + 4 + len(escaped) + 1 + 6
        body = bytes([length, sequence, command]) + escaped + b"\x04" + self.status(error) + b"\x05"
        return b"\x01" + body + four(sum(body) % 65536) + b"\x03"


def _plain(data: bytes) -> str:
    out, raw = "", iter(data.decode("latin-1"))
    for char in raw:
        out += chr(ord(next(raw, "@")) - 0x40) if char == "\x10" else char
    return out


def request(sequence: int, command: int, data: bytes = b"") -> bytes:
    """A host frame, for tests that send by hand."""
    body = bytes([0x24 + len(data), sequence, command]) + data + b"\x05"
    return b"\x01" + body + four(sum(body) % 65536) + b"\x03"


_NEVER = {
    "open service receipt": (0x26, b""), "cancel receipt": (0x3C, b""),
    "set clock": (0x3D, b"22-11-26 13:45:00"),
    "open receipt": (0x30, b"1,0000,1"), "sale": (0x31, b"x"), "total": (0x35, b"P"),
    "close receipt": (0x38, b""),
    "feed": (0x2C, b"1"), "cut": (0x2D, b""), "Z report": (0x45, b"0"), "X report": (0x45, b"2"),
    "cash in": (0x46, b"1"), "diagnostic print": (0x47, b""), "wait for printing": (0x4A, b"W"),
    "firmware checksum": (0x5A, b"1"), "drawer": (0x6A, b""), "beep": (0x50, b""),
    "clear display": (0x21, b""),
    "clear last error": (0x20, b"CLEAR"), "invoice range": (0x42, b"1,2"), "RAM reset": (0x80, b""),
    "tax rates": (0x53, b"0,2"), "duplicate": (0x6D, b"1"), "registration": (0x48, b"x"),
}  # fmt: skip
FORBIDDEN_EXAMPLES = {
    name: request(0x20 + n, command, data) for n, (name, (command, data)) in enumerate(_NEVER.items())
}
"""Frames that a monitor must never send; each is to be recorded."""


if __name__ == "__main__":
    sys.exit(main(DatecsIsl))

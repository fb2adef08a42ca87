"""A Tremol fiscal printer on the ZFP protocol, from the protocol description (BG 1910211454). Nothing is sold
and nothing is written to a fiscal memory; what would be is recorded."""

import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar

from tests.emulators.machine import Machine
from tests.emulators.runner import main

# Fault -> (byte, bit) of the seven status bytes.
_BITS = {
    "fiscal_memory_readonly": (0, 0), "power_down": (0, 1), "head_overheat": (0, 2), "clock_not_set": (0, 3),
    "clock_wrong": (0, 4), "ram_reset": (0, 5), "clock_failure": (0, 6),
    "paper_end": (1, 0), "day_open": (1, 3), "service_receipt_open": (2, 0), "receipt_open": (2, 1),
    "journal_near_full": (2, 5), "journal_full": (2, 6),
    "fiscal_memory_missing": (3, 0), "fiscal_memory_error": (3, 1), "fiscal_memory_full": (3, 2),
    "fiscal_memory_near_full": (3, 3), "tax_link_fault": (5, 1), "paper_near_end": (6, 4),
    "documents_unsent": (6, 5),
}  # fmt: skip
# Fault -> (byte, bit) of the printer's own status, command 66h.
_PRINTER = {
    "drawer_signal": (0, 2), "not_ready": (0, 3), "cover_open": (0, 5), "cutter_error": (1, 3),
    "mechanism_error": (1, 5), "head_overheat": (1, 6), "paper_near_end": (2, 1), "paper_end": (2, 3),
}  # fmt: skip
_MODELS = ("FP-21", "M20", "S21", "FP-01")
_READ_ONLY = {
    0x20: "",
    0x21: "",
    0x60: "",
    0x61: "",
    0x66: "",
    0x68: "",
    0x6E: "5",
    0x71: "",
    0x72: "",
    0x73: "",
    0x74: "",
}
"""Commands that change nothing and print nothing, with the data that keep them so."""


class TremolZfp(Machine):
    """`now` gives the device's wall clock as DD-MM-YY HH:MM:SS. The behaviour `error` is STE1 times 16 plus
    STE2, with which every command is then refused."""

    family = "tremol_zfp"
    models = _MODELS
    faults_known: ClassVar[tuple[str, ...]] = (
        *sorted({*_BITS, *_PRINTER}),
        "offline",
        "not_fiscalised",
        "tax_number_missing",
        "busy",
    )
    behaviours_known = (
        "wrong_checksum",
        "nack",
        "nack_once",
        "retry",
        "retry_once",
        "stale_number",
        "stale_command",
        "error",
        "short_status",
    )

    def __init__(
        self, model: str = "", now: Callable[[], str] = lambda: time.strftime("%d-%m-%y %H:%M:%S")
    ) -> None:
        super().__init__(model)
        self.now = now
        self.serial = "ZK123456"
        self._buffer = b""

    def answer(self, data: bytes) -> bytes:
        if "offline" in self.faults:
            return b""
        self._buffer = (self._buffer + data)[-1024:]
        out = b""
        while self._buffer:
            first = self._buffer[0]
            if first in (0x04, 0x09):
                out += b"\x04" if first == 4 else bytes([self._ping()])
            if first != 2 or (len(self._buffer) > 1 and self._buffer[1] < 0x23):
                self._buffer = self._buffer[1:]
                continue
            if len(self._buffer) < 2 or len(self._buffer) < (size := self._buffer[1] - 0x20 + 4):
                return out
            packet, self._buffer = self._buffer[:size], self._buffer[size:]
            out += self._reply(packet)
        return out

    def _ping(self) -> int:
        bits = ("busy", "paper_end", "head_overheat")
        return 0x40 + sum(1 << n for n, name in enumerate(bits) if name in self.faults)

    def _reply(self, packet: bytes) -> bytes:
        if self.behaves("nack_once"):
            self.behaviour["nack_once"] = 0
            return b"\x15"
        if self.behaves("nack") or packet[-3:] != _sum(packet[1:-3]) + b"\n":
            return b"\x15"
        if self.behaves("retry") or self.behaviour.pop("retry_once", 0) or "busy" in self.faults:
            return b"\x0e"
        return self._execute(packet[2], packet[3], packet[4:-3].decode("latin-1"))

    def _execute(self, number: int, command: int, data: str) -> bytes:
        self.executed.append(command)
        if _READ_ONLY.get(command) != data:
            self.forbidden.append(f"{command:02X} {data}".strip())
            return _receipt(number, 0x00 if command in range(0x22, 0x80) else 0x01)
        if self.behaves("error"):
            return _receipt(number, self.behaves("error"))
        if self.behaves("stale_number"):
            number = (number - 0x1F) % 0x80 + 0x20
        if self.behaves("stale_command"):
            command = 0x68 if command != 0x68 else 0x74
        reply = _pack(number, command, self._data(command))
        return reply[:-2] + bytes([reply[-2] ^ 1]) + reply[-1:] if self.behaves("wrong_checksum") else reply

    def _data(self, command: int) -> bytes:
        if command == 0x20:
            return self.status()[: self.behaves("short_status") or 7]
        if command == 0x66:
            return b"Y;" + self.printer() + b";J"
        day, month, rest = self.now().split("-")
        tax = "0" * 13 if "tax_number_missing" in self.faults else "40003000000"
        opened = "1" if {"receipt_open", "service_receipt_open"} & self.faults else "0"
        answers = {
            0x21: f"2;000123;15-01-2019 10:00;{self.model};Ver. 1.01 TRA21 C.S. 1A2B",
            0x60: f"{self.serial};50123456",
            0x61: f"{tax};0;123456;15-01-2019 10:00",
            0x68: f"{day}-{month}-20{rest[:8]}",
            0x6E: "5;17;00017;2;21-11-2026 22:58",
            0x71: "001234",
            0x72: f"{opened};003;0.00;0.00;0.00;0;1;1;0;0;0;0",
            0x73: "21-11-2026;17;2;001234;21-11-2026 22:58;1;0",
            0x74: "0042" if "fiscal_memory_near_full" in self.faults else "1808",
        }
        return answers[command].encode("cp1251")

    def status(self) -> bytes:
        status = [0x80, 0x80, 0x80, 0xF0, 0x80, 0x80, 0x80]
        if "not_fiscalised" in self.faults:
            status[3] &= 0xDF
        for name in self.faults & _BITS.keys():
            byte, bit = _BITS[name]
            status[byte] |= 1 << bit
        return bytes(status)

    def printer(self) -> bytes:
        status = [0x90, 0x80, 0x80, 0x80]
        for name in self.faults & _PRINTER.keys():
            byte, bit = _PRINTER[name]
            status[byte] |= 1 << bit
        return bytes(status)

    def state(self) -> dict[str, Any]:
        return super().state() | {"status": self.status().hex()}


def _sum(body: bytes) -> bytes:
    total = 0
    for byte in body:
        total ^= byte
    return bytes(int(digit, 16) + 0x30 for digit in f"{total:02x}")


def _pack(number: int, command: int, data: bytes) -> bytes:
    body = bytes([0x20 + 3 + len(data), number, command]) + data
    return b"\x02" + body + _sum(body) + b"\n"


def _receipt(number: int, error: int) -> bytes:
    body = bytes([number, 0x30 + error // 16, 0x30 + error % 16])
    return b"\x06" + body + _sum(body) + b"\n"


def request(number: int, command: int, data: bytes = b"") -> bytes:
    """A host packet, for tests that send by hand."""
    return _pack(number, command, data)


_NEVER = {
    "diagnostic print": (0x22, b""), "clear display": (0x24, b""), "display text": (0x25, b"x"),
    "cut": (0x29, b""), "drawer": (0x2A, b""), "feed": (0x2B, b""), "non-fiscal receipt": (0x2E, b"1;0000"),
    "open receipt": (0x30, b"1;0000;1;1;0"), "sale": (0x31, b"x"), "payment": (0x35, b"0;1;1*"),
    "close with payment": (0x36, b""), "free text": (0x37, b"x"), "close receipt": (0x38, b""),
    "cancel": (0x39, b""), "cash in": (0x3B, b"1;0000;0;1"), "fiscalisation": (0x41, b"x"),
    "set clock": (0x48, b"22-11-26 13:45:00"), "header": (0x49, b"1x"), "item": (0x4B, b"x"),
    "turnover on the display": (0x6E, b":"), "print of the memory": (0x77, b""), "Z report": (0x7C, b"Z"),
    "X report": (0x7C, b"X"), "operators": (0x7D, b"X0"),
}  # fmt: skip
FORBIDDEN_EXAMPLES = {
    name: request(0x20 + n, command, data) for n, (name, (command, data)) in enumerate(_NEVER.items())
}
"""Packets that a monitor must never send; each is to be recorded."""


if __name__ == "__main__":
    sys.exit(main(TremolZfp))

"""What a Shtrih-M cash register answers, on either line: from the English protocol 1.10 and the Russian 1.16.
Nothing is sold and nothing is written; what would be is recorded. The lines stand in shtrih_v1 and
shtrih_v2."""

import time
from collections.abc import Callable
from typing import Any, ClassVar

from tests.emulators.machine import Machine

PASSWORD = (30).to_bytes(4, "little")
_ALL = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 13 | 1 << 15 | 1 << 28 | 1 << 34 | 1 << 36

# Model -> (number in FCh, sensor mask of F7h, has a fiscal memory)
_KINDS: dict[str, tuple[int, int, bool]] = {
    "ШТРИХ-М-01Ф": (250, _ALL, False),
    "ШТРИХ-ФР-К": (4, 1 << 0 | 1 << 1 | 1 << 3 | 1 << 6 | 1 << 11 | 1 << 12 | 1 << 15, True),
    "SHTRIH-NANO-F": (36, 1 << 3 | 1 << 4 | 1 << 28, False),
    "SmartPOS": (45, 1 << 3, False),
}

# Fault -> (bit of the flags, value when it is there)
_FLAGS = {
    "paper_near_end": (1, 0), "paper_end": (7, 0), "head_lever_up": (9, 0), "cover_open": (10, 1),
    "drawer_open": (11, 1), "journal_near_full": (14, 1),
}  # fmt: skip
_MEMORY = {"fiscal_memory_full": (3, 1), "battery_low": (4, 1), "fiscal_memory_error": (5, 0)}

_READ_ONLY: dict[int, int] = {
    0xFC: 0, 0xF7: 1, 0x10: 4, 0x11: 4, 0x0F: 4, 0x15: 5, 0x1A: 5, 0x1B: 5, 0x1F: 8, 0x26: 5, 0x2D: 5,
    0x2E: 6, 0x62: 4, 0x63: 4, 0x6B: 1, 0xFF01: 4, 0xFF03: 4, 0xFF39: 4, 0xFF40: 4,
}  # fmt: skip
"""Commands that change nothing and print nothing -> bytes of their parameters."""


def wall_clock() -> str:
    return time.strftime("%d-%m-%y %H:%M:%S")


class Shtrih(Machine):
    """`now` gives the device's wall clock as DD-MM-YY HH:MM:SS. The behaviour `error` makes every command
    with a password fail with that code. `operations`: how many the open receipt has, which answers carry and
    which says nothing of the device."""

    models = tuple(_KINDS)
    faults_known: ClassVar[tuple[str, ...]] = (
        *_FLAGS,
        *_MEMORY,
        "offline",
        "day_open",
        "day_over_24h",
        "receipt_open",
        "clock_not_set",
        "ram_reset",
        "printing",
        "paper_ran_out",
        "not_fiscalised",
        "tax_link_fault",
        "storage_near_full",
    )
    behaviours_known: ClassVar[tuple[str, ...]] = (
        "error",
        "wrong_checksum",
        "stale_command",
        "unsent_documents",
        "marked_checksum",
    )

    def __init__(self, model: str = "", now: Callable[[], str] = wall_clock) -> None:
        super().__init__(model)
        self.number, self.sensors, self.memory = _KINDS[self.model]
        self.now = now
        self.operations = 3
        self.serial = 123456

    def state(self) -> dict[str, Any]:
        return super().state() | {"executed": len(self.executed), "flags": f"{self.flags():04X}"}

    def execute(self, payload: bytes) -> bytes:
        """The payload of the answer; what is no read-only command is recorded and done, as a device would."""
        size = 2 if payload[:1] == b"\xff" else 1
        code, data = int.from_bytes(payload[:size], "big"), payload[size:]
        self.executed.append(code)
        if _READ_ONLY.get(code) != len(data):
            self.forbidden.append(payload.hex(" ").upper())
        return self.told(payload)

    def told(self, payload: bytes) -> bytes:
        """The same without doing anything."""
        size = 2 if payload[:1] == b"\xff" else 1
        code, data = int.from_bytes(payload[:size], "big"), payload[size:]
        head = payload[:size]
        if self.behaves("stale_command"):
            head = bytes([head[0] ^ 1]) + head[1:]
        if code not in (0xFC, 0xF7, 0x6B) and self.behaves("error"):
            return head + bytes([self.behaves("error")])
        if len(data) >= 4 and code not in (0xF7, 0x6B) and not 1 <= int.from_bytes(data[:4], "little") <= 30:
            return head + b"\x4f"
        return head + self._reply(code, data)

    def _reply(self, code: int, data: bytes) -> bytes:
        replies: dict[int, Callable[[], bytes]] = {
            0xFC: lambda: bytes([0, 0, 1, 16, self.number, 0]) + self.model.encode("cp1251"),
            0xF7: lambda: self.sensors.to_bytes(8, "little") + bytes([42, 32, 16, 0, 10]),
            0x10: self._short,
            0x11: self._full,
            0x0F: lambda: (4031234567890).to_bytes(7, "little") + bytes(7),
            0x63: lambda: b"\x01" + bytes(self._clock()[:3]),
            0xFF01: self._storage,
            0xFF03: lambda: bytes([28, 2, 15, 10, 2]),
            0xFF39: lambda: (
                bytes([1, 0, self.behaves("unsent_documents"), 0]) + bytes(4) + bytes([26, 11, 20, 9, 0])
            ),
            0xFF40: lambda: bytes([self._day(), 7, 0, 3, 0]),
            0x6B: lambda: "Нет чековой ленты".encode("cp1251"),
            0x15: lambda: bytes([6, 100]),
        }
        if code in replies:
            return b"\0" + replies[code]()
        return b"\0" + (bytes(12) if code in _READ_ONLY else b"\x1e")

    def _day(self) -> int:
        return int(bool({"day_open", "day_over_24h", "receipt_open"} & self.faults))

    def flags(self) -> int:
        """Wired sensors show what is there; a flag without a sensor stays at 0."""
        flags = 0x0010 | (0x0020 if self.memory else 0)
        for name, (bit, faulty) in _FLAGS.items():
            there = {"paper_near_end": 1, "paper_end": 3, "head_lever_up": 6, "cover_open": 4}.get(name, 15)
            wired = self.sensors >> there & 1 or name == "journal_near_full"
            flags |= (faulty if name in self.faults else 1 - faulty if wired else 0) << bit
        return flags if self.model != "SHTRIH-NANO-F" else flags | 0x0A02

    def _mode(self) -> bytes:
        mode = 4 - 2 * ("day_open" in self.faults)
        for name, number in (
            ("day_over_24h", 3),
            ("receipt_open", 8),
            ("clock_not_set", 6),
            ("ram_reset", 9),
        ):
            mode = number if name in self.faults else mode
        submode = 2 if "paper_ran_out" in self.faults else 5 * ("printing" in self.faults)
        return bytes([mode, submode])

    def _short(self) -> bytes:
        flags = self.flags().to_bytes(2, "little")
        low, high = self.operations.to_bytes(2, "little")
        return b"\x1e" + flags + self._mode() + bytes([low, 160, 216, 0, 0, high]) + bytes(3)

    def _full(self) -> bytes:
        day, month, year, hour, minute, second = self._clock()
        flags = self.flags().to_bytes(2, "little")
        firmware = b"C1" + (1234).to_bytes(2, "little") + bytes([15, 6, 20])
        memory = b"A2" + (77).to_bytes(2, "little") + bytes([1, 2, 10]) if self.memory else bytes(7)
        registrations = 0 if "not_fiscalised" in self.faults else 1
        return (
            b"\x1e" + firmware + b"\x01" + (812).to_bytes(2, "little") + flags + self._mode() + b"\x00" + memory
            + bytes([day, month, year, hour, minute, second, self._memory_flags()])
            + self.serial.to_bytes(4, "little") + (41).to_bytes(2, "little")
            + (2300 if self.memory else 0).to_bytes(2, "little") + bytes([registrations, 4])
            + (7701234567).to_bytes(6, "little")
        )  # fmt: skip

    def _memory_flags(self) -> int:
        if not self.memory:
            return 0
        flags = 1 | self._day() << 6 | ("day_over_24h" in self.faults) << 7
        for name, (bit, faulty) in _MEMORY.items():
            flags |= (faulty if name in self.faults else 1 - faulty) << bit
        return flags

    def _storage(self) -> bytes:
        warnings = 0x08 * ("tax_link_fault" in self.faults) | 0x04 * ("storage_near_full" in self.faults)
        document = 4 if "receipt_open" in self.faults else 0
        phase = 1 if "not_fiscalised" in self.faults else 3
        return (
            bytes([phase, document, 0, self._day(), warnings, 26, 11, 22, 13, 45])
            + b"9999078900001234"
            + (812).to_bytes(4, "little")
        )

    def _clock(self) -> list[int]:
        date, _, clock = self.now().partition(" ")
        return [int(part) for part in (*date.split("-"), *clock.split(":"))]


NEVER: dict[str, bytes] = {
    "dump": b"\x01" + PASSWORD + b"\x01", "set serial": b"\x0d" + PASSWORD, "beep": b"\x13" + PASSWORD,
    "set line": b"\x14" + PASSWORD + b"\0\6\1", "technological reset": b"\x16",
    "print line": b"\x17" + PASSWORD + b"\x02x",
    "write table": b"\x1e" + PASSWORD + b"\x01\x01\x00\x01\x00", "set time": b"\x21" + PASSWORD + b"\1\2\3",
    "set date": b"\x22" + PASSWORD + b"\1\2\3", "confirm date": b"\x23" + PASSWORD + b"\1\2\3",
    "cut": b"\x25" + PASSWORD + b"\0", "drawer": b"\x28" + PASSWORD + b"\0", "feed": b"\x29" + PASSWORD + b"\2\1",
    "X report": b"\x40" + PASSWORD, "Z report": b"\x41" + PASSWORD, "cash in": b"\x50" + PASSWORD + bytes(5),
    "tax password": b"\x64" + PASSWORD, "registration": b"\x65" + PASSWORD, "sale": b"\x80" + PASSWORD,
    "close receipt": b"\x85" + PASSWORD, "cancel receipt": b"\x88" + PASSWORD, "repeat": b"\x8c" + PASSWORD,
    "go on printing": b"\xb0" + PASSWORD, "graphics": b"\xc1" + PASSWORD, "open shift": b"\xe0" + PASSWORD,
    "second line": b"\xfd" + PASSWORD, "storage registration": b"\xff\x06" + PASSWORD,
    "cancel document": b"\xff\x08" + PASSWORD, "calculation report": b"\xff\x38" + PASSWORD,
    "storage receipt": b"\xff\x45" + PASSWORD, "wrong password": b"\x10\0\0\0\0\0",
}  # fmt: skip
"""Payloads that a monitor must never send."""

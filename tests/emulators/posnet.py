"""A Posnet fiscal printer, from the specification POT-I-DEV-37. Nothing is sold and nothing is written to a
fiscal memory; what would be is recorded."""

import sys
import time
from collections.abc import Callable
from typing import ClassVar

from tests.emulators.machine import Machine
from tests.emulators.runner import main

_MECHANISM = {
    "cover_open": 3,
    "mechanism_error": 2,
    "paper_end": 5,
    "power_supply_fault": 9,
    "cutter_error": 8,
}
_READ_ONLY = {
    "sid",
    "scomm",
    "!sdev",
    "!sprn",
    "!sdrwr",
    "sfsk",
    "rtcget",
    "strns",
    "scnt",
    "stot",
    "nearendsensorcfgget",
}


class Posnet(Machine):
    """`now` gives the device's wall clock as DD-MM-YY HH:MM:SS. The behaviour `error` refuses every command."""

    family = "posnet"
    models = ("POSNET THERMAL XL2 ONLINE", "DRUKARKA 1")
    faults_known: ClassVar[tuple[str, ...]] = (
        *_MECHANISM,
        "paper_near_end",
        "drawer_open",
        "drawer_unknown",
        "offline",
        "not_fiscalised",
        "day_open",
        "receipt_open",
        "read_only",
        "busy",
    )
    behaviours_known = (
        "wrong_checksum",
        "stale_token",
        "stale_command",
        "error",
        "error_frame",
        "lower_case",
        "nak_once",
        "no_near_end_sensor",
    )

    def __init__(
        self, model: str = "", now: Callable[[], str] = lambda: time.strftime("%d-%m-%y %H:%M:%S")
    ) -> None:
        super().__init__(model)
        self.now = now
        self.serial = "ABC1234567890"
        self._buffer = b""

    def answer(self, data: bytes) -> bytes:
        if "offline" in self.faults:
            return b""
        self._buffer = (self._buffer + data)[-2048:]
        out = b""
        while (end := self._buffer.find(3)) >= 0:
            frame, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
            out += self._reply(frame[frame.rfind(2) + 1 :].decode("cp1250", errors="replace"))
        return out

    def _reply(self, frame: str) -> bytes:
        body, _, check = frame.rpartition("#")
        damaged = f"{crc(body.encode('cp1250')):04X}" != check.upper()
        if damaged or self.behaviour.pop("nak_once", 0):
            return self._pack("ERR\t?5\t")
        command, *fields = body.split("\t")
        token = next((f"{field}\t" for field in fields if field.startswith("@")), "")
        given = [field for field in fields if field and not field.startswith("@")]
        self.executed.append(command)
        if command not in _READ_ONLY or given:
            self.forbidden.append(f"{command} {' '.join(given)}".strip())
            return self._pack(f"ERR\t{token}?1\tcm{command}\t")
        if error := self.behaves("error_frame"):
            return self._pack(f"ERR\t{token}?{error}\tcm{command}\t")
        if error := self.behaves("error"):
            return self._pack(f"{command}\t{token}?{error}")
        token = "@9999\t" if self.behaves("stale_token") else token
        name = "sxxx" if self.behaves("stale_command") else command
        return self._pack(f"{name}\t{token}" + "".join(f"{field}\t" for field in self._fields(command)))

    def _fields(self, command: str) -> tuple[str, ...]:
        day, month, rest = self.now().split("-")
        date, hour = f"20{rest[:2]}-{month}-{day}", rest[3:8]
        fiscal = "N" if "not_fiscalised" in self.faults else "T"
        pr = next((str(code) for name, code in _MECHANISM.items() if name in self.faults), "0")
        opened = int("drawer_open" not in self.faults) if "drawer_unknown" not in self.faults else 2
        told = {name: "T" if name in self.faults else "N" for name in self.faults_known}
        answers: dict[str, tuple[str, ...]] = {
            "sid": (f"nm{self.model}", "vr9.12a"),
            "!sdev": ("ds0", "cpT", f"qe{'N' if 'busy' in self.faults else 'T'}",
                f"pe{told['paper_near_end']}", "tl0"),
            "!sprn": (f"pr{pr}",),
            "!sdrwr": (f"ds{opened}", "ks2"),
            "scomm": (
                f"fs{fiscal}",
                f"tz{'N' if 'day_open' in self.faults else 'T'}",
                f"ts{16 if 'receipt_open' in self.faults else 0}",
                "hrT",
                f"nu{self.serial}",
                f"td{told['read_only']}",
            ),
            "sfsk": (f"fs{fiscal}", "cl1", "rd14", "vt5", "va22,00",
                "rw2010-02-24;08:20", "tm2010-02-24T08:20:00+01:00",
                f"nu{self.serial}"),
            "rtcget": (f"da{date};{hour}", f"tm{date}T{rest[3:]}+02:00"),
            "strns": (f"to{int('receipt_open' in self.faults)}", "ts16", "va0", "re0"),
            "scnt": ("rd14", "hn123", "bn100", "fn2", f"nu{self.serial}"),
            "nearendsensorcfgget": ("en0" if self.behaves("no_near_end_sensor") else "en1",),
            "stot": ("no15", "fa0", "fb0"),
        }  # fmt: skip
        return answers[command]

    def _pack(self, body: str) -> bytes:
        reply = packed(body)
        if self.behaves("lower_case"):
            reply = reply[:-5] + reply[-5:].lower()
        if self.behaves("wrong_checksum"):
            reply = reply[:-2] + (b"0" if reply[-2:-1] != b"0" else b"1") + b"\x03"
        return reply


def crc(data: bytes) -> int:
    """CRC-16, polynomial 1021h, from 0000h, not reflected."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def packed(body: str) -> bytes:
    raw = body.encode("cp1250")
    return b"\x02" + raw + f"#{crc(raw):04X}".encode("ascii") + b"\x03"


FORBIDDEN_EXAMPLES = {
    command: packed(f"{command}\t")
    for command in (
        "trinit", "trline", "trend", "prncancel", "dailyrep", "shiftrep", "periodicrepbydate", "rtcset", "vatset",
        "hdrset", "progid", "maintenance", "fiscalize", "opendrwr", "dsptxtline", "beep", "formstart", "cash",
    )
} | {"switch of the status": packed("scomm\tfsT\t")}  # fmt: skip
"""Frames that a monitor must never send; each is to be recorded."""


if __name__ == "__main__":
    sys.exit(main(Posnet))

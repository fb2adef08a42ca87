"""One queue of Windows' spooler as PRINTER_INFO_2 tells it (winspool.h). It is a table in memory that is looked
at, so it cannot be run by hand."""

import struct
from typing import ClassVar

from tests.emulators.command_line import only_list
from tests.emulators.machine import Machine

FORBIDDEN_EXAMPLES = {
    "a job": b"Receipt\n",
    "any byte": b"\x00",
    "status question of a receipt printer": b"\x10\x04\x01",
}
_STATUS = {
    "paused": 0x1, "error": 0x2, "paper_jam": 0x8, "paper_end": 0x10, "paper_problem": 0x40, "offline": 0x80,
    "not_available": 0x1000, "user_intervention": 0x100000, "cover_open": 0x400000,
}  # fmt: skip
_BIDIRECTIONAL, _WORK_OFFLINE, _LOCAL = 0x800, 0x400, 0x40


class WindowsSpooler(Machine):
    """`receive(b"")` is a look. The behaviour `one_way`: a driver that tells nothing of its own."""

    family = "windows_spooler"
    models = ("EPSON TM-T20III Receipt", "Generic / Text Only")
    faults_known: ClassVar[tuple[str, ...]] = (*_STATUS, "work_offline")
    behaviours_known = ("one_way",)

    def answer(self, data: bytes) -> bytes:
        if data:
            self.forbidden.append(data[:8].hex(" ").upper())
            return b""
        status = sum(bit for name, bit in _STATUS.items() if name in self.faults)
        attributes = _LOCAL | _WORK_OFFLINE * ("work_offline" in self.faults)
        attributes |= 0 if self.behaves("one_way") else _BIDIRECTIONAL
        return struct.pack("<II", status, attributes) + self.model.encode() + b"\0"


if __name__ == "__main__":
    only_list(WindowsSpooler, "it is a table in the memory of Windows")

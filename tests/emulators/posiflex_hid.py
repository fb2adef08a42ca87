"""A Posiflex HID cash drawer, from the protocol notes of posiflex-hidcd 1.0.0. It takes and gives reports of 120
bytes; there is no pty for those, so it cannot be run by hand."""

from typing import ClassVar

from tests.emulators.command_line import only_list
from tests.emulators.machine import Machine

_REPORT = 120


def report(*first: int) -> bytes:
    return bytes(first) + bytes(_REPORT - len(first))


FORBIDDEN_EXAMPLES = {
    "open": report(7, 7),
    "boot loader": report(7, 0xF0),
    "boot loader, first byte": report(0xF0),
    "garbage D0": report(7, 0xD0),
    "C0": report(7, 0xC0),
    "E0": report(7, 0xE0),
    "status of another drawer": report(3, 4),
    "a report that is too short": b"\x07\x08",
}


class PosiflexHid(Machine):
    """Drawer 7 unless `number` says another. All but its own status question is recorded: what it does is
    known of a few commands only."""

    family = "posiflex_hid"
    models = ("CR-4000",)
    faults_known: ClassVar[tuple[str, ...]] = ("drawer_open",)

    def __init__(self, model: str = "", number: int = 7) -> None:
        super().__init__(model)
        self.number = number
        self.boot_loader = False

    def answer(self, data: bytes) -> bytes:
        if self.boot_loader:
            return b""
        if data == report(self.number, self.number + 1):
            closed = "drawer_open" not in self.faults
            return bytes([self.number << 4 | closed]) + b"\x5a" * (_REPORT - 1)
        self.forbidden.append(data[:4].hex(" ").upper())
        if data == report(self.number, self.number):
            self.faults.add("drawer_open")
        self.boot_loader = 0xF0 in data[:2]
        return b""


if __name__ == "__main__":
    only_list(PosiflexHid, "there is no pty for HID reports")

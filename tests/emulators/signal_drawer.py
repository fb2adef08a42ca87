"""A cash drawer on a serial port that opens on any byte and shows its switch on a modem line, from the
technical page of the Tysso PCD005R and the J2 625 manual. A pty has no modem lines, so it cannot be run by
hand."""

from typing import ClassVar

from tests.emulators.command_line import only_list
from tests.emulators.machine import Machine

FORBIDDEN_EXAMPLES = {
    "bell": b"\x07",
    "any byte": b"\x00",
    "status question of a receipt printer": b"\x10\x04\x01",
}
_LINES = {"PCD005R": 0x40, "625": 0x50, "CTS": 0x10, "RI": 0x40}
"""Lines that show the switch: RI 40h, CTS 10h."""
_IDLE = 0x20
"""DSR: the box has power."""


class SignalDrawer(Machine):
    """`receive(b"")` is a look at the lines. The switch is up while the drawer is open."""

    family = "signal_drawer"
    models = tuple(_LINES)
    faults_known: ClassVar[tuple[str, ...]] = ("drawer_sensor_high",)

    def answer(self, data: bytes) -> bytes:
        if data:
            self.forbidden.append(data[:8].hex(" ").upper())
            self.faults.add("drawer_sensor_high")
            return b""
        return bytes([_IDLE | _LINES[self.model] * ("drawer_sensor_high" in self.faults)])


if __name__ == "__main__":
    only_list(SignalDrawer, "a pty has no modem lines")

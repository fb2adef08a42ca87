"""A serial port. Its many failures become PortGone, PortHeld or PortDenied."""

import sys

from agent.ports.holder import held, opened_by_us
from agent.ports.port import Closing
from agent.ports.serial_error import FAILURES, OPENING, gone, opening
from protocols.device.family import Serial
from protocols.errors import PortGone, PortHeld

if sys.platform == "linux":
    from agent.ports.tty_line import TtyLine as Line
else:
    from agent.ports.pyserial_line import PyserialLine as Line


class SerialPort(Closing):
    """Exclusive by flock (Linux) or by the system (Windows); `agent.ports.holder` says what is seen of
    others. The kernel's exclusive mode is not set: it would refuse the cash program while we read.
    `contended` tells instead when the cash program came in between."""

    def __init__(self, path: str, line: Serial) -> None:
        """PortHeld before anything is set: our line settings would change the line of the program that has
        it."""
        self._path = path
        if held(path):
            raise PortHeld(f"{path} is in use by another program")
        try:
            self._line = Line(path, line, lambda: opened_by_us(path))
        except OPENING as e:
            raise opening(path, e) from e

    def write(self, data: bytes) -> None:
        try:
            taken = self._line.write(data)
        except FAILURES as e:
            raise gone(self._path, e) from e
        if not taken:
            raise PortGone(f"{self._path} takes no bytes", code="port.stuck")

    def read(self, wait_s: float) -> bytes:
        try:
            return self._line.read(wait_s)
        except FAILURES as e:
            raise gone(self._path, e) from e

    def contended(self) -> bool:
        return held(self._path)

    def close(self) -> None:
        self._line.close()

"""A serial port through pyserial. Its many failures become PortGone, PortHeld or PortDenied."""

import os
import sys

import serial

from agent.ports.holder import held, opened_by_us
from agent.ports.port import Closing
from agent.ports.serial_error import FAILURES, OPENING, gone, opening, timed_out
from protocols.device.family import Serial
from protocols.errors import PortGone, PortHeld

if sys.platform != "win32":
    import fcntl

WRITE_S = 1.0
_PIECE = 1024
_TIOCGEXCL = 0x80045440  # Linux asm-generic/ioctls.h: reads the exclusive flag that TIOCEXCL sets


class SerialPort(Closing):
    """Exclusive by flock (Linux) or by the system (Windows); `agent.ports.holder` says what is seen of
    others. The kernel's exclusive mode is not set: it would refuse the cash program while we read.
    `contended` tells instead when the cash program came in between."""

    def __init__(self, path: str, line: Serial) -> None:
        self._path = path
        leave_alone(path)
        try:
            self._port = serial.Serial(
                path,
                baudrate=line.bauds[0],
                bytesize=line.bytesize,
                parity=line.parity,
                stopbits=line.stopbits,
                timeout=0,
                write_timeout=WRITE_S,
                exclusive=True,
            )
        except OPENING as e:
            raise opening(path, e) from e
        opened_by_us(path)

    def write(self, data: bytes) -> None:
        try:
            written = self._port.write(data)
        except serial.SerialTimeoutException as e:
            raise PortGone(f"{self._path} takes no bytes", code="port.stuck") from e
        except FAILURES as e:
            raise gone(self._path, e) from e
        if written != len(data):  # pyserial on Windows passes over a write that was broken off
            raise PortGone(f"{self._path} vanished while it was written to")

    def read(self, wait_s: float) -> bytes:
        try:
            self._port.timeout = max(wait_s, 0.0)
            first = self._port.read(1)
            return first + self._port.read(min(self._port.in_waiting, _PIECE)) if first else b""
        except FAILURES as e:
            if timed_out(e):
                return b""
            raise gone(self._path, e) from e

    def contended(self) -> bool:
        return held(self._path)

    def close(self) -> None:
        try:
            self._port.close()
        except FAILURES:
            return  # the port vanished: the system has closed it


def leave_alone(path: str) -> None:
    """PortHeld before anything is set: opening a port with our line settings would change the line of the
    program that has it."""
    if held(path) or _exclusive(path):
        raise PortHeld(f"{path} is in use by another program")


def _exclusive(path: str) -> bool:
    """The exclusive flag, for root only: everybody else is refused by the kernel when opening."""
    if sys.platform == "linux" and os.geteuid() == 0:
        try:
            file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return False  # opening for real gives the reason
        try:
            return bool(int.from_bytes(fcntl.ioctl(file, _TIOCGEXCL, bytes(4)), sys.byteorder))
        except OSError:
            return False
        finally:
            os.close(file)
    return False

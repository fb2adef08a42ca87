"""A serial line through pyserial, where the system is not Linux. It looks for no other program and translates no
error."""

from collections.abc import Callable

import serial

from agent.ports.serial_error import FAILURES, timed_out
from protocols.device.family import Serial

_PIECE = 1024
_WRITE_S = 1.0


class PyserialLine:
    """Open, exclusive and set. OSError or ValueError from every method; from `read` and `write` also when the line
    is gone. `opened` is called right after it was opened."""

    def __init__(self, path: str, line: Serial, opened: Callable[[], None]) -> None:
        self._port = serial.Serial(
            path,
            baudrate=line.bauds[0],
            bytesize=line.bytesize,
            parity=line.parity,
            stopbits=line.stopbits,
            timeout=0,
            write_timeout=_WRITE_S,
            exclusive=True,
        )
        opened()

    def read(self, wait_s: float) -> bytes:
        """As agent.ports.port.Port.read."""
        try:
            self._port.timeout = max(wait_s, 0.0)
            first = self._port.read(1)
            return first + self._port.read(min(self._port.in_waiting, _PIECE)) if first else b""
        except FAILURES as e:
            if timed_out(e):
                return b""
            raise

    def write(self, data: bytes) -> bool:
        """False where the line did not take them all in time."""
        try:
            written = self._port.write(data)
        except serial.SerialTimeoutException:
            return False
        if written != len(data):  # pyserial on Windows passes over a write that was broken off
            raise OSError("a write was broken off")
        return True

    def close(self) -> None:
        """May be repeated; never raises."""
        try:
            self._port.close()
        except FAILURES:
            return  # the port vanished: the system has closed it

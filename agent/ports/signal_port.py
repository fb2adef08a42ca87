"""The modem lines of a serial port, and nothing else of it: many drawers on such a port open on any byte."""

import errno
from typing import NoReturn

import serial

from agent.ports.holder import held, opened_by_us
from agent.ports.port import Closing
from agent.ports.serial_error import FAILURES, OPENING, gone, opening
from protocols.errors import PortError, PortHeld, UsageError

_CTS, _DSR, _RI, _DCD = 0x10, 0x20, 0x40, 0x80
"""Places in the byte that `read` gives: those of the modem status register of the 16550, and of Windows."""
_NO_LINES = {errno.ENOTTY, errno.EINVAL}


class SignalPort(Closing):
    """No byte is written and no flow control is on. DTR and RTS are down as far as we can say: the kernel of
    Linux raises both when a serial port is opened, whoever opens it, and they are taken down at once; on
    Windows they stay down."""

    def __init__(self, path: str) -> None:
        self._path = path
        if held(
            path
        ):  # looked at only: even an opening to ask for the exclusive flag would raise DTR and RTS
            raise PortHeld(f"{path} is in use by another program")
        self._port = serial.Serial(timeout=0, exclusive=True, rtscts=False, dsrdtr=False, xonxoff=False)
        self._port.dtr = self._port.rts = False
        self._port.port = path
        try:
            self._port.open()
        except OPENING as e:
            raise opening(path, e) from e
        opened_by_us(path)
        try:
            self._lines()
        except FAILURES as e:
            self.close()
            if getattr(e, "errno", None) in _NO_LINES:
                raise PortError(
                    f"{path} has no modem lines that could be read", code="port.no_signals"
                ) from e
            raise opening(path, e) from e

    def write(self, data: bytes) -> NoReturn:
        raise UsageError(f"{len(data)} bytes for {self._path}, which is only looked at")

    def read(self, wait_s: float) -> bytes:  # noqa: ARG002 - what the lines are is known at once
        """One byte: CTS 10h, DSR 20h, RI 40h, DCD 80h."""
        try:
            return bytes([self._lines()])
        except FAILURES as e:
            raise gone(self._path, e) from e

    def _lines(self) -> int:
        """Ends with what fails on every system when the port has vanished: on Windows the lines of a port that
        is gone read as down."""
        port = self._port
        found = _CTS * port.cts | _DSR * port.dsr | _RI * port.ri | _DCD * port.cd
        _ = port.in_waiting
        return found

    def contended(self) -> bool:
        return held(self._path)

    def close(self) -> None:
        try:
            self._port.close()
        except FAILURES:
            return  # the port vanished: the system has closed it

"""A USB printer through the device file of the Linux printer driver (usblp), which serves one program at a
time. Linux only."""

import errno
import os
import select
import sys
from contextlib import suppress

from agent.ports.patience import patient
from agent.ports.port import Closing
from agent.ports.usb_printer import UsbPrinter, status_words
from protocols.errors import PortDenied, PortError, PortGone, PortHeld

assert sys.platform != "win32"  # noqa: S101 - for the type checker: nothing below exists there
import fcntl  # noqa: E402

WRITE_S = 1.0
_PIECE = 1024
_LPGETSTATUS = 0x060B  # linux/lp.h
_HELD = {errno.EBUSY, errno.EAGAIN}
_DENIED = {errno.EACCES, errno.EPERM}


class LpPort(Closing):
    """PortHeld where another program has the file open: the driver itself refuses a second one. A printer whose
    interface is one way (`usb_printer.PROTOCOLS`) is refused, for it gives no answer."""

    def __init__(self, printer: UsbPrinter) -> None:
        self._name, self._path = printer.name, printer.lp
        if printer.kind[2] == 1:
            raise PortError(f"{printer.name} gives no answers over USB", code="port.one_way")
        try:
            self._file = os.open(printer.lp, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as e:
            raise self._refused(e) from e

    def write(self, data: bytes) -> None:
        left = data
        while left:
            if not self._ready(writing=True, wait_s=WRITE_S):
                raise PortGone(f"{self._name} takes no bytes", code="port.stuck")
            try:
                left = left[os.write(self._file, left) :]
            except BlockingIOError:
                continue
            except OSError as e:
                raise self._gone(e) from e

    def read(self, wait_s: float) -> bytes:
        return patient(self._read, wait_s)

    def _read(self, wait_s: float) -> bytes:
        """b"" when the time passed, and for an empty packet, which is no end of the file."""
        if not self._ready(writing=False, wait_s=wait_s):
            return b""
        try:
            return os.read(self._file, _PIECE)
        except BlockingIOError:
            return b""
        except OSError as e:
            raise self._gone(e) from e

    def contended(self) -> bool:
        return False  # the driver refuses everybody else

    def tells(self) -> tuple[str, ...]:
        """The port status that the driver asks of the printer, in words; nothing where it cannot."""
        try:
            answer = fcntl.ioctl(self._file, _LPGETSTATUS, bytes(4))
        except OSError:
            return ()
        return (status_words(answer[0]),)

    def close(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            with suppress(OSError):
                os.close(file)

    def _ready(self, *, writing: bool, wait_s: float) -> bool:
        """Raises PortGone where the driver says that the printer went."""
        events = select.POLLOUT if writing else select.POLLIN
        poll = select.poll()
        poll.register(self._file, events)
        found = poll.poll(wait_s * 1000)
        if found and found[0][1] & select.POLLHUP:
            raise PortGone(f"{self._name} is no longer there")
        return bool(found)

    def _refused(self, error: OSError) -> PortError:
        if error.errno in _HELD:
            return PortHeld(f"{self._name} is in use by another program")
        if error.errno in _DENIED:
            return PortDenied(f"the system does not let this account open {self._path} ({self._name})")
        return PortGone(f"{self._name} cannot be opened at {self._path} ({error.strerror})")

    def _gone(self, error: OSError) -> PortGone:
        return PortGone(f"{self._name} is no longer there ({error.strerror})")

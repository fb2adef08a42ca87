"""A serial line of Linux, by its system calls: what pyserial does in some forty for one question and its answer takes
four. It looks for no other program and translates no error."""

import errno
import fcntl
import os
import select
import struct
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from math import ceil

from protocols.device.family import Serial

assert sys.platform == "linux"  # noqa: S101 - tells the type checker; nobody imports this elsewhere

_PIECE = 1024
_WRITE_S = 1.0
_TERMIOS2 = struct.Struct("<4IB19s2I")
_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B
"""Linux asm-generic/ioctls.h: settings with the speed as a number, so that every speed can be set."""
_BOTHER, _CBAUD, _CIBAUD, _CMSPAR = 0o010000, 0o010017, 0o02003600000, 0o10000000000
"""Linux asm-generic/termbits.h."""
_TIOCGEXCL = 0x80045440
"""Linux asm-generic/ioctls.h: reads the exclusive flag that TIOCEXCL sets."""
_RAISED = struct.pack("I", termios.TIOCM_DTR | termios.TIOCM_RTS)

_NOT_IN = (
    termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IGNBRK | termios.PARMRK | termios.INPCK
    | termios.ISTRIP | termios.IXON | termios.IXOFF | termios.IXANY
)  # fmt: skip
_NOT_OUT = termios.OPOST | termios.ONLCR | termios.OCRNL
_NOT_LOCAL = (
    termios.ICANON | termios.ECHO | termios.ECHOE | termios.ECHOK | termios.ECHONL | termios.ECHOCTL
    | termios.ECHOKE | termios.ISIG | termios.IEXTEN
)  # fmt: skip
_FORM = termios.CSIZE | termios.CSTOPB | termios.PARENB | termios.PARODD | termios.CRTSCTS | _CMSPAR
_ALWAYS = termios.CLOCAL | termios.CREAD
_PARITY = {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}
_BITS = {7: termios.CS7, 8: termios.CS8}


class TtyLine:
    """Open, locked (flock) and set. OSError from every method: at opening with EBUSY or EAGAIN where another program
    has the line, then nothing of it was set; from `read` and `write` also when the line is gone. `opened` is called
    right after it was opened."""

    def __init__(self, path: str, line: Serial, opened: Callable[[], None]) -> None:
        self._number = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            opened()
            if self._exclusive():
                raise OSError(errno.EBUSY, "another program has it for itself")
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._set(line)
        except BaseException:
            self.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._number, select.POLLIN)

    def _exclusive(self) -> bool:
        """The kernel's exclusive mode. For root only: it refuses everybody else when opening."""
        return os.geteuid() == 0 and fcntl.ioctl(self._number, _TIOCGEXCL, bytes(4)) != bytes(4)

    def _set(self, line: Serial) -> None:
        """Raw bytes at the first of the speeds, DTR and RTS up where the line has them. What has come before is
        dropped. Set is only what is not so already."""
        found = fcntl.ioctl(self._number, _TCGETS2, bytes(_TERMIOS2.size))
        wanted = _settings(found, line)
        if wanted != found:
            fcntl.ioctl(self._number, _TCSETS2, wanted)
        with suppress(OSError):  # a pty has no such lines
            fcntl.ioctl(self._number, termios.TIOCMBIS, _RAISED)
        termios.tcflush(self._number, termios.TCIFLUSH)

    def read(self, wait_s: float) -> bytes:
        """As agent.ports.port.Port.read."""
        if not self._poll.poll(ceil(max(wait_s, 0.0) * 1000)):
            return b""
        try:
            data = os.read(self._number, _PIECE)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("it hung up")
        return data

    def write(self, data: bytes) -> bool:
        """False where the line took none of what is left for _WRITE_S."""
        while data := data[self._written(data) :]:
            room = select.poll()
            room.register(self._number, select.POLLOUT)
            if not room.poll(ceil(_WRITE_S * 1000)):
                return False
        return True

    def close(self) -> None:
        """May be repeated; never raises."""
        if self._number >= 0:
            with suppress(OSError):
                os.close(self._number)
            self._number = -1

    def _written(self, data: bytes) -> int:
        try:
            return os.write(self._number, data)
        except BlockingIOError:
            return 0


@lru_cache(maxsize=32)
def _settings(found: bytes, line: Serial) -> bytes:
    """One byte at least for a read (VMIN), so that none at all means that the line hung up."""
    iflag, oflag, cflag, lflag, discipline, characters, _, _ = _TERMIOS2.unpack(found)
    cflag = cflag & ~(_FORM | _CIBAUD) | _ALWAYS | _BITS[line.bytesize] | _PARITY[line.parity]
    if line.stopbits == 2:
        cflag |= termios.CSTOPB
    cflag = cflag & ~_CBAUD | getattr(termios, f"B{line.bauds[0]}", _BOTHER)
    own = bytearray(characters)
    own[termios.VMIN], own[termios.VTIME] = 1, 0
    return _TERMIOS2.pack(
        iflag & ~_NOT_IN, oflag & ~_NOT_OUT, cflag, lflag & ~_NOT_LOCAL,
        discipline, bytes(own), line.bauds[0], line.bauds[0],
    )  # fmt: skip

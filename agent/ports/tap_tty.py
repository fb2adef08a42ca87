"""The two ends of a tap: the printer's serial port, and the pty with its link for the cash program. Standard
library only, Linux only."""

import contextlib
import errno
import fcntl
import os
import struct
import sys
import termios
from typing import NamedTuple

assert sys.platform == "linux"  # noqa: S101 - tells the type checker; nobody imports this elsewhere

_TERMIOS2 = struct.Struct("<4IB19s2I")
SETTINGS_BYTES = _TERMIOS2.size
_TCGETS2, _TCSETS2 = 0x802C542A, 0x402C542B
"""Linux asm-generic/ioctls.h: settings with the speed as a number, so that every speed can be copied."""
_BOTHER = 0o010000
_LINE_FLAGS = termios.CSTOPB | termios.CRTSCTS
_FLOW_FLAGS = termios.IXON | termios.IXOFF | termios.IXANY
_ALWAYS = termios.CREAD | termios.CLOCAL | termios.CS8 | _BOTHER


PARITY = {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}


class Settings(NamedTuple):
    """What of the cash program's settings reaches the printer's line. Parity and seven bits are not among
    them: a pty keeps neither, so the parity of the line is told by the configuration."""

    speed: int
    line: int
    flow: int
    characters: bytes


def raw_settings(number: int) -> bytes:
    """Of a port, or of the cash program's end where `number` is the master end of its pty. Compare these to
    see a change."""
    return fcntl.ioctl(number, _TCGETS2, bytes(SETTINGS_BYTES))


def read_settings(number: int, into: bytearray) -> None:
    """The same into SETTINGS_BYTES that are there already, in half the time: for who asks before each byte."""
    fcntl.ioctl(number, _TCGETS2, into, True)


def settings(raw: bytes) -> Settings:
    iflag, _, cflag, _, _, characters, _, speed = _TERMIOS2.unpack(raw)
    return Settings(speed, cflag & _LINE_FLAGS, iflag & _FLOW_FLAGS, characters)


def apply(number: int, wanted: Settings, parity: int = 0) -> None:
    """At once. Speed 0 (hang up) changes nothing. OSError where the port cannot have them."""
    if not wanted.speed:
        return
    characters = bytearray(wanted.characters)
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    packed = _TERMIOS2.pack(
        wanted.flow, 0, _ALWAYS | wanted.line | parity, 0, 0, bytes(characters), wanted.speed, wanted.speed
    )
    fcntl.ioctl(number, _TCSETS2, packed)


def open_printer(path: str) -> int:
    """OSError where it is not there, or, EBUSY, another program has it. Ours alone until `close_printer`."""
    number = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.ioctl(number, termios.TIOCEXCL)
        if _has_another(os.ttyname(number)):
            raise OSError(errno.EBUSY, "another program has it")
        termios.tcflush(number, termios.TCIFLUSH)
    except (OSError, termios.error) as e:
        close_printer(number)
        raise OSError(*e.args) from e
    return number


def _has_another(name: str) -> bool:
    """Whether a process of ours, or any as root, has the port: from before it was exclusive."""
    own = str(os.getpid())
    for process in os.listdir("/proc"):  # noqa: PTH208 - pathlib is dear to start
        if not process.isdigit() or process == own:
            continue
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{process}/fd"):  # noqa: PTH208
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{process}/fd/{number}") == name:  # noqa: PTH115
                        return True
    return False


def close_printer(number: int) -> None:
    try:
        fcntl.ioctl(number, termios.TIOCNXCL)
    except OSError:
        return  # the port has vanished
    finally:
        os.close(number)


def unsent(number: int) -> int:
    """Bytes that the system has not put on the wire yet."""
    return int(struct.unpack("i", fcntl.ioctl(number, termios.TIOCOUTQ, bytes(4)))[0])


def unread(number: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(number, termios.FIONREAD, bytes(4)))[0])


def make_pty(printer: str, speed: int) -> tuple[int, str]:
    """The master end, and the name of the cash program's end: raw, at `speed`, and open to whoever may open
    the printer's own port."""
    master, slave = os.openpty()
    name = os.ttyname(slave)
    os.set_blocking(master, False)
    start = settings(raw_settings(slave))
    apply(slave, start._replace(speed=speed, flow=0))
    os.close(slave)
    _open_to_the_same(name, printer)
    return master, name


def _open_to_the_same(name: str, printer: str) -> None:
    try:
        found = os.stat(printer)  # noqa: PTH116 - pathlib is dear to start
        os.chmod(name, found.st_mode & 0o660)  # noqa: PTH101
        os.chown(name, -1, found.st_gid)
    except OSError:
        return  # then this account alone can open it


def clear(name: str) -> bool:
    """A serial port that is closed keeps neither bytes that nobody read nor its exclusive mode; a pty keeps
    both. False where the system does not let us clear it."""
    try:
        number = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    fcntl.ioctl(number, termios.TIOCNXCL)
    termios.tcflush(number, termios.TCIFLUSH)
    os.close(number)
    return True


class Link:
    """A symbolic link that leads the cash program to its port. It never replaces anything but a link."""

    def __init__(self, path: str) -> None:
        self.path = path

    def lead_to(self, target: str) -> None:
        """At once, without a moment in which there is no link. OSError where it cannot be made."""
        try:
            if os.readlink(self.path) == target:  # noqa: PTH115
                return
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)  # noqa: PTH103, PTH120
        new = f"{self.path}.{os.getpid()}"
        os.symlink(target, new)  # noqa: PTH211
        os.replace(new, self.path)  # noqa: PTH105

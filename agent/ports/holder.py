"""Whether another program has a serial port open. Looks only; opens nothing but to read a flag."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

_PROC = "/proc"


def held(path: str) -> bool:
    """True when it is known that another process has the port.

    Seen on Linux: a process of the same account, or of any account when we are root, for its open files are
    listed in /proc. Opening the port shows two more: a lock (flock), and the kernel's exclusive mode
    (TIOCEXCL). Not seen: a process of another account while we are not root, or one in another container,
    that has the port without either. Where the cash program does so, give the service CAP_SYS_PTRACE. On
    Windows every open port is exclusive, and opening tells."""
    if not sys.platform.startswith("linux"):
        return False
    return _listed(path)


def _listed(path: str) -> bool:
    """Compares device numbers, so a link such as /dev/serial/by-id/... is the same port."""
    real = os.path.realpath(path)
    try:
        wanted = Path(real).stat()
    except OSError:
        return False
    own = str(os.getpid())
    others = (pid for pid in _processes() if pid != own)
    return any(_same(file, real, wanted) for pid in others for file in _files(pid))


def _processes() -> Iterator[str]:
    yield from (name for name in os.listdir(_PROC) if name.isdigit())  # noqa: PTH208 - names only, every poll


def _files(pid: str) -> Iterator[str]:
    """Open files of a process; none where it ended or belongs to another account."""
    folder = f"{_PROC}/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names only, every poll
    except OSError:
        return
    yield from (f"{folder}/{name}" for name in names)


def _same(file: str, real: str, wanted: os.stat_result) -> bool:
    try:
        if os.readlink(file) != real:  # noqa: PTH115 - a Path for each open file of the machine is too dear
            return False
        found = Path(file).stat()
    except OSError:
        return False
    return (found.st_dev, found.st_rdev) == (wanted.st_dev, wanted.st_rdev)

"""Whether another program has a serial port open. Looks only; opens nothing but to read a flag."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from agent.ports.doorbell import Doorbell, which

_PROC = "/proc"


def held(path: str) -> bool:
    """True when it is known that another process has the port.

    Seen on Linux: a process of the same account, or of any account when we are root, for its open files are
    listed in /proc. Opening the port shows two more: a lock (flock), and the kernel's exclusive mode
    (TIOCEXCL). Not seen: a process of another account while we are not root, or one in another container,
    that has the port without either, unless the service has CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE. On
    Windows every open port is exclusive, and opening tells."""
    if not sys.platform.startswith("linux"):
        return False
    with _lock:
        return _ask(path)


def opened_by_us(path: str) -> None:
    """Call right after opening the port under the name that `held` was asked for, so that our own opening is not
    taken for another's."""
    with _lock:
        look = _looks.get(path)
        if look:
            look.bell.rang()


@dataclass(slots=True)
class _Look:
    """The last time the open files were looked through and nobody had the port; `times` it was relied on."""

    bell: Doorbell
    times: int = 0


_RELIED = 60
"""A program that opens the port in the very moment between our opening and `opened_by_us`, some microseconds, is not
heard: looked for again after so many polls. Looking through the open files of 200 processes takes milliseconds."""
_looks: dict[str, _Look] = {}
"""By the name that is asked for: what it leads to may change."""
_lock = Lock()


def _ask(path: str) -> bool:
    """Nobody opened the port since nobody had it: then nobody has it."""
    try:
        found = os.stat(path)  # noqa: PTH116 - its numbers are wanted, not a path
    except OSError:
        _forget(path)
        return False
    look = _looks.get(path)
    if look and look.bell.file == which(found) and look.times < _RELIED:
        look.times += 1
        if not look.bell.rang():
            return False
    _forget(path)
    bell = _bell(path)  # before looking: an opening during the look rings
    taken = _listed(os.path.realpath(path), found)
    if bell and not taken:
        _forget_what_is_gone()
        _looks[path] = _Look(bell)
    elif bell:
        bell.close()
    return taken


def _bell(path: str) -> Doorbell | None:
    try:
        return Doorbell(path)
    except OSError:
        return None  # too many watches on this machine: then every poll looks


def _forget_what_is_gone() -> None:
    """A system gives an account some hundred bells."""
    for path, look in list(_looks.items()):
        try:
            there = which(os.stat(path)) == look.bell.file  # noqa: PTH116 - its numbers are wanted, not a path
        except OSError:
            there = False
        if not there:
            _forget(path)


def _forget(path: str) -> None:
    look = _looks.pop(path, None)
    if look:
        look.bell.close()


def _listed(real: str, wanted: os.stat_result) -> bool:
    """Compares device numbers, so a link such as /dev/serial/by-id/... is the same port."""
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
    if sys.platform == "win32":
        return False
    return (found.st_dev, found.st_rdev) == (wanted.st_dev, wanted.st_rdev)

"""Rings when anybody opens a file (inotify, Linux): cheap to ask at every poll, where looking through the
open files of all processes is not. It does not say who."""

import ctypes
import os
import struct

_IN_OPEN = 0x20
_IN_NONBLOCK, _IN_CLOEXEC = getattr(os, "O_NONBLOCK", 0), getattr(os, "O_CLOEXEC", 0)
_EVENT = struct.Struct("iIII")
_PIECE = 4096


def which(found: os.stat_result) -> tuple[int, ...]:
    """Tells a file from one that was made anew under the same name, even with the same number (as ptys
    are)."""
    return found.st_dev, found.st_ino, getattr(found, "st_rdev", 0), found.st_ctime_ns


class Doorbell:
    """OSError where the system gives no watch. Openings that follow each other before `rang` is asked count
    as one. A file that is made anew under the same name is not watched: `file` says which one is."""

    def __init__(self, path: str) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.file = which(os.stat(path))  # noqa: PTH116 - its numbers are wanted, not a path
        self._number: int = libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
        if self._number < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        if libc.inotify_add_watch(self._number, os.fsencode(path), _IN_OPEN) < 0:
            number = ctypes.get_errno()
            self.close()
            raise OSError(number, "inotify_add_watch")

    def rang(self) -> bool:
        """True when the file was opened, or is no longer there, since this was asked last."""
        rung = False
        while True:
            try:
                data = os.read(self._number, _PIECE)
            except BlockingIOError:
                return rung
            rung = rung or len(data) >= _EVENT.size

    def close(self) -> None:
        if self._number >= 0:
            os.close(self._number)
            self._number = -1

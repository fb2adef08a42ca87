"""The plain bytes of the last backup, kept on the till for the delta mode alone. What changed is written over in place;
whether a page still is what was backed up, its hash in the state tells, so a run that broke off does no harm."""

import hashlib
import os
from pathlib import Path


class LastCopy:
    class File:
        """For one thread."""

        def __init__(self, path: Path) -> None:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)

        def read(self, offset: int, length: int) -> bytes:
            """Less where there is less."""
            os.lseek(self._handle, offset, os.SEEK_SET)
            return os.read(self._handle, length)

        def write(self, offset: int, data: memoryview) -> None:
            os.lseek(self._handle, offset, os.SEEK_SET)
            while data:
                data = data[os.write(self._handle, data) :]

        def truncate(self, size: int) -> None:
            os.ftruncate(self._handle, size)

        def close(self) -> None:
            os.close(self._handle)

    def __init__(self, folder: Path) -> None:
        """`folder` holds nothing else."""
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._opened: set[str] = set()

    def open(self, name: str) -> "LastCopy.File":
        file = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._opened.add(file)
        return LastCopy.File(self._folder / file)

    def drop_others(self) -> None:
        """Copies of parts that this run did not have."""
        for path in self._folder.iterdir():
            if path.name not in self._opened:
                path.unlink()

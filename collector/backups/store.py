"""The storage folder: every object is a file."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from collector.backups.place import Place, Put, Stored, check_slice, check_terminal
from protocols.errors import IntegrityError, RepositoryRefused, RepositoryUnreachable
from protocols.wire.snapshot import KINDS, object_path, split_name

_TEMPORARY = "incoming"
_LOCK = "lock"


class Store(Place):
    """On a disk of this computer, or on a share that keeps locks."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def alone(self, terminal: str) -> Iterator[None]:
        folder = self._folder(terminal)
        with _translated(terminal):
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def remove(self, terminal: str, name: str) -> None:
        path = self._path(terminal, name)
        with _translated(name):
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _flush(path.parent)

    def part_size(self, terminal: str, name: str) -> int:
        with _translated(name):
            path = self._part(terminal, name)
            return path.stat().st_size if path.exists() else 0

    def put_part(
        self, terminal: str, public_key: str, name: str, *, offset: int, total: int, data: bytes
    ) -> Put | None:
        split_name(name)
        check_slice(offset, total, len(data))
        path = self._part(terminal, name)
        with _translated(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                held = file.seek(0, os.SEEK_END)
                if held != offset:
                    raise RepositoryRefused(f"the next slice begins at {held}", code="backup.part_offset")
                file.write(data)
                file.flush()
                if held + len(data) < total:
                    return None
                file.seek(0)
                whole = file.read()
        try:
            return self.put_new(terminal, public_key, name, whole)
        finally:
            path.unlink(missing_ok=True)

    def drop_parts(self, terminal: str, before: float) -> None:
        with _translated(terminal):
            for path in (self._folder(terminal) / _TEMPORARY).glob("*"):
                if path.stat().st_mtime < before:
                    path.unlink(missing_ok=True)

    def get(self, terminal: str, name: str) -> bytes:
        with _translated(name):
            return self._path(terminal, name).read_bytes()

    def stat(self, terminal: str, name: str) -> Stored:
        with _translated(name):
            return Stored(name, self._path(terminal, name).stat().st_size)

    def list(self, terminal: str, kind: str) -> list[Stored]:
        if kind not in KINDS:
            raise RepositoryRefused("this is no kind of backup object", code="backup.object_name")
        with _translated(kind):
            return list(self._walk(terminal, kind))

    def _walk(self, terminal: str, kind: str) -> Iterator[Stored]:
        for path in sorted((self._folder(terminal) / kind).glob("[0-9a-f][0-9a-f]/*")):
            name = f"{kind}/{path.name}"
            with suppress(RepositoryRefused):  # a stranger's file is not an object
                split_name(name)
                yield Stored(name, path.stat().st_size)

    def _add(self, terminal: str, name: str, data: bytes) -> Put:
        with _translated(name):
            return self._place(self._path(terminal, name), self._folder(terminal), data)

    def _place(self, target: Path, folder: Path, data: bytes) -> Put:
        if target.exists():
            return _compare(target, data)
        (folder / _TEMPORARY).mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _write(folder / _TEMPORARY, data)
        try:
            os.link(temporary, target)
        except FileExistsError:
            return _compare(target, data)
        finally:
            temporary.unlink()
        for parent in (target.parent, target.parent.parent, folder, self._root):
            _flush(parent)
        return Put.CREATED

    def _folder(self, terminal: str) -> Path:
        return self._root / check_terminal(terminal)

    def _part(self, terminal: str, name: str) -> Path:
        return self._folder(terminal) / _TEMPORARY / f"{split_name(name)[1]}.slices"

    def _path(self, terminal: str, name: str) -> Path:
        return self._folder(terminal) / object_path(name)


def _compare(target: Path, data: bytes) -> Put:
    if target.read_bytes() != data:
        raise IntegrityError("the object stored under this name is damaged; it is not overwritten")
    return Put.SAME


def _write(folder: Path, data: bytes) -> Path:
    handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            Path(name).unlink()
            raise
    return Path(name)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as e:
        raise RepositoryRefused(f"{name} is not stored here", code="backup.object_missing") from e
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RepositoryUnreachable("the storage folder is full", code="backup.repository_full") from e
        raise RepositoryUnreachable(f"the storage folder cannot be used: {e.strerror}") from e

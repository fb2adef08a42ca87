"""A folder: a local disk, a USB disk, a mounted share. Objects appear whole or not at all."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.backup.repository import MISSING, ObjectInfo, missing, taken
from agent.backup.repository.meter import SLICE_BYTES, Free, Meter
from protocols.errors import PlombaError, RepositoryRefused, RepositoryUnreachable
from protocols.wire.snapshot import KINDS, check_digest, object_path, split_name

_TEMPORARY = "incoming"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


class LocalRepository:
    def __init__(self, root: Path, meter: Meter | None = None) -> None:
        self._root, self._meter = root, meter or Free()

    @property
    def address(self) -> str:
        return str(self._root)

    @property
    def streams(self) -> int:
        return 1

    @property
    def checks_packs(self) -> bool:
        return False

    def put_new(self, name: str, data: bytes | memoryview) -> None:
        check_digest(name, data)
        target = self._path(name)
        with _translated(name):
            self._must_be_there()
            if target.exists():
                return self._compare(name, target, data)
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._write(data)
            try:
                _link(temporary, target)
            except FileExistsError:
                return self._compare(name, target, data)
            finally:
                with suppress(FileNotFoundError):
                    temporary.unlink()
            _flush_folders(target.parent, self._root)
        return None

    def get(self, name: str) -> bytes:
        with _translated(name):
            return self._path(name).read_bytes()

    def list(self, kind: str) -> Iterator[ObjectInfo]:
        if kind not in KINDS:
            raise RepositoryRefused(f"{kind} is no kind of object", code="backup.object_name")
        with _translated(kind):
            self._must_be_there()
            for path in sorted((self._root / kind).glob("[0-9a-f][0-9a-f]/*")):
                name = f"{kind}/{path.name}"
                with suppress(RepositoryRefused):  # a stranger's file is not an object
                    split_name(name)
                    yield ObjectInfo(name, path.stat().st_size)

    def stat(self, name: str) -> ObjectInfo:
        with _translated(name):
            return ObjectInfo(name, self._path(name).stat().st_size)

    def delete(self, name: str) -> None:
        with _translated(name):
            self._path(name).unlink()
            _flush(self._path(name).parent)

    def is_missing(self, error: Exception) -> bool:
        return isinstance(error, PlombaError) and error.code == MISSING

    def is_permanent(self, error: Exception) -> bool:
        return not (isinstance(error, PlombaError) and error.retriable)

    def _path(self, name: str) -> Path:
        return self._root / object_path(name)

    def _must_be_there(self) -> None:
        """Never made here: below an unplugged disk's mount point a new folder would fill the till's own
        disk."""
        if not self._root.is_dir():
            raise RepositoryUnreachable(
                f"the repository folder {self._root} is not there; is the disk plugged in?"
            )

    def _write(self, data: bytes | memoryview) -> Path:
        folder = self._root / _TEMPORARY
        folder.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            try:
                view = memoryview(data)
                for at in range(0, len(view), SLICE_BYTES):
                    self._meter.spend(len(view[at : at + SLICE_BYTES]))
                    file.write(view[at : at + SLICE_BYTES])
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                Path(name).unlink()
                raise
        return Path(name)

    def _compare(self, name: str, target: Path, data: bytes | memoryview) -> None:
        if target.read_bytes() != data:
            raise taken(name)


def _link(temporary: Path, target: Path) -> None:
    """Give the finished file its name, unless the name is taken."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        # FAT and some shares know no hard links. Two writers that pass this check at once hold the same
        # bytes, because the name is their digest
        if target.exists():
            raise FileExistsError(target) from None
        temporary.rename(target)


def _flush_folders(folder: Path, root: Path) -> None:
    while True:
        _flush(folder)
        if folder in (root, folder.parent):
            return
        folder = folder.parent


def _flush(folder: Path) -> None:
    if (
        os.name == "nt"
    ):  # Windows has no handle on a folder that could be flushed; NTFS journals the name itself
        return
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
        raise missing(name) from e
    except OSError as e:
        if e.errno in _FULL:
            raise RepositoryRefused(
                f"the repository has no room left: {e.strerror}", code="backup.repository_full"
            ) from e
        if e.errno in _DENIED:
            raise RepositoryRefused(
                f"the repository may not be written or read: {e}", code="backup.repository_denied"
            ) from e
        raise RepositoryUnreachable(f"the repository cannot be used now: {e}") from e

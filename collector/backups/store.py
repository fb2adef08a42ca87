"""The storage folder: one repository per terminal, in the very layout that `plomba-agent restore` reads. It
only ever adds. It checks all that can be checked without a key."""

import errno
import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from protocols.errors import IntegrityError, RepositoryRefused, RepositoryUnreachable
from protocols.wire.snapshot import (
    KINDS,
    OBJECT_BYTES,
    PACK_MAGIC,
    PACKS,
    SNAPSHOTS,
    Header,
    check_digest,
    object_path,
    parse,
    split_name,
)

_TERMINAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,79}", re.ASCII)
_TEMPORARY = "incoming"
_LOCK = "lock"


class Put(StrEnum):
    CREATED = "created"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Stored:
    name: str
    size: int


class Store:
    """Safe for several threads and processes. RepositoryRefused and IntegrityError carry a stable code;
    RepositoryUnreachable where the folder cannot be used now."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put_new(self, terminal: str, public_key: str, name: str, data: bytes) -> Put:
        """Durable when it returns. `public_key` is the terminal's, as enrolled. A snapshot is taken only when
        it is signed with that key and every pack it names is here."""
        kind, _ = split_name(name)
        if len(data) > OBJECT_BYTES:
            raise RepositoryRefused("a backup object may not be so large", code="backup.object_size")
        check_digest(name, data)
        if kind == PACKS and not data.startswith(PACK_MAGIC):
            raise IntegrityError("this object is not a pack")
        with ExitStack() as stack:
            if kind == SNAPSHOTS:
                # between this look at the packs and the snapshot's arrival none of them may be removed
                stack.enter_context(self.alone(terminal))
                self._check_snapshot(terminal, public_key, data)
            stack.enter_context(_translated(name))
            return self._place(self._path(terminal, name), self._folder(terminal), data)

    @contextmanager
    def alone(self, terminal: str) -> Iterator[None]:
        """Nobody else takes in a snapshot of this terminal, or removes anything of it, meanwhile; in this process or
        another one on this folder."""
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
        """For whoever keeps house, inside `alone`; no way from a terminal leads here. What is gone already is well."""
        path = self._path(terminal, name)
        with _translated(name):
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _flush(path.parent)

    def part_size(self, terminal: str, name: str) -> int:
        """How much of an object has come in slices; 0 for none."""
        with _translated(name):
            path = self._part(terminal, name)
            return path.stat().st_size if path.exists() else 0

    def put_part(
        self, terminal: str, public_key: str, name: str, *, offset: int, total: int, data: bytes
    ) -> Put | None:
        """The next slice of an object of `total` bytes; None where more are to come. What has come is worth nothing
        until the last one: then the whole is judged as by `put_new`, and begins anew where it is not what its name
        says."""
        split_name(name)
        if not 0 < total <= OBJECT_BYTES or offset + len(data) > total:
            raise RepositoryRefused("a backup object may not be so large", code="backup.object_size")
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
        """What has not come further since then (seconds since 1970), and never will."""
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

    def _check_snapshot(self, terminal: str, public_key: str, data: bytes) -> Header:
        header = parse(data).header
        if header.terminal != terminal or header.signer != public_key:
            raise RepositoryRefused(
                "the snapshot is not signed by the terminal that sends it", code="backup.signer"
            )
        for pack in header.packs:
            path = self._path(terminal, f"{PACKS}/{pack.digest}")
            if not path.is_file() or path.stat().st_size != pack.size:
                raise RepositoryRefused(
                    f"pack {pack.digest[:12]} of the snapshot has not arrived", code="backup.pack_missing"
                )
        return header

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
        if not _TERMINAL.fullmatch(terminal):
            raise RepositoryRefused("this is no terminal", code="backup.terminal")
        return self._root / terminal

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

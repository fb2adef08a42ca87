"""A file or a folder with all that is in it, such as the cash program. On Windows it is read from a shadow copy, so
that open and locked files are of one moment; elsewhere as it lies there, each file for itself.

A file whose size, times and number are those of the last backup is not read again."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from agent.backup.engines import Cut, Evidence, Facts, Kind, Pace, Part, Reader, Scalar, Snapshot, bare_part
from agent.backup.engines.files_tree import Entry, Tally, Walk
from protocols.errors import IntegrityError, SnapshotFailed

if sys.platform == "win32":
    from agent.backup.engines import files_windows

EXCLUDE = "?exclude="


@dataclass(frozen=True, slots=True)
class FilesEngine:
    name: str = "files"
    evidence: Evidence = Evidence.REAL

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:  # noqa: ARG002 - reads in place
        """`source` is a path, and after it, if wished, `?exclude=` with patterns that are parted by semicolons and meet
        a name or a path inside the folder: `C:\\POS?exclude=*.log;Cache/*`."""
        path, _, patterns = source.partition(EXCLUDE)
        if not os.path.lexists(path):
            raise SnapshotFailed(f"{path} is not there", code="backup.source_missing", retriable=False)
        with _standing(path) as (where, mode):
            walk = Walk([each for each in patterns.split(";") if each], _unreadable)
            tally = Tally(alone=not os.path.isdir(where))  # noqa: PTH112 - pathlib breaks \\?\GLOBALROOT
            name = Path(path).resolve().name or "root"
            yield Snapshot(_parts(walk, where, name, tally), tally.facts, mode)

    def verify(self, restored: Path, scratch: Path) -> Facts:  # noqa: ARG002 - nothing has to be started
        """Each file was compared with its own digest when it was restored; here, that none is missing, added or of
        another kind, size or time."""
        tally = Tally(alone=not restored.is_dir())
        walk = Walk((), _damaged)
        if not restored.is_dir():
            (only,) = walk.of(str(restored), restored.name)
            tally.add(only, only.status.st_size)
            return tally.facts()
        with os.scandir(restored) as listed:
            tops = sorted(each.name for each in listed)
        for top in tops:
            for entry in walk.of(str(restored / top), top):
                tally.add(entry, entry.status.st_size if entry.kind is Kind.FILE else 0)
        return tally.facts()


def _standing(path: str) -> AbstractContextManager[tuple[str, str]]:
    if sys.platform == "win32":
        return files_windows.standing(path)
    return nullcontext((path, "live"))


def _parts(walk: Walk, where: str, name: str, tally: Tally) -> Iterator[Part]:
    for entry in walk.of(where, name):
        if entry.kind is Kind.FILE and not entry.same_as:
            yield from _file(entry, tally)
        else:
            tally.add(entry, entry.status.st_size if entry.same_as else 0)
            yield bare_part(entry.name, Kind.LINK if entry.same_as else entry.kind, _meta(entry))


def _file(entry: Entry, tally: Tally) -> Iterator[Part]:
    """Opened before its part is told, so that it cannot vanish in between; nothing where it has already."""
    try:
        file = open(entry.path, "rb", buffering=0)  # noqa: PTH123, SIM115 - pathlib breaks \\?\GLOBALROOT; closed below
    except FileNotFoundError:
        return
    except OSError as e:
        raise _unreadable(entry.path, e) from e
    meta = _meta(entry)
    with file:
        counted = _Counted(file)

        @contextmanager
        def opened() -> Iterator[Reader]:
            counted.count = 0
            yield counted
            after = os.fstat(file.fileno())
            if (after.st_mtime_ns, after.st_size) != (entry.status.st_mtime_ns, entry.status.st_size):
                meta["changed_while_read"] = True

        size = entry.status.st_size
        yield Part(entry.name, opened, Cut.CHUNKS, size_bytes=size, stamp=entry.stamp, meta=meta)
        tally.add(entry, size if counted.count is None else counted.count)


class _Counted:
    """`count` is None where nobody asked for the bytes."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self.count: int | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._file.readinto(buffer)
        self.count = (self.count or 0) + count
        return count


def _meta(entry: Entry) -> dict[str, Scalar]:
    status = entry.status
    meta: dict[str, Scalar] = {"mode": stat.S_IMODE(status.st_mode), "mtime_ns": status.st_mtime_ns}
    if entry.kind is Kind.LINK:
        meta["target"] = entry.target
    if entry.same_as:
        meta["same_as"] = entry.same_as
    if entry.junction:
        meta["junction"] = True
    if sys.platform == "win32":
        return meta | files_windows.kept(entry.path)
    return meta | {"uid": status.st_uid, "gid": status.st_gid}


def _unreadable(path: str, error: OSError) -> SnapshotFailed:
    advice = "run the agent with the right to read it, or leave it out with ?exclude=PATTERN in the source"
    return SnapshotFailed(
        f"{path} cannot be read ({error.strerror}): {advice}", code="backup.access_denied", retriable=False
    )


def _damaged(path: str, error: OSError) -> IntegrityError:
    return IntegrityError(f"{path} was restored and cannot be read: {error.strerror}")

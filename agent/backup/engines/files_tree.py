"""What lies in a folder, and what is kept of it beside its bytes. Follows no link and no junction; leaves out pipes,
sockets and devices, which hold nothing."""

import fnmatch
import hashlib
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agent.backup.engines import Kind, Scalar
from protocols.errors import BackupError, SnapshotFailed

Unreadable = Callable[[str, OSError], BackupError]


@dataclass(frozen=True, slots=True)
class Entry:
    """`name` as in the snapshot, `path` where it lies now, which may be in a shadow copy. `same_as` names the entry
    that is another name of the same file."""

    name: str
    path: str
    kind: Kind
    status: os.stat_result
    target: str = ""
    junction: bool = False
    same_as: str = ""

    @property
    def stamp(self) -> str:
        """Changes with the bytes, as far as anybody can tell without reading them."""
        s = self.status
        return f"{s.st_size}:{s.st_mtime_ns}:{s.st_ctime_ns}:{s.st_ino}:{s.st_dev}"


class Walk:
    """Entries in the order of their names, a folder before what is in it. SnapshotFailed at the first that may not be
    read: a set that lacks something is none."""

    def __init__(self, excluded: Sequence[str], unreadable: Unreadable) -> None:
        self._excluded, self._unreadable = tuple(excluded), unreadable
        self._linked: dict[tuple[int, int], str] = {}

    def of(self, path: str, name: str) -> Iterator[Entry]:
        try:
            entry = self._entry(path, name)
            if entry is None:
                return
            yield entry
            if entry.kind is not Kind.FOLDER:
                return
            with os.scandir(path) as listed:
                names = sorted(each.name for each in listed)
        except FileNotFoundError:  # gone meanwhile
            return
        except OSError as e:
            raise self._unreadable(path, e) from e
        for each in names:
            inside = f"{name}/{each}"
            if not self._is_excluded(inside):
                yield from self.of(os.path.join(path, each), inside)  # noqa: PTH118 - pathlib breaks \\?\GLOBALROOT

    def _entry(self, path: str, name: str) -> Entry | None:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode) or is_junction(status):
            target = os.readlink(path)  # noqa: PTH115 - as above
            return Entry(_sayable(name), path, Kind.LINK, status, target, is_junction(status))
        if stat.S_ISDIR(status.st_mode):
            return Entry(_sayable(name), path, Kind.FOLDER, status)
        if not stat.S_ISREG(status.st_mode):
            return None
        first = name
        if status.st_nlink > 1:
            first = self._linked.setdefault((status.st_dev, status.st_ino), name)
        return Entry(_sayable(name), path, Kind.FILE, status, same_as="" if first == name else first)

    def _is_excluded(self, name: str) -> bool:
        inside = name.partition("/")[2]
        short = name.rpartition("/")[2]
        return any(
            fnmatch.fnmatch(inside, pattern) or fnmatch.fnmatch(short, pattern) for pattern in self._excluded
        )


def is_junction(status: os.stat_result) -> bool:
    if sys.platform != "win32":
        return False
    return bool(status.st_reparse_tag == stat.IO_REPARSE_TAG_MOUNT_POINT)


def _sayable(name: str) -> str:
    """Names that no system but the one they come from could write are refused now and not at the restore."""
    problem = ""
    if "\\" in name or ":" in name:
        problem = "has a character that not every system can write"
    try:
        name.encode()
    except UnicodeEncodeError:
        problem = "is not written in UTF-8"
    if problem:
        shown = name.encode("utf-8", "backslashreplace").decode()
        raise SnapshotFailed(
            f"the name {shown!r} {problem}: rename it, or leave it out with ?exclude=PATTERN in the source",
            code="backup.source_wrong",
            retriable=False,
        )
    return name


class Tally:
    """Counts entries into facts: the same for a source and for what was restored of it. A file that stands alone gets
    its name and its times from whoever restores it."""

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self._counts = dict.fromkeys(Kind, 0)
        self._bytes = 0
        self._newest = 0
        self._digest = hashlib.sha256()

    def add(self, entry: Entry, size: int) -> None:
        """Times count in whole seconds: not every file system keeps more. A folder's own time changes with whatever
        is made in it meanwhile."""
        self._counts[entry.kind] += 1
        self._bytes += size
        name, second = "" if self._alone else entry.name, 0
        if entry.kind is Kind.FILE and not self._alone:
            second = entry.status.st_mtime_ns // 1_000_000_000
            self._newest = max(self._newest, second)
        self._digest.update(repr((name, entry.kind.value, size, second, entry.target)).encode())

    def facts(self) -> dict[str, Scalar]:
        return {
            "files": self._counts[Kind.FILE],
            "folders": self._counts[Kind.FOLDER],
            "links": self._counts[Kind.LINK],
            "bytes": self._bytes,
            "newest": self._newest,
            "tree": self._digest.hexdigest()[:32],
        }

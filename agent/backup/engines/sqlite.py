"""SQLite databases: a copy of one moment while the owner keeps writing. Reads only; never changes the source.

The file is copied as it lies, by the kernel where it can, while a read transaction stands. With a rollback journal that
keeps writers out, for as long as a plain copy takes. In WAL mode nobody waits: what a checkpoint moves meanwhile still
stands in the log, which is copied last and cannot be begun anew; SQLite then takes it into the copy, and finds out by
its checksums where the last whole commit ends. (https://www.sqlite.org/wal.html, https://www.sqlite.org/fileformat.html
section 4, https://www.sqlite.org/isolation.html)"""

import io
import os
import sqlite3
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.backup.engines import Cut, Evidence, Facts, NoPause, Pace, Snapshot, file_part
from agent.backup.engines.sqlite_facts import read_facts
from protocols.errors import IntegrityError, SnapshotFailed

MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
STEP_BYTES = 2 << 20
LOG_TRIES = 3
_WAL = 2
_LOG_HEAD_BYTES = 32
"""Of a log: among other things the salts, which are others when it is begun anew."""
_ONCE_THROUGH = "PRAGMA cache_size=-256"
"""For who reads each page once: the two megabytes of SQLite's own would only be there."""


@dataclass(frozen=True, slots=True)
class SqliteEngine:
    name: str = "sqlite"
    evidence: Evidence = Evidence.REAL
    wait_s: float = 10.0
    """How long to wait for a lock that the owner holds."""

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:
        live, copied = Path(source), staging / "database"
        mode = self._copied(live, copied, pace)
        part = file_part(live.name, copied, Cut.PAGES, page_bytes=_page_bytes(copied))
        # counted while it is stored: SQLite counts without holding up the interpreter
        with ThreadPoolExecutor(1, "facts") as pool:
            facts = pool.submit(self._facts, live, copied)
            yield Snapshot((part,), facts.result, mode, part.size_bytes)

    def verify(self, restored: Path, scratch: Path) -> Facts:  # noqa: ARG002 - other engines need room
        if restored.stat().st_size == 0:
            return {"empty": True}
        try:
            with closing(_open_alone(restored)) as database:
                problems = [str(row[0]) for row in database.execute("PRAGMA integrity_check(5)")]
                if problems != ["ok"]:
                    raise IntegrityError(f"SQLite finds the database damaged: {'; '.join(problems)}")
                facts = read_facts(database)
        except sqlite3.Error as e:
            raise IntegrityError(f"SQLite cannot read the restored database: {e}") from e
        if restored.stat().st_size % int(facts["page_size"] or 1):
            # SQLite takes what is missing of the last page for zeros, and finds nothing wrong with it
            raise IntegrityError("the last page of the database is cut off")
        return facts

    def _copied(self, source: Path, target: Path, pace: Pace) -> str:
        head = _head(source)
        if not head:
            target.touch()
            return "empty"
        in_wal_mode = head[18] == _WAL
        if not in_wal_mode:
            pace.between(0, 1)  # afterwards nobody may wait any more: the till does
        # Opened before and closed after the transaction: POSIX drops all locks of a process on a file as soon as it
        # closes any handle on that file.
        with _opened(source) as file, self._pinned(source):
            if file.read(HEADER_BYTES)[18] != head[18]:
                raise SnapshotFailed(
                    f"{source} has just been given another kind of journal; tried later",
                    code="backup.source_locked",
                )
            file.seek(0)
            _copy(file, target, pace if in_wal_mode else NoPause())
            if in_wal_mode:
                _copy_log(source, _log_of(target))
        if in_wal_mode:
            _take_in_log(target)
        return "wal" if in_wal_mode else "journal"

    def _facts(self, source: Path, copied: Path) -> Facts:
        if copied.stat().st_size == 0:
            return {"empty": True}
        try:
            with closing(_open_alone(copied)) as database:
                database.execute(_ONCE_THROUGH)
                return read_facts(database)
        except sqlite3.Error as e:
            raise _refusal(source, e) from e

    @contextmanager
    def _pinned(self, source: Path) -> Iterator[sqlite3.Connection]:
        """A connection inside a read transaction that has begun: BEGIN alone would not yet choose the
        moment."""
        try:
            # mode=ro: a typing error in a path must not create a database, and nothing of ours may ever write
            # here
            with closing(
                sqlite3.connect(_uri(source, "ro"), uri=True, isolation_level=None, timeout=self.wait_s)
            ) as database:
                database.execute(_ONCE_THROUGH)
                database.execute("BEGIN")
                database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                yield database
        except sqlite3.Error as e:
            raise _refusal(source, e) from e


def _copy(file: io.FileIO, target: Path, pace: Pace) -> None:
    """Up to where the file ends now; a checkpoint may make it shorter meanwhile."""
    total, done = os.fstat(file.fileno()).st_size, 0
    with target.open("wb", buffering=0) as copy:
        while done < total and (count := _copy_some(file, copy, min(STEP_BYTES, total - done))):
            done += count
            if done < total:
                pace.between(done, total)


def _copy_some(file: io.FileIO, to: io.FileIO, most: int) -> int:
    """How many of the next `most` bytes; 0 at the end."""
    if sys.platform == "linux":
        try:
            if count := os.copy_file_range(file.fileno(), to.fileno(), most):
                return count
        except OSError:
            pass  # not between these file systems; what is wrong with a file itself comes again
    data = file.read(min(most, STEP_BYTES // 8))
    view = memoryview(data)
    while view:
        view = view[to.write(view) :]
    return len(data)


def _copy_log(source: Path, target: Path) -> None:
    """Where nothing of the log is needed any more, the till may begin it anew while it is copied: then the file holds
    all that stood there, and the new log is what belongs to it."""
    log = _log_of(source)
    if not log.exists():
        return
    for _ in range(LOG_TRIES):
        with _opened(log) as file:
            head = file.read(_LOG_HEAD_BYTES)
            file.seek(0)
            _copy(file, target, NoPause())
            file.seek(0)
            if file.read(_LOG_HEAD_BYTES) == head:
                return
    raise SnapshotFailed("the log changes faster than it can be copied", code="backup.snapshot_restarts")


def _take_in_log(target: Path) -> None:
    if not _log_of(target).exists():
        return
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            copy.execute("PRAGMA synchronous=OFF")  # the copy is thrown away with the run
            copy.execute(_ONCE_THROUGH)
            copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as e:
        raise _refusal(target, e) from e


def _page_bytes(database: Path) -> int:
    """As its header says, where 1 stands for 65536; of an empty one it does not matter."""
    size = int.from_bytes(_head(database)[16:18], "big")
    return 65536 if size == 1 else size or 4096


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def _opened(path: Path) -> io.FileIO:
    """SnapshotFailed, its code telling why, where it cannot be."""
    try:
        return path.open("rb", buffering=0)
    except FileNotFoundError as e:
        raise SnapshotFailed(f"{path} is not there", code="backup.source_missing", retriable=False) from e
    except OSError as e:
        raise SnapshotFailed(
            f"{path} cannot be read: {e.strerror}", code="backup.source_denied", retriable=False
        ) from e


def _head(source: Path) -> bytes:
    with _opened(source) as file:
        head = file.read(HEADER_BYTES)
    if head and (len(head) < HEADER_BYTES or not head.startswith(MAGIC)):
        raise SnapshotFailed(
            f"{source} is not a SQLite database", code="backup.source_wrong", retriable=False
        )
    return head


def _open_alone(path: Path) -> sqlite3.Connection:
    """For files of our own that nobody else opens: `immutable` leaves no -wal or -shm file beside them."""
    return sqlite3.connect(_uri(path, "ro") + "&immutable=1", uri=True, isolation_level=None)


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


def _refusal(source: Path, error: sqlite3.Error) -> SnapshotFailed:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return SnapshotFailed(
            f"{source} stayed locked by its program; tried later", code="backup.source_locked"
        )
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return SnapshotFailed(
            f"{source} is not a sound SQLite database: {error}", code="backup.source_wrong", retriable=False
        )
    if code == sqlite3.SQLITE_READONLY:
        return SnapshotFailed(
            f"{source} waits to be repaired by its own program after a crash; start that program first",
            code="backup.source_hot",
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return SnapshotFailed(
            f"no room or a disk error while copying {source}: {error}", code="backup.staging"
        )
    return SnapshotFailed(f"{source} cannot be copied: {error}")

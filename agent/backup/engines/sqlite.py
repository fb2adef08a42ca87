"""SQLite databases: a copy of one moment while the owner keeps writing. Reads only; never changes the source.

In WAL mode a read transaction is pinned first, then the copy goes in steps: nobody waits, only the WAL grows.
With a rollback journal a reader keeps writers out, so the copy is one step without pauses and the facts are
counted on the copy. (https://www.sqlite.org/backup.html, https://www.sqlite.org/isolation.html)"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.backup.engines import Cut, Evidence, Facts, Pace, Snapshot, file_part
from agent.backup.engines.sqlite_facts import read_facts
from protocols.errors import IntegrityError, SnapshotFailed

MAGIC = b"SQLite format 3\0"
HEADER_BYTES = 100
STEP_PAGES = 512
RESTARTS = 3
_ROLLBACK_JOURNAL, _WAL = 1, 2
_ONCE_THROUGH = "PRAGMA cache_size=-256"
"""For who reads each page once: the two megabytes of SQLite's own would only be there."""
_REWRITTEN = ((24, 28), (40, 44), (92, 100))
"""Header fields that the copy routine sets anew: change counter, schema cookie, version-valid-for and library
version (https://www.sqlite.org/fileformat.html section 1.3)."""


@dataclass(frozen=True, slots=True)
class SqliteEngine:
    name: str = "sqlite"
    evidence: Evidence = Evidence.REAL
    wait_s: float = 10.0
    """How long to wait for a lock that the owner holds."""

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:
        made, mode, facts = self._copied(Path(source), staging / "database", pace)
        page = int(facts.get("page_size") or 4096)
        part = file_part(Path(source).name, made, Cut.PAGES, page_bytes=page)
        yield Snapshot((part,), lambda: facts, mode, part.size_bytes)

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

    def _copied(self, source: Path, target: Path, pace: Pace) -> tuple[Path, str, Facts]:
        head = _head(source)
        if not head:
            target.touch()
            return target, "empty", {"empty": True}
        if head[18] == _WAL:
            return target, "wal", self._stepwise(source, target, pace)
        # afterwards nobody may wait any more: the till does
        pace.between(0, 1)
        self._at_once(source, target)
        return target, "journal", self._facts(target)

    def _stepwise(self, source: Path, target: Path, pace: Pace) -> Facts:
        with self._pinned(source) as database:
            _copy(database, target, STEP_PAGES, pace)
            facts = read_facts(database)
            _restore_header(source, target, keep_counters=_wal_bytes(source) > 0)
            return facts

    def _at_once(self, source: Path, target: Path) -> None:
        with self._pinned(source) as database:
            _copy(database, target, -1, None)
            _restore_header(source, target, keep_counters=False)

    def _facts(self, target: Path) -> Facts:
        with closing(_open_alone(target)) as database:
            database.execute(_ONCE_THROUGH)
            return read_facts(database)

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


def _copy(database: sqlite3.Connection, target: Path, pages: int, pace: Pace | None) -> None:
    least, restarts = 1 << 62, 0
    page_bytes = int(database.execute("PRAGMA page_size").fetchone()[0])

    def step(_status: int, remaining: int, total: int) -> None:
        nonlocal least, restarts
        if remaining >= least:
            restarts += 1
            if restarts > RESTARTS:
                raise SnapshotFailed(
                    "the database changes faster than it can be copied", code="backup.snapshot_restarts"
                )
        least = remaining
        if pace is not None and remaining:
            pace.between((total - remaining) * page_bytes, total * page_bytes)

    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        # the copy is thrown away with the run: neither a journal nor a flush would serve anybody
        copy.execute("PRAGMA journal_mode=OFF")
        copy.execute("PRAGMA synchronous=OFF")
        copy.execute(_ONCE_THROUGH)
        database.backup(copy, pages=pages, progress=step, sleep=0.05)


def _restore_header(source: Path, target: Path, *, keep_counters: bool) -> None:
    """Give the copy the counters of its source, so that it is the same file byte for byte. With content in
    the WAL the main file's header may be of another moment: then the copy keeps its own, which are as valid.
    To be called last in a transaction: POSIX drops all locks of a process on a file as soon as it closes any
    handle on that file."""
    if keep_counters:
        return
    original = _head(source)
    with target.open("r+b") as copy:
        for begin, end in _REWRITTEN:
            copy.seek(begin)
            copy.write(original[begin:end])


def _head(source: Path) -> bytes:
    try:
        with source.open("rb") as file:
            head = file.read(HEADER_BYTES)
    except FileNotFoundError as e:
        raise SnapshotFailed(f"{source} is not there", code="backup.source_missing", retriable=False) from e
    except OSError as e:
        raise SnapshotFailed(
            f"{source} cannot be read: {e.strerror}", code="backup.source_denied", retriable=False
        ) from e
    if head and (len(head) < HEADER_BYTES or not head.startswith(MAGIC)):
        raise SnapshotFailed(
            f"{source} is not a SQLite database", code="backup.source_wrong", retriable=False
        )
    return head


def _wal_bytes(source: Path) -> int:
    wal = source.with_name(f"{source.name}-wal")
    return wal.stat().st_size if wal.exists() else 0


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

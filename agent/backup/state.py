"""What a till remembers of its own snapshots, and the lock that keeps two runs of one source apart. Losing it
costs nothing but a look into the repository."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from protocols.errors import SnapshotFailed


@dataclass(frozen=True, slots=True)
class Last:
    """The newest snapshot that is known to be stored."""

    sequence: int
    digest: str


class Chain:
    """Open only inside `locked`."""

    def __init__(self, database: sqlite3.Connection, repository: str, terminal: str, source: str) -> None:
        self._database = database
        self._key = (repository, terminal, source)

    def last(self) -> Last | None:
        row = self._database.execute(
            "SELECT sequence, digest FROM last WHERE repository = ? AND terminal = ? AND source = ?",
            self._key,
        ).fetchone()
        return Last(int(row[0]), str(row[1])) if row else None

    def advance(self, last: Last) -> None:
        self._database.execute(
            "INSERT INTO last VALUES (?, ?, ?, ?, ?) ON CONFLICT (repository, terminal, source)"
            " DO UPDATE SET sequence = excluded.sequence, digest = excluded.digest",
            (*self._key, last.sequence, last.digest),
        )


@contextmanager
def locked(state: Path, repository: str, terminal: str, source: str) -> Iterator[Chain]:
    """One run per source at a time: the lock is the write lock of the source's own small database, so that
    the system frees it however the process ends. What `advance` wrote counts only if the block ends well."""
    state.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(state / f"{source}.db", isolation_level=None, timeout=0.2)) as database:
        try:
            database.execute("PRAGMA synchronous=FULL")
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as e:
            raise SnapshotFailed(f"another backup of {source} is still running", code="backup.running") from e
        database.execute(
            "CREATE TABLE IF NOT EXISTS last (repository TEXT, terminal TEXT, source TEXT, sequence INTEGER,"
            " digest TEXT, PRIMARY KEY (repository, terminal, source))"
        )
        yield Chain(database, repository, terminal, source)
        database.execute("COMMIT")


def recall(state: Path, repository: str, terminal: str, source: str) -> Last | None:
    """What `locked` last kept, without the lock; None where nothing is remembered or a run is just going
    on."""
    file = state / f"{source}.db"
    if not file.exists():
        return None
    try:
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2)
        ) as database:
            return Chain(database, repository, terminal, source).last()
    except sqlite3.OperationalError:
        return None

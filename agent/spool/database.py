"""The SQLite file under the spool: opened for durability, checked, and set aside when it is damaged. It
knows nothing of messages."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from protocols.errors import PlombaError

BUSY_S = 30.0
"""How long one process waits for another that writes (a backup that reports its end)."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lane (
  name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, last_seq INTEGER NOT NULL, complete_to INTEGER NOT NULL,
  chain BLOB NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, kept_rows INTEGER NOT NULL,
  kept_bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ordered (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, at TEXT NOT NULL, chain BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS loose (
  epoch INTEGER NOT NULL, seq INTEGER NOT NULL, class INTEGER NOT NULL, kind TEXT NOT NULL, at TEXT NOT NULL,
  stored INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (epoch, seq)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS loose_waiting ON loose (class, epoch, seq) WHERE stored = 0;
CREATE TABLE IF NOT EXISTS quarantine (
  lane TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, problem TEXT NOT NULL,
  set_aside_at TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (lane, epoch, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_VERSION = 2
"""Of the schema; a file of another one is set aside like a damaged one."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SIDES = ("", "-wal", "-shm")
_MARK = ".damaged-"


class SpoolError(PlombaError):
    """The spool could not do it; nothing of the failed call is stored."""

    code = "spool.error"
    retriable = True


class SpoolFull(SpoolError):
    """The disk has no room for it."""

    code = "spool.full"


class SpoolDamaged(SpoolError):
    """The file is no longer a sound database. Opening a new Spool on the path sets it aside."""

    code = "spool.damaged"
    retriable = False


@contextmanager
def translated() -> Iterator[None]:
    """What SQLite says, as an error of ours."""
    try:
        yield
    except sqlite3.Error as e:
        primary = getattr(e, "sqlite_errorcode", 0) & 0xFF
        if primary in _DAMAGED:
            raise SpoolDamaged(f"the spool is damaged: {e}") from e
        if primary == sqlite3.SQLITE_FULL:
            raise SpoolFull("the disk is full: nothing more can be kept for the collector") from e
        raise SpoolError(f"the spool did not answer: {e}") from e


def connect(path: Path, *, check: bool = True) -> sqlite3.Connection:
    """Open or create the file. SpoolDamaged when what is there is not a sound spool; the file is left as it
    is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with translated():
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, check=check)
        except BaseException:
            db.close()
            raise
    if new:
        path.chmod(0o600)
        _sync_folder(path.parent)
    return db


def _prepare(db: sqlite3.Connection, *, check: bool) -> None:
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA cache_size=-512")
    db.execute("PRAGMA wal_autocheckpoint=400")
    _check_version(db)
    db.executescript(_SCHEMA)
    if check and db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise SpoolDamaged("the spool does not pass its own check")


def _check_version(db: sqlite3.Connection) -> None:
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found == _VERSION:
        return
    if found or db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise SpoolDamaged(f"the spool is of version {found}, and this agent writes version {_VERSION}")
    db.execute(f"PRAGMA user_version={_VERSION}")


def set_aside(path: Path, mark: int) -> Path:
    """Rename a damaged file with its side files, so that a new one can begin. `mark` is the epoch of the new
    one."""
    for side in _SIDES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + side).replace(path.with_name(f"{path.name}{_MARK}{mark}{side}"))
    _sync_folder(path.parent)
    return path.with_name(f"{path.name}{_MARK}{mark}")


def last_mark(path: Path) -> int:
    """The newest epoch that a set-aside neighbour of the file was replaced by; 0 where there is none. A
    clock that starts in 1970 after every power cut must not give the same epoch twice."""
    marks = (p.name.rpartition(_MARK)[2] for p in path.parent.glob(f"{path.name}{_MARK}*"))
    return max((int(mark) for mark in marks if mark.isdigit()), default=0)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

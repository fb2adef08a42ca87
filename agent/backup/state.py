"""What a till remembers of its last snapshot of one source in one repository: keyed hashes of pages and chunks and
where their bytes lie, no content and no data key. Losing it costs one full backup, nothing else.

What the repository has acknowledged is remembered at once, not only when the snapshot is stored: a run that broke off
leaves it, and the next one does not send it again."""

import hashlib
import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import blake3

from protocols.errors import SnapshotFailed
from protocols.wire.snapshot import PackRef

HASH_BYTES = 16
CHECK_BYTES = 8
_PIECE = struct.Struct(">IIHB")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pack (id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT UNIQUE, size INTEGER, plain INTEGER,
 live INTEGER DEFAULT 0, bases TEXT, named INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS page_group (file TEXT, number INTEGER, record BLOB, UNIQUE (file, number));
CREATE TABLE IF NOT EXISTS chunk (hash BLOB PRIMARY KEY, pack INTEGER, position INTEGER, length INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file (name TEXT PRIMARY KEY, stamp TEXT, blake3 TEXT, size INTEGER, runs BLOB)
 WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (digest TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Last:
    """The newest snapshot that is known to be stored."""

    sequence: int
    digest: str


@dataclass(frozen=True, slots=True)
class Piece:
    """`pages` pages at a place of a pack (by the number that this state gives it; HOLE for zeros). `depth`: on how many
    other frames theirs stands."""

    pack: int
    position: int
    pages: int
    depth: int = 0


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """Of one group of pages: its hash, those of its pages one after another, and where they lie, in order."""

    hash: bytes
    pages: bytes
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class KnownPack:
    id: int
    ref: PackRef
    plain: int
    live: int
    bases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KnownFile:
    stamp: str
    blake3: str
    size: int
    runs: bytes
    """As `Runs.encode` with this state's pack numbers."""


class State:
    """Open only inside `locked`. For one thread."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.executescript(_SCHEMA)
        key = self.recall("key")
        if key is None:
            key = os.urandom(32).hex()
            self.remember("key", key)
        self._key = bytes.fromhex(key)

    def hash(self, data: bytes | bytearray | memoryview) -> bytes:
        """Keyed, so that nobody can make two contents of one hash."""
        return blake3.blake3(data, key=self._key).digest(HASH_BYTES)

    def page_hashes(self, group: memoryview, page_bytes: int) -> list[bytes]:
        """As `hash` of each page."""
        begun = blake3.blake3(key=self._key).copy  # a copy costs less than the key does
        begins = range(0, len(group), page_bytes)
        return [begun().update(group[at : at + page_bytes]).digest(HASH_BYTES) for at in begins]

    def last(self) -> Last | None:
        sequence, digest = self.recall("sequence"), self.recall("digest")
        return Last(int(sequence), digest) if sequence and digest else None

    def recall(self, name: str) -> str | None:
        row = self._database.execute("SELECT value FROM memory WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def remember(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", (name, value))

    def forget(self) -> None:
        """All that an increment would stand on. The count of the chain stays."""
        with self.at_once():
            for table in ("pack", "page_group", "chunk", "file", "seen"):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - names from above

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """All of it or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def seen(self) -> set[str]:
        return {str(row[0]) for row in self._database.execute("SELECT digest FROM seen")}

    def see(self, digests: Iterable[str]) -> None:
        self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?)", [(one,) for one in digests])

    # packs

    def packs(self) -> dict[int, KnownPack]:
        rows = self._database.execute("SELECT id, digest, size, plain, live, bases FROM pack")
        return {
            row[0]: KnownPack(
                row[0],
                PackRef(digest=row[1], size=row[2]),
                row[3],
                row[4],
                tuple(map(int, row[5].split())),
            )
            for row in rows
        }

    def add_pack(self, ref: PackRef, plain: int, bases: Sequence[int]) -> int:
        """Its number. Only for a pack that the repository has acknowledged."""
        done = self._database.execute(
            "INSERT INTO pack (digest, size, plain, bases) VALUES (?, ?, ?, ?)",
            (ref.digest, ref.size, plain, " ".join(map(str, bases))),
        )
        assert done.lastrowid  # noqa: S101 - an INSERT has one
        return done.lastrowid

    # pages

    def group(self, file: str, number: int) -> GroupRecord | None:
        """None also where a row is damaged."""
        row = self._database.execute(
            "SELECT record FROM page_group WHERE file = ? AND number = ?", (file, number)
        ).fetchone()
        return self._decode(file, number, row[0]) if row else None

    def keep_group(self, file: str, number: int, record: GroupRecord) -> None:
        self._database.execute(
            "INSERT INTO page_group VALUES (?, ?, ?)"
            " ON CONFLICT (file, number) DO UPDATE SET record = excluded.record",
            (file, number, self._encode(file, number, record)),
        )

    def _encode(self, file: str, number: int, record: GroupRecord) -> bytes:
        pieces = b"".join(_PIECE.pack(one.pack, one.position, one.pages, one.depth) for one in record.pieces)
        text = struct.pack(">H", len(record.pages) // HASH_BYTES) + record.hash + record.pages + pieces
        return text + self._check(file, number, text)

    def _decode(self, file: str, number: int, data: bytes) -> GroupRecord | None:
        text, check = data[:-CHECK_BYTES], data[-CHECK_BYTES:]
        if self._check(file, number, text) != check:
            return None
        (count,) = struct.unpack_from(">H", text)
        begin = 2 + HASH_BYTES
        end = begin + HASH_BYTES * count
        pieces = tuple(Piece(*one) for one in _PIECE.iter_unpack(text[end:]))
        return GroupRecord(text[2:begin], text[begin:end], pieces)

    def _check(self, file: str, number: int, text: bytes) -> bytes:
        whole = b"%b\0%d\0" % (file.encode(), number) + text
        return blake3.blake3(whole, key=self._key).digest(length=CHECK_BYTES)

    # chunks

    def chunk(self, digest: bytes) -> tuple[int, int, int] | None:
        """Pack, position and length."""
        row = self._database.execute(
            "SELECT pack, position, length FROM chunk WHERE hash = ?", (digest,)
        ).fetchone()
        return (row[0], row[1], row[2]) if row else None

    def keep_chunk(self, digest: bytes, pack: int, position: int, length: int) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?)", (digest, pack, position, length)
        )

    # whole files

    def file(self, name: str) -> KnownFile | None:
        row = self._database.execute(
            "SELECT stamp, blake3, size, runs FROM file WHERE name = ?", (name,)
        ).fetchone()
        return KnownFile(*row) if row else None

    def settle(
        self, last: Last, files: dict[str, KnownFile], groups: dict[str, int], live: dict[int, int]
    ) -> None:
        """The snapshot is stored. `groups`: how many each paged file has; `live`: the
        bytes of each pack that the snapshot uses, 0 for one that only others stand on."""
        with self.at_once():
            run = self._database.execute
            for (name,) in run("SELECT DISTINCT file FROM page_group").fetchall():
                run("DELETE FROM page_group WHERE file = ? AND number >= ?", (name, groups.get(name, 0)))
            run("DELETE FROM file")
            self._database.executemany(
                "INSERT INTO file VALUES (?, ?, ?, ?, ?)",
                [(name, one.stamp, one.blake3, one.size, one.runs) for name, one in files.items()],
            )
            run("UPDATE pack SET live = 0, named = 0")
            self._database.executemany(
                "UPDATE pack SET live = ?, named = 1 WHERE id = ?",
                [(used, number) for number, used in live.items()],
            )
            run("DELETE FROM pack WHERE named = 0")
            run("DELETE FROM chunk WHERE pack NOT IN (SELECT id FROM pack)")
            self.remember("sequence", str(last.sequence))
            self.remember("digest", last.digest)
            self.see([last.digest])


@contextmanager
def locked(state: Path, repository: str, terminal: str, source: str) -> Iterator[State]:
    """One run per source at a time: the lock is the write lock of a small database beside, so that the system frees it
    however the process ends."""
    state.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(state / f"{source}.lock", isolation_level=None, timeout=0.2)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as e:
            raise SnapshotFailed(f"another backup of {source} is still running", code="backup.running") from e
        with closing(_open(_file(state, repository, terminal, source))) as database:
            yield State(database)


def recall(state: Path, repository: str, terminal: str, source: str) -> Last | None:
    """What the last finished run kept, without the lock; None where nothing is remembered."""
    file = _file(state, repository, terminal, source)
    if not file.exists():
        return None
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as database:
        try:
            rows = dict(
                database.execute("SELECT name, value FROM memory WHERE name IN ('sequence', 'digest')")
            )
        except sqlite3.DatabaseError:
            return None
    return Last(int(rows["sequence"]), rows["digest"]) if len(rows) == 2 else None


def _file(state: Path, repository: str, terminal: str, source: str) -> Path:
    place = hashlib.sha256(f"{repository}\0{terminal}".encode()).hexdigest()[:8]
    return state / f"{source}.{place}.db"


def _open(path: Path) -> sqlite3.Connection:
    """A damaged memory is thrown away: the next backup is a full one."""
    try:
        return _prepared(path)
    except sqlite3.DatabaseError as e:
        if isinstance(e, sqlite3.OperationalError):
            raise SnapshotFailed(
                f"the memory of earlier backups cannot be used: {e}", code="backup.staging"
            ) from e
        for beside in path.parent.glob(f"{path.name}*"):
            beside.unlink()
        return _prepared(path)


def _prepared(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        database.execute("PRAGMA page_size=8192")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("PRAGMA cache_size=-1024")
        database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        database.close()
        raise
    return database

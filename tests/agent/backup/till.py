"""A till without its devices: a database, a state folder, a folder repository and a recovery key."""

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.backup.catalogue import Found, Wanted, choose
from agent.backup.drill import DrillResult, drill
from agent.backup.engines import Engine, NoPause, engine
from agent.backup.key import DataKey, RecoveryPublic, RecoverySecret
from agent.backup.pack import BUFFER_BYTES, RAW, Extent, PackBuilder
from agent.backup.progress import Silent
from agent.backup.repository import Repository
from agent.backup.repository.local import LocalRepository
from agent.backup.restore import Restored, restore
from agent.backup.run import Done, Job, Signer, backup
from agent.runtime.clock import SystemClock
from protocols.wire.snapshot import object_name

SECRET = RecoverySecret(bytes(range(32)))
OTHER_SECRET = RecoverySecret(bytes(range(1, 33)))
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
TERMINAL = "till-1"


@dataclass
class Till:
    root: Path
    terminal: str = TERMINAL
    key: Ed25519PrivateKey = KEY
    recipients: Sequence[RecoveryPublic] = field(default_factory=lambda: [SECRET.public])

    @property
    def database(self) -> Path:
        return self.root / "pos.db"

    @property
    def folder(self) -> Path:
        return self.root / "repository"

    @property
    def repository(self) -> LocalRepository:
        return LocalRepository(self.folder)

    def make_database(
        self, rows: int = 200, *, page: int = 4096, journal: str = "wal", noise: int = 100
    ) -> None:
        """`noise` random bytes in each row keep the file from being compressed away."""
        with sqlite3.connect(self.database) as database:
            database.execute(f"PRAGMA page_size={page}")
            database.execute(f"PRAGMA journal_mode={journal}")
            database.execute("CREATE TABLE receipts (id INTEGER PRIMARY KEY, total INTEGER, document BLOB)")
        database.close()
        self.add(rows, noise=noise)

    def add(self, rows: int, *, noise: int = 100) -> None:
        with sqlite3.connect(self.database) as database:
            values = ((i * 7, os.urandom(noise)) for i in range(rows))
            database.executemany("INSERT INTO receipts (total, document) VALUES (?, ?)", values)
        database.close()

    def backup(
        self,
        repository: Repository | None = None,
        name: str = "pos",
        *,
        by: Engine | None = None,
        delta: bool = False,
    ) -> Done:
        self.folder.mkdir(exist_ok=True)
        source = str(self.database)
        job = Job(name, by or engine("sqlite"), source, self.recipients, self.root / "state", delta)
        signer = Signer(self.terminal, self.key)
        to = repository or self.repository
        return backup(job, to, signer, SystemClock(), pace=NoPause(), progress=Silent())

    def find(self, wanted: Wanted | None = None, repository: Repository | None = None) -> Found:
        return choose(repository or self.repository, wanted or Wanted())

    def restore(
        self,
        to: Path,
        wanted: Wanted | None = None,
        *,
        secret: RecoverySecret = SECRET,
        repository: Repository | None = None,
        force: bool = False,
    ) -> Restored:
        source = repository or self.repository
        return restore(self.find(wanted, source), source, secret, to, progress=Silent(), force=force)

    def drill(self, repository: Repository | None = None) -> DrillResult:
        source, scratch = repository or self.repository, self.root / "scratch"
        return drill(self.find(None, source), source, SECRET, scratch, clock=SystemClock(), progress=Silent())

    def objects(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


def content(path: Path) -> list[tuple[object, ...]]:
    database = sqlite3.connect(path)
    try:
        return database.execute("SELECT * FROM receipts ORDER BY id").fetchall()
    finally:
        database.close()


def small_pack(key: DataKey, *pieces: bytes) -> tuple[str, bytes]:
    """A true pack of uncompressed frames, by its name."""
    builder = PackBuilder(key, 0, 0, bytearray(BUFFER_BYTES))
    offset = 0
    for piece in pieces:
        builder.add(RAW, piece, (Extent(0, offset, len(piece)),))
        offset += len(piece)
    data = bytes(builder.finish())
    return object_name("packs", data), data

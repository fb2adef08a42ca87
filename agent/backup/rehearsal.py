"""Whether a recovery key still opens what it was made for: every snapshot of a repository is opened with it, and of
each source one piece of data. Restores nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from agent.backup.catalogue import Found, load
from agent.backup.depot import Depot
from agent.backup.key import KeyRing, RecoverySecret
from agent.backup.repository import Repository
from agent.backup.restore import open_snapshot
from protocols.errors import BackupError
from protocols.wire.snapshot import SNAPSHOTS

_PIECE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Tried:
    """One snapshot. `error` is "" where the key opens it."""

    terminal: str
    source: str
    snapshot: str
    finished_at: datetime | None
    code: str = ""
    error: str = ""


def rehearse(repository: Repository, secret: RecoverySecret) -> Iterator[Tried]:
    """Oldest first, in the order of the terminals' own times."""
    loaded = [_loaded(repository, info.name) for info in repository.list(SNAPSHOTS)]
    found = [one for one in loaded if isinstance(one, Found)]
    yield from (one for one in loaded if isinstance(one, Tried))
    keys = KeyRing(secret)
    touched: set[tuple[str, str]] = set()
    for one in sorted(found, key=lambda one: one.header.finished_at):
        source = one.header.terminal, one.header.source
        yield _tried(repository, keys, one, deep=source not in touched)
        touched.add(source)


def _loaded(repository: Repository, name: str) -> Found | Tried:
    try:
        return load(repository, name)
    except BackupError as e:
        return Tried("", "", name.partition("/")[2], None, e.code, str(e))


def _tried(repository: Repository, keys: KeyRing, found: Found, *, deep: bool) -> Tried:
    header = found.header
    code = error = ""
    try:
        manifest = open_snapshot(found, keys)
        run = next((run for runs in manifest.runs for run in runs if run.pack), None)
        if deep and run:
            depot = Depot(repository, keys, header.terminal)
            pieces = depot.read(header.packs[run.pack - 1], run.position, min(run.length, _PIECE_BYTES))
            sum(len(piece) for piece in pieces)
    except BackupError as e:
        code, error = e.code, str(e)
    return Tried(header.terminal, header.source, found.digest, header.finished_at, code, error)

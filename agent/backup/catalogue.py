"""Which snapshots a repository holds, and which one a person means. Opens no body and needs no key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.backup.repository import Repository
from agent.backup.state import Last
from protocols.errors import BackupError, IntegrityError
from protocols.wire.snapshot import SNAPSHOTS, Header, SnapshotObject, check_digest, parse


@dataclass(frozen=True, slots=True)
class Wanted:
    """None means: there is no doubt, or else say so. `snapshot` is the digest, or its beginning."""

    at: datetime | None = None
    source: str | None = None
    terminal: str | None = None
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    digest: str
    snapshot: SnapshotObject

    @property
    def header(self) -> Header:
        return self.snapshot.header


def load(repository: Repository, name: str) -> Found:
    """IntegrityError unless the object is the one that its name stands for, signed and whole."""
    data = repository.get(name)
    check_digest(name, data)
    return Found(name.partition("/")[2], parse(data))


@dataclass(frozen=True, slots=True)
class Head:
    """What a repository holds beside what a till has seen. `newest` is the newest of the unseen ones that are of this
    terminal and source."""

    names: frozenset[str]
    unseen: frozenset[str]
    newest: Last | None


def head_of(repository: Repository, terminal: str, source: str, seen: set[str]) -> Head:
    """Where a till goes on counting. Reads the unseen snapshots only; a damaged one counts for nothing here."""
    names = frozenset(info.name.partition("/")[2] for info in repository.list(SNAPSHOTS))
    unseen = names - seen
    mine = [
        found
        for digest in unseen
        if (found := _whole(repository, digest)) and _is_of(found, terminal, source)
    ]
    best = max(mine, key=_age, default=None)
    return Head(names, unseen, Last(best.header.sequence, best.digest) if best else None)


def _whole(repository: Repository, digest: str) -> Found | None:
    try:
        return load(repository, f"{SNAPSHOTS}/{digest}")
    except IntegrityError:
        return None


def choose(repository: Repository, wanted: Wanted) -> Found:
    """The newest snapshot that fits. A damaged one among them is an IntegrityError, because it might be the
    one that was wanted; naming a snapshot reads no other. BackupError `backup.no_snapshot`,
    `backup.ambiguous`."""
    names = [info.name for info in repository.list(SNAPSHOTS)]
    if wanted.snapshot is not None:
        return _named(repository, names, wanted.snapshot)
    fitting = [found for found in (load(repository, name) for name in names) if _fits(found.header, wanted)]
    if not fitting:
        raise BackupError(_none(wanted, len(names), repository.address), code="backup.no_snapshot")
    _one_line(fitting)
    return max(fitting, key=_age)


def _named(repository: Repository, names: Sequence[str], wanted: str) -> Found:
    fitting = [name for name in names if name.partition("/")[2].startswith(wanted)]
    if len(fitting) != 1:
        raise BackupError(f"{len(fitting)} snapshots begin with {wanted!r}", code="backup.no_snapshot")
    return load(repository, fitting[0])


def _fits(header: Header, wanted: Wanted) -> bool:
    return (
        wanted.source in (None, header.source)
        and wanted.terminal in (None, header.terminal)
        and (wanted.at is None or header.finished_at <= wanted.at)
    )


def _is_of(found: Found, terminal: str, source: str) -> bool:
    return (found.header.terminal, found.header.source) == (terminal, source)


def _age(found: Found) -> tuple[int, datetime]:
    """The chain's own count comes first: a till's clock may have been wrong."""
    return found.header.sequence, found.header.finished_at


def _one_line(fitting: Sequence[Found]) -> None:
    lines = sorted({(found.header.terminal, found.header.signer, found.header.source) for found in fitting})
    if len(lines) > 1:
        listed = "; ".join(f"--terminal {terminal} --source-name {source}" for terminal, _, source in lines)
        if len({(terminal, source) for terminal, _, source in lines}) == 1:
            raise IntegrityError(
                "snapshots of one terminal are signed by different keys: somebody else may have put"
                " them there; name the one you trust with --snapshot",
                code="backup.signers",
            )
        raise BackupError(
            f"the repository holds several sources, choose one: {listed}", code="backup.ambiguous"
        )


def _none(wanted: Wanted, total: int, address: str) -> str:
    when = f" made by {wanted.at.isoformat()}" if wanted.at else ""
    return f"no snapshot{when} fits in {address} ({total} there in all)"

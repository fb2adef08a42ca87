"""One backup from source to stored snapshot: engine, frames, packs, and the signed snapshot object last. A
run that is killed leaves at most packs that no snapshot names."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.backup.catalogue import newest
from agent.backup.engines import Engine, Facts, Pace, Part
from agent.backup.key import DataKey, RecoveryPublic, new_data_key
from agent.backup.manifest import Body, FileMap, Run, runs_of, seal_body
from agent.backup.pack import GROUP_BYTES, Compressor, PackBuilder
from agent.backup.repository import Repository
from agent.backup.state import Last, locked
from agent.clock import Clock
from protocols.errors import SnapshotFailed
from protocols.wire.snapshot import PACKS, SNAPSHOTS, Header, PackRef, encode_key, object_name, seal


class Progress(Protocol):
    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` bytes of a stage: copy, store, restore, compare."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who makes the snapshots: the enrolled terminal, or a name made from the key where there is no
    enrolment."""

    terminal: str
    key: Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Job:
    """`name` is the source's name in the repository."""

    name: str
    engine: Engine
    source: str
    recipients: Sequence[RecoveryPublic]
    state: Path


@dataclass(frozen=True, slots=True)
class Done:
    snapshot: str
    header: Header
    facts: Facts
    started_at: datetime
    duration_s: float


def backup(
    job: Job, repository: Repository, signer: Signer, clock: Clock, *, pace: Pace, progress: Progress
) -> Done:
    """Returns only when the snapshot is durable in the repository. SnapshotFailed, RepositoryUnreachable,
    RepositoryRefused; the repository then holds what it held before, besides packs that nothing names."""
    started_at, begun = clock.now(), clock.monotonic()
    with (
        locked(job.state, repository.address, signer.terminal, job.name) as chain,
        _staging(job) as staging,
    ):
        last = chain.last() or newest(repository, signer.terminal, job.name)
        key = new_data_key(signer.terminal, job.recipients)
        with job.engine.snapshot(job.source, staging, pace) as made:
            stored = _store(made.parts, key, repository, progress, made.size_bytes or 0)
            facts, mode = made.facts(), made.mode
        body = seal_body(Body(files=stored.files, facts=facts), key)
        header = Header(
            terminal=signer.terminal,
            signer=encode_key(signer.key.public_key()),
            source=job.name,
            engine=job.engine.name,
            mode=mode,
            run=key.run.hex(),
            sequence=last.sequence + 1 if last else 1,
            previous=last.digest if last else "",
            started_at=started_at,
            finished_at=clock.now(),
            source_bytes=stored.source_bytes,
            keys=key.slots,
            packs=stored.packs,
            body_digest=hashlib.sha256(body).hexdigest(),
            body_bytes=len(body),
        )
        data = seal(header, body, signer.key)
        name = object_name(SNAPSHOTS, data)
        repository.put_new(name, data)
        chain.advance(Last(header.sequence, name.partition("/")[2]))
    return Done(name.partition("/")[2], header, facts, started_at, clock.monotonic() - begun)


@dataclass(frozen=True, slots=True)
class _Stored:
    files: tuple[FileMap, ...]
    packs: tuple[PackRef, ...]
    source_bytes: int


class _Storing:
    """Turns staged files into stored packs, one after another, through one builder."""

    def __init__(self, key: DataKey, repository: Repository, progress: Progress, total: int) -> None:
        self._builder = PackBuilder(key, Compressor())
        self._repository = repository
        self._progress = progress
        self._done, self._total = 0, total
        self.packs: list[PackRef] = []
        self.runs: dict[int, list[Run]] = {}

    def file(self, number: int, part: Part) -> FileMap:
        digest, offset = blake3.blake3(), 0
        buffer = memoryview(bytearray(GROUP_BYTES))
        with part.open() as file:
            while count := file.readinto(buffer):
                group = buffer[:count]
                digest.update(group)
                self._builder.add(number, offset, group)
                offset += count
                self._flush(only_full=True)
                self._done += count
                self._progress("store", self._done, self._total)
        self._flush(only_full=False)
        runs = tuple(self.runs.get(number, ()))
        return FileMap(name=part.name, size=offset, blake3=digest.hexdigest(), runs=runs)

    def _flush(self, *, only_full: bool) -> None:
        if not self._builder.frames or (only_full and not self._builder.is_full):
            return
        for number, run in runs_of(len(self.packs), tuple(self._builder.frames)):
            self.runs.setdefault(number, []).append(run)
        data = self._builder.finish()
        name = object_name(PACKS, data)
        self._repository.put_new(name, data)
        self.packs.append(PackRef(digest=name.partition("/")[2], size=len(data)))


def _store(
    parts: Iterable[Part], key: DataKey, repository: Repository, progress: Progress, total: int
) -> _Stored:
    storing = _Storing(key, repository, progress, total)
    maps = tuple(storing.file(number, part) for number, part in enumerate(parts))
    return _Stored(maps, tuple(storing.packs), sum(one.size for one in maps))


@contextmanager
def _staging(job: Job) -> Iterator[Path]:
    """The source's own empty folder, gone afterwards. The lock is held: what is found there, a killed run
    left."""
    folder = job.state / "staging" / job.name
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
    except OSError as e:
        raise SnapshotFailed(f"no room for the copy in {folder}: {e.strerror}", code="backup.staging") from e
    try:
        yield folder
    except OSError as e:
        raise SnapshotFailed(
            f"the copy in {folder} cannot be kept: {e.strerror}", code="backup.staging"
        ) from e
    finally:
        shutil.rmtree(folder, ignore_errors=True)

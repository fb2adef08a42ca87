"""One backup from source to stored snapshot: engine, cutter, packs, and the signed snapshot object last. A run that is
killed leaves the snapshots as they were, and packs that the next run goes on with."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.backup.catalogue import head_of
from agent.backup.cutting import CutFile, Cutter, closure, packs_of
from agent.backup.engines import Engine, Facts, Kind, Pace, Part
from agent.backup.key import DataKey, RecoveryPublic, new_data_key
from agent.backup.last_copy import LastCopy
from agent.backup.letting_go import dying
from agent.backup.manifest import FileEntry, Runs, seal_body
from agent.backup.repository import Repository
from agent.backup.repository.meter import Free, Meter
from agent.backup.state import KnownFile, Last, State, locked
from agent.backup.writer import PackWriter
from agent.clock import Clock
from protocols.errors import BackupError, SnapshotFailed
from protocols.wire.snapshot import PACKS, SNAPSHOTS, VERSION, Header, encode_key, object_name, seal

PACK_MISSING = "backup.pack_missing"
_ANY_PACK = (1 << 32) - 1


class Progress(Protocol):
    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` bytes of a stage: store, restore, compare; 0 in all where nobody knows."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who makes the snapshots: the enrolled terminal, or a name made from the key where there is no
    enrolment."""

    terminal: str
    key: Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Job:
    """`name` is the source's name in the repository. `delta` keeps a copy of the last backup on the till, and sends
    only how pages differ from it."""

    name: str
    engine: Engine
    source: str
    recipients: Sequence[RecoveryPublic]
    state: Path
    delta: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    snapshot: str
    header: Header
    facts: Facts
    started_at: datetime
    duration_s: float


def backup(
    job: Job,
    repository: Repository,
    signer: Signer,
    clock: Clock,
    *,
    pace: Pace,
    progress: Progress,
    reading: Meter | None = None,
) -> Done:
    """Returns only when the snapshot is durable in the repository. SnapshotFailed, RepositoryUnreachable,
    RepositoryRefused; the repository then holds what it held before, besides packs that nothing names."""
    with locked(job.state, repository.address, signer.terminal, job.name) as state, _staging(job) as staging:
        run = _Run(job, repository, signer, clock, pace, progress, reading or Free(), state, staging)
        try:
            return run()
        except BackupError as e:
            if e.code != PACK_MISSING:
                raise
            state.forget()  # what was acknowledged is gone from the repository: nothing there can be stood on
            return run()


@dataclass(frozen=True, slots=True)
class _Run:
    job: Job
    repository: Repository
    signer: Signer
    clock: Clock
    pace: Pace
    progress: Progress
    reading: Meter
    state: State
    staging: Path

    def __call__(self) -> Done:
        started_at, begun = self.clock.now(), self.clock.monotonic()
        last = self._standing()
        key = new_data_key(self.signer.terminal, self.job.recipients)
        with self.job.engine.snapshot(self.job.source, self.staging, self.pace) as made:
            cut = self._cut(made.parts, made.size_bytes or 0, key)
            facts, mode = made.facts(), made.mode
        packs = self.state.packs()
        live = packs_of(one.runs for one in cut.files)
        named = sorted(closure(live, packs), key=lambda number: (number in cut.fresh, number))
        numbers = {number: index for index, number in enumerate(named, 1)}
        entries = [_entry(one) for one in cut.files]
        body = seal_body(entries, [one.runs.renumbered(numbers) for one in cut.files], facts, key)
        header = Header(
            terminal=self.signer.terminal,
            signer=encode_key(self.signer.key.public_key()),
            source=self.job.name,
            engine=self.job.engine.name,
            mode=mode,
            run=key.run.hex(),
            sequence=last.sequence + 1 if last else 1,
            previous=last.digest if last else "",
            started_at=started_at,
            finished_at=self.clock.now(),
            source_bytes=sum(one.size for one in cut.files),
            changed_bytes=cut.changed_bytes,
            new_packs=sum(number in cut.fresh for number in named),
            keys=key.slots,
            packs=tuple(packs[number].ref for number in named),
            body_digest=hashlib.sha256(body).hexdigest(),
            body_bytes=len(body),
        )
        data = seal(header, body, self.signer.key)
        name = object_name(SNAPSHOTS, data)
        self.repository.put_new(name, data)
        digest = name.partition("/")[2]
        self._settle(cut, Last(header.sequence, digest), {number: live.get(number, 0) for number in named})
        return Done(digest, header, facts, started_at, self.clock.monotonic() - begun)

    def _standing(self) -> Last | None:
        """The snapshot that the next one follows. What is remembered counts only where the repository agrees; else it
        is forgotten, and the next backup is a full one."""
        state, repository = self.state, self.repository
        last = state.last()
        head = head_of(repository, self.signer.terminal, self.job.name, state.seen())
        state.see(head.unseen)
        made_for = f"{VERSION} " + " ".join(sorted(one.id for one in self.job.recipients))
        ahead = head.newest is not None and (last is None or head.newest.sequence >= last.sequence)
        gone = last is not None and last.digest not in head.names
        if ahead or gone or state.recall("made_for") != made_for or not self._packs_are_there():
            state.forget()
            state.see(head.names)
            state.remember("made_for", made_for)
        return max((one for one in (last, head.newest) if one), key=lambda one: one.sequence, default=None)

    def _packs_are_there(self) -> bool:
        known = self.state.packs()
        if self.repository.checks_packs or not known:
            return True
        there = {info.name: info.size for info in self.repository.list(PACKS)}
        return all(there.get(f"{PACKS}/{one.ref.digest}") == one.ref.size for one in known.values())

    def _cut(self, parts: Iterable[Part], total: int, key: DataKey) -> "_Cut":
        known = self.state.packs()
        copies = LastCopy(self.job.state / "copies" / self.job.name) if self.job.delta else None
        seen = _Seen(self.pace, self.progress, self.reading, total)
        cutter = Cutter(self.state, set(known) - dying(known.values()), copies, seen)
        incremental = self.state.last() is not None and bool(known)
        writer = PackWriter(key, self.repository, known, cutter.acknowledged, incremental=incremental)
        cutter.writer = writer
        try:
            files = [self._part(cutter, part, number) for number, part in enumerate(parts)]
            cutter.flush()
            writer.finish()
            with self.state.at_once():
                cutter.settle()
        finally:
            writer.stop()
        if copies:
            copies.drop_others()
        return _Cut(files, writer.plain_bytes, set(self.state.packs()) - set(known))

    def _part(self, cutter: Cutter, part: Part, number: int) -> CutFile:
        if part.kind is not Kind.FILE:
            return CutFile(part, number)
        return self._unchanged(part, number, cutter.usable) or cutter.cut(part, number)

    def _unchanged(self, part: Part, number: int, usable: Set[int]) -> CutFile | None:
        known = self.state.file(part.name) if part.stamp else None
        if known is None or known.stamp != part.stamp:
            return None
        runs = Runs.decode(known.runs, _ANY_PACK) if known.runs else Runs()
        if any(run.pack not in usable for run in runs):
            return None
        return CutFile(part, number, known.size, known.blake3, runs=runs)

    def _settle(self, cut: "_Cut", last: Last, live: dict[int, int]) -> None:
        files = {
            one.part.name: KnownFile(
                one.part.stamp,
                one.blake3,
                one.size,
                one.runs.encode() if one.size and one.part.stamp else b"",
            )
            for one in cut.files
            if one.part.stamp
        }
        groups = {one.group_name: one.groups for one in cut.files if one.groups}
        self.state.settle(last, files, groups, live)


@dataclass(frozen=True, slots=True)
class _Cut:
    files: list[CutFile]
    changed_bytes: int
    fresh: set[int]


class _Seen:
    """Counts what was read, for whoever waits and for whoever must not be in the way."""

    def __init__(self, pace: Pace, progress: Progress, reading: Meter, total: int) -> None:
        self._pace, self._progress, self._reading = pace, progress, reading
        self._done, self._total = 0, total

    def __call__(self, count: int) -> None:
        self._done += count
        self._reading.spend(count)
        self._progress("store", self._done, self._total)
        self._pace.between(self._done, self._total)


def _entry(file: CutFile) -> FileEntry:
    part = file.part
    return FileEntry(name=part.name, kind=part.kind.value, size=file.size, blake3=file.blake3, meta=part.meta)


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

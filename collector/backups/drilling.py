"""Restores the newest set of each database in a sandbox of this collector, one at a time, oldest proof first, spread
over the week. A `Driller` starts a child and looks at it now and then; it may be killed at any step."""

import fcntl
import logging
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from collector.backups import drilling_told, keeping, reads
from collector.backups.drilling_child import ROOM, Kept, Order, Result, agent_program, end, judged, kept
from collector.backups.drilling_key import VerifyKey, verify_key
from collector.backups.drilling_plan import Candidate, choose
from collector.backups.drilling_told import Claim
from collector.backups.models import Snapshot, Trial
from collector.backups.proof import Source, sources
from collector.backups.reads import Reader
from collector.core import clock
from collector.inventory.models import Terminal
from protocols.errors import BackupError, ConfigError, RepositoryRefused
from protocols.errors import IntegrityError as Damaged
from protocols.wire.snapshot import PACKS, SNAPSHOTS, Header, object_path, parse

MISSING = "backup.object_missing"
ROOM_BYTES = 256 << 20
GROWTH = 3
"""What a restored source needs, in its own size: the file, and a server's database that is made of it."""
REST = 50
"""So many times as long as a look over all sources took, none is taken: with years of rows it costs seconds."""
_LATE = timedelta(minutes=10)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Going:
    claim: Claim
    folder: Path
    kept: Kept
    child: "subprocess.Popen[bytes]"
    begun: float
    key: str


class Driller:
    """For one thread. `by`: the person who asked; then nothing is begun by the schedule."""

    def __init__(self, by: str = "") -> None:
        self._by = by
        self._going: _Going | None = None
        self._lock: IO[bytes] | None = None
        self._wrong = ""
        self._rests_until = 0.0

    def __call__(self, now: datetime) -> None:
        """One look. Begins a drill where one is due, and ends the one that is over."""
        if self._going:
            self._look(now)
            return
        key = self._key()
        begun = clock.monotonic()
        if key is None or begun < self._rests_until:
            return
        found = candidates(key)
        self._rests_until = begun + REST * (clock.monotonic() - begun)
        last = Trial.objects.aggregate(last=Max("started_at"))["last"]
        if chosen := choose(found, last, timedelta(days=settings.CONFIG.drills.every_days), now):
            self.begin(chosen, key, now)

    def _key(self) -> VerifyKey | None:
        """A file that holds no key is told once."""
        try:
            key, wrong = verify_key(), ""
        except ConfigError as e:
            key, wrong = None, str(e)
        if wrong and wrong != self._wrong:
            log.error("no drills are made: %s", wrong)
        self._wrong = wrong
        return key

    @property
    def is_busy(self) -> bool:
        return self._going is not None

    def begin(self, one: Candidate, key: VerifyKey, now: datetime) -> bool:
        """False where another one runs here, or this source is being proven elsewhere."""
        if not self._alone():
            return False
        claim = _claim(one, self._by, now)
        if claim is None:
            self._release()
            return False
        folder = _scratch() / f"run-{claim.trial}"
        try:
            self._start(claim, folder, key)
        except (BackupError, OSError) as e:
            self._end(claim, folder, _not_started(e), {"node": socket.gethostname()}, now)
        return True

    def stop(self) -> None:
        """What runs is broken off, and is none; it is made again when its turn comes."""
        if not self._going:
            return
        going = self._going
        end(going.child)
        result = Result("unproven", "drill.stopped", "the collector was stopped meanwhile")
        self._end(going.claim, going.folder, result, {}, clock.now())

    def abandon(self) -> None:
        """As `stop`, for a process that ends: nothing is written in the database; the next drill here does that."""
        if not self._going:
            return
        end(self._going.child)
        shutil.rmtree(self._going.folder, ignore_errors=True)
        self._going = None
        self._release()

    def _start(self, claim: Claim, folder: Path, key: VerifyKey) -> None:
        """BackupError with the reason why it cannot be tried."""
        rules = settings.CONFIG.drills
        program = agent_program(rules.agent)
        if program is None:
            raise RepositoryRefused(
                "plomba-agent is not installed on the collector's computer", code="drill.no_agent"
            )
        folder.mkdir(mode=0o711)
        work, store = folder / "work", folder / "store"
        for path, mode in ((work, 0o711), (work / ROOM, 0o1777), (store, 0o700)):
            path.mkdir()
            path.chmod(mode)
        size, objects = _copy(claim.snapshot, store)
        digest = claim.snapshot.digest
        by = Reader("drill", person=claim.by)
        reads.note(claim.snapshot.terminal_id, by, digest, size, claim.started_at, objects=objects)
        order = Order(
            agent=program,
            store=store,
            work=work,
            key=key.file.absolute(),
            home=settings.CONFIG.home.absolute(),
            snapshot=claim.snapshot.digest,
            engine=claim.snapshot.engine,
            limit_s=rules.limit_minutes * 60,
            memory_bytes=rules.memory_mib << 20,
        )
        way = kept(order)
        with (folder / "said").open("wb") as said, (folder / "complained").open("wb") as complained:
            child = subprocess.Popen(
                way.command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=complained,
                cwd=work,
                env=dict(way.environment),
                start_new_session=True,
            )
        self._going = _Going(claim, folder, way, child, clock.monotonic(), key.id)

    def _look(self, now: datetime) -> None:
        assert self._going  # noqa: S101 - the caller looked
        going, rules = self._going, settings.CONFIG.drills
        if going.child.poll() is None:
            if clock.monotonic() - going.begun < rules.limit_minutes * 60:
                return
            end(going.child)
            reason = f"it took longer than {rules.limit_minutes:g} minutes"
            result = Result("unproven", "drill.too_long", reason)
        else:
            said, complained = ((going.folder / name).read_bytes() for name in ("said", "complained"))
            result = judged(going.claim.snapshot.digest, going.child.returncode, said, complained)
        evidence = {
            "node": socket.gethostname(),
            "key": going.key,
            "sequence": going.claim.snapshot.sequence,
            "compared": result.compared,
            "restored_bytes": result.restored_bytes,
            "isolation": list(going.kept.isolation),
        }
        self._end(going.claim, going.folder, result, evidence, now)

    def _end(
        self, claim: Claim, folder: Path, result: Result, evidence: dict[str, object], now: datetime
    ) -> None:
        self._going = None
        try:
            if drilling_told.end(claim, result, evidence, now):
                done = claim.snapshot
                log.info(
                    "drill of %s %s: %s %s", done.terminal_id, done.source, result.outcome, result.reason
                )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            self._release()

    def _alone(self) -> bool:
        """Whoever gets the lock clears up what a killed one left on this computer."""
        folder = _scratch()
        lock = (folder / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        for left in folder.glob("run-*"):
            shutil.rmtree(left, ignore_errors=True)
        now, reason = clock.now(), "the collector was stopped meanwhile"
        Trial.objects.filter(node=socket.gethostname(), ended_at=None).update(
            ended_at=now, outcome="unproven", code="drill.stopped", reason=reason
        )
        return True

    def _release(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None


def _not_started(error: BackupError | OSError) -> Result:
    """A snapshot that is gone or damaged needs no child to be found out."""
    if not isinstance(error, BackupError):
        return Result("unproven", "drill.no_start", str(error))
    bad = isinstance(error, Damaged) or error.code == MISSING
    return Result("failed" if bad else "unproven", error.code, str(error))


def candidates(key: VerifyKey) -> list[Candidate]:
    """Every source of a till in use whose newest set lies here and opens with the key."""
    found = [one for one in sources() if one.snapshot and one.snapshot.removed_at is None]
    used = set(Terminal.objects.filter(retired_at=None).values_list("pk", flat=True))
    return [candidate(one) for one in found if one.terminal_id in used and key.id in key_ids(one.snapshot)]


def candidate(one: Source) -> Candidate:
    trial = one.trial
    return Candidate(
        terminal_id=one.terminal_id,
        source=one.source,
        snapshot=one.snapshot.digest if one.snapshot else "",
        proven_at=one.good_drill.received_at if one.good_drill else None,
        tried_at=trial.started_at if trial else None,
        tried=trial.snapshot if trial else "",
        outcome=trial.outcome if trial else "",
    )


def key_ids(snapshot: Snapshot | None) -> list[str]:
    """Which keys open it. What lies here from before that was kept is looked at once."""
    if snapshot is None:
        return []
    if not snapshot.key_ids:
        try:
            header = _header(snapshot)
        except (BackupError, OSError):  # the nightly look at all objects names it
            return []
        snapshot.key_ids = " ".join(slot.id for slot in header.keys)
        Snapshot.objects.filter(pk=snapshot.pk).update(key_ids=snapshot.key_ids)
    return snapshot.key_ids.split()


def _header(snapshot: Snapshot) -> Header:
    return parse(keeping.store().get(snapshot.terminal_id, f"{SNAPSHOTS}/{snapshot.digest}")).header


def _claim(one: Candidate, by: str, now: datetime) -> Claim | None:
    """None where somebody else has it."""
    snapshot = Snapshot.objects.get(terminal_id=one.terminal_id, digest=one.snapshot)
    fresh = {"snapshot": one.snapshot, "started_at": now, "node": socket.gethostname()}
    over = now - timedelta(minutes=settings.CONFIG.drills.limit_minutes) - _LATE
    free = Q(ended_at__isnull=False) | Q(started_at__lt=over)
    mine = Trial.objects.filter(free, terminal_id=one.terminal_id, source=one.source)
    try:
        with transaction.atomic():
            if not mine.update(**fresh, ended_at=None, outcome="", code="", reason=""):
                Trial.objects.create(terminal_id=one.terminal_id, source=one.source, **fresh)
    except IntegrityError:
        return None
    trial = Trial.objects.get(terminal_id=one.terminal_id, source=one.source)
    return Claim(trial.pk, snapshot, now, by)


def _copy(snapshot: Snapshot, to: Path) -> tuple[int, int]:
    """The objects of this one set: their bytes, and how many. What is missing is left out: the drill names it."""
    place, terminal = keeping.store(), snapshot.terminal_id
    data = place.get(terminal, f"{SNAPSHOTS}/{snapshot.digest}")
    _put(to, f"{SNAPSHOTS}/{snapshot.digest}", data)
    header = parse(data).header
    needed = sum(pack.size for pack in header.packs) + GROWTH * header.source_bytes + ROOM_BYTES
    if shutil.disk_usage(to).free < needed:
        reason = f"there is no room for it in {_scratch()}: {needed >> 20} MiB are needed"
        raise RepositoryRefused(reason, code="drill.no_room")
    size, objects = len(data), 1
    for pack in header.packs:
        name = f"{PACKS}/{pack.digest}"
        try:
            data = place.get(terminal, name)
        except RepositoryRefused as e:
            if e.code != MISSING:
                raise
            continue
        _put(to, name, data)
        size, objects = size + len(data), objects + 1
    return size, objects


def _put(root: Path, name: str, data: bytes) -> None:
    path = root / object_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _scratch() -> Path:
    folder = settings.CONFIG.path(settings.CONFIG.drills.scratch_dir)
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    return Path(os.path.abspath(folder))  # noqa: PTH100 - a link to a large disk stays one

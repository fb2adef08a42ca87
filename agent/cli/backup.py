"""`plomba-agent backup`: one backup now, by hand or as the configuration says. The resident agent starts it
as a child; then the result goes to the collector through the spool."""

import argparse
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event

from agent.backup import plan
from agent.backup.engines import Evidence, NoPause, engine
from agent.backup.gentle import Gentle, Manners, Told, step_back
from agent.backup.key import load_public
from agent.backup.progress import progress_file
from agent.backup.repository.meter import Bucket
from agent.backup.run import Done, Job, Signer, backup
from agent.backup.traffic import SPENT, Counted
from agent.cli.account import as_owner_of
from agent.cli.advice import exit_code
from agent.cli.keys import recipients
from agent.cli.place import (
    COLLECTOR,
    Way,
    add_way,
    by_hand_state,
    configured,
    make_folder,
    open_repository,
    print_failure,
    print_json,
    progress,
    signer,
    source_name,
    way_of,
    way_to,
)
from agent.cli.storage import store_of
from agent.clock import Clock
from agent.config import Backup, Config, default_path, load
from agent.runtime.clock import SystemClock
from agent.spool import FILE, Json, Spool
from protocols.errors import ConfigError, PlombaError
from protocols.wire import v1

NAME = "backup"
HELP = "back up one source now"
_RUNNING = "backup.running"
_ENGINES = "sqlite, postgresql, postgresql_cluster, mariadb, firebird, firebird_pages, mssql or files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", help="the [[backup]] of the configuration; with --source: what to call it")
    parser.add_argument("--config", type=Path, help="the agent's configuration file")
    parser.add_argument("--engine", default="sqlite", help=_ENGINES)
    parser.add_argument("--source", metavar="FILE", help="the live database: a file, or its address")
    parser.add_argument("--repository", metavar="DIR", help='a folder, sftp://..., or "collector"')
    parser.add_argument(
        "--recovery-key",
        type=Path,
        action="append",
        metavar="PUBLIC",
        help="recovery.pub; several: each opens it",
    )
    parser.add_argument("--state", type=Path, metavar="DIR", help="memory of earlier runs, room for the copy")
    parser.add_argument("--delta", action="store_true", help="keep a copy of the last backup, and send less")
    parser.add_argument("--paced", action="store_true", help=argparse.SUPPRESS)
    add_way(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(args: argparse.Namespace) -> int:
    try:
        done = _by_hand(args) if args.source else _by_name(args)
    except PlombaError as e:
        if not args.json:
            raise
        print_failure(e)
        return exit_code(e)
    print_json(_document(done)) if args.json else _tell(done)
    return 0


def _by_hand(args: argparse.Namespace) -> Done:
    if not args.repository or not args.recovery_key:
        raise ConfigError("command line", "backup", "by hand needs --source, --repository and --recovery-key")
    state: Path = args.state or by_hand_state()
    clock = SystemClock()
    by = signer(state)
    config = None
    if "://" not in args.repository and args.repository != COLLECTOR:
        make_folder(Path(args.repository))
    elif not args.repository.startswith("sftp:"):
        config = load(args.config or default_path())
        by = signer(config.agent.state_dir)
    job = Job(
        name=args.name or source_name(Path(args.source.partition("?")[0])),
        engine=engine(args.engine),
        source=args.source,
        recipients=[load_public(path) for path in args.recovery_key],
        state=state / "backup",
        delta=args.delta,
    )
    with progress(clock) as shown:
        repository = open_repository(args.repository, config, clock, way_of(args))
        return backup(job, repository, by, clock, pace=NoPause(), progress=shown)


def _by_name(args: argparse.Namespace) -> Done:
    if not args.name:
        raise ConfigError(
            "command line", "backup", "needs --name, or --source, --repository and --recovery-key"
        )
    config, chosen = configured(args.config, args.name)
    as_owner_of(config.agent.state_dir)
    clock, state = SystemClock(), config.agent.state_dir
    report = _Report(state, chosen, clock)
    if not args.paced:  # whoever starts a paced one has pushed it back, and spares it the library for that
        step_back()
    gentle = Gentle(_manners(chosen, paced=args.paced), clock, Event())
    with report, progress(clock, progress_file(state, chosen.name)) as shown:
        job = Job(
            name=chosen.name,
            engine=engine(chosen.engine),
            source=chosen.source,
            recipients=recipients(chosen, args.config or default_path(), config),
            state=state / "backup",
            delta=chosen.delta,
        )
        by: Signer = signer(state)
        way = _way(config, chosen, clock, report, held=args.paced)
        way = replace(way, store=store_of(args.config or default_path(), config))
        repository = open_repository(chosen.repository, config, clock, way)
        reading = Bucket(chosen.read_mib_s * 1024 * 1024, clock, Event()) if chosen.read_mib_s else None
        report.done = backup(job, repository, by, clock, pace=gentle, progress=shown, reading=reading)
        report.waited_s, report.late = gentle.waited_s, gentle.late
        return report.done


def _way(config: Config, chosen: Backup, clock: Clock, report: "_Report", *, held: bool) -> Way:
    """Through the month's count where there is a limit."""
    if config.budget.backup_monthly_mb is None:
        return way_to(chosen, clock)
    from agent.cli.month import counted_way  # noqa: PLC0415 - the law is some megabytes that no other backup needs

    way, report.counted = counted_way(config, chosen, clock, held=held)
    return way


def _manners(plan: Backup, *, paced: bool) -> Manners:
    """`paced`: the resident agent tells on standard input when the till is busy. A person who waits is served at
    once."""
    if not paced:
        return Manners()
    return Manners(Told(sys.stdin), plan.window, plan.deadline.total_seconds())


class _Report:
    """Tells the collector how the run ended, whatever ended it short of a kill."""

    def __init__(self, state: Path, plan: Backup, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._source, self._kind, self._classes = plan.name, plan.engine, plan.classes
        self._started_at: datetime = clock.now()
        self._begun = clock.monotonic()
        self.done: Done | None = None
        self.counted: Counted | None = None
        self.waited_s, self.late = 0.0, False

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self.counted:
            self.counted.close()
        if isinstance(error, PlombaError) and error.code in (_RUNNING, SPENT):
            return  # the one that runs tells its own end; one that waits for the next month is told before it begins
        message = self._good(self.done) if self.done else self._bad(error)
        good: dict[str, Json] = (
            {plan.GOOD + self._source: {"started_at": self.done.started_at.isoformat()}} if self.done else {}
        )
        with Spool(self._state / FILE, self._clock) as spool:
            spool.put_all([message], good)
            if self.late:
                spool.put(self._late())

    def _good(self, done: Done) -> v1.Backup:
        return v1.Backup(
            seq=1,
            at=self._clock.now(),
            source=self._source,
            engine=self._kind,
            ok=True,
            snapshot=done.snapshot,
            started_at=done.started_at,
            duration_s=round(done.duration_s, 3),
            source_bytes=done.header.source_bytes,
            stored_bytes=done.header.stored_bytes,
            facts=plan.wire_facts(done.facts),
            classes=self._classes,
        )

    def _late(self) -> v1.Fact:
        """It had to go on while the till was busy, or outside of its hours."""
        subject = v1.Subject(kind=v1.SubjectKind.BACKUP, id=self._source)
        detail: v1.Detail = {"waited_s": round(self.waited_s)}
        return v1.Fact(seq=1, at=self._clock.now(), subject=subject, name="backup.late", detail=detail)

    def _bad(self, error: BaseException | None) -> v1.Backup:
        text = f"{error.code}: {error}" if isinstance(error, PlombaError) else "the backup broke off"
        return v1.Backup(
            seq=1,
            at=self._clock.now(),
            source=self._source,
            engine=self._kind,
            ok=False,
            started_at=self._started_at,
            duration_s=round(self._clock.monotonic() - self._begun, 3),
            error=text[:400],
            classes=self._classes,
        )


def _document(done: Done) -> dict[str, object]:
    header = done.header
    return {
        "ok": True,
        "snapshot": done.snapshot,
        "terminal": header.terminal,
        "source": header.source,
        "engine": header.engine,
        "mode": header.mode,
        "sequence": header.sequence,
        "started_at": header.started_at.isoformat(),
        "finished_at": header.finished_at.isoformat(),
        "duration_s": round(done.duration_s, 3),
        "source_bytes": header.source_bytes,
        "stored_bytes": header.stored_bytes,
        "packs": len(header.packs),
        "new_packs": header.new_packs,
        "changed_bytes": header.changed_bytes,
        "recovery_keys": [slot.id for slot in header.keys],
        "facts": dict(done.facts),
    }


def _tell(done: Done) -> None:
    header = done.header
    print(
        f"Backed up {header.source} as snapshot {done.snapshot[:12]} (number {header.sequence}):"
        f" {header.source_bytes / 1e6:.1f} MB in {header.stored_bytes / 1e6:.1f} MB, {done.duration_s:.1f} s."
    )
    if engine(header.engine).evidence is Evidence.FAKED:
        print(
            f"The engine {header.engine} was tried on a stand-in only, on no real server yet: drill it soon."
        )
    print("It counts once a drill has restored it: plomba-agent drill")

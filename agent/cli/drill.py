"""`plomba-agent drill`: restore the newest backup into a scratch folder and compare it. Proves; keeps
nothing."""

import argparse
import tempfile
from pathlib import Path

from agent.backup import plan
from agent.backup.catalogue import Wanted, choose
from agent.backup.drill import DrillResult, drill
from agent.backup.key import RecoverySecret
from agent.backup.repository import Repository
from agent.backup.state import Last, recall
from agent.cli.advice import exit_code
from agent.cli.place import (
    KEY_HELP,
    add_choice,
    add_way,
    configured,
    load_secrets,
    open_repository,
    print_failure,
    print_json,
    progress,
    signer,
    wanted,
    way_of,
    way_to,
)
from agent.clock import Clock
from agent.runtime.clock import SystemClock
from agent.spool import FILE, Spool
from protocols.errors import BackupError, ConfigError, IntegrityError, PlombaError
from protocols.wire import v1

NAME = "drill"
HELP = "prove that the newest backup restores"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", help="the [[backup]] of the configuration")
    parser.add_argument("--config", type=Path, help="the agent's configuration file")
    parser.add_argument("--repository", metavar="DIR", help="a folder, where there is no --name")
    parser.add_argument(
        "--recovery-key", type=Path, required=True, action="append", metavar="PRIVATE", help=KEY_HELP
    )
    parser.add_argument(
        "--scratch", type=Path, metavar="DIR", help="where there is room for the whole source"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_way(parser)
    add_choice(parser)


def run(args: argparse.Namespace) -> int:
    try:
        result = _by_name(args) if args.name else _by_hand(args)
    except PlombaError as e:
        if not args.json:
            raise
        print_failure(e)
        return exit_code(e)
    print_json(_document(result)) if args.json else _tell(result)
    return 0 if result.ok else 1


def _by_hand(args: argparse.Namespace) -> DrillResult:
    if not args.repository:
        raise ConfigError("command line", "drill", "needs --repository DIR, or --name")
    clock = SystemClock()
    repository = open_repository(args.repository, None, clock, way_of(args))
    return _drill(repository, wanted(args), args, clock, load_secrets(args.recovery_key))


def _by_name(args: argparse.Namespace) -> DrillResult:
    config, chosen = configured(args.config, args.name)
    clock, state = SystemClock(), config.agent.state_dir
    repository, by = open_repository(chosen.repository, config, clock, way_to(chosen, clock)), signer(state)
    args.scratch = args.scratch or state / "backup" / "drill"
    asked = Wanted(at=args.at, source=chosen.name, terminal=by.terminal, snapshot=args.snapshot)
    newest = recall(state / "backup", repository.address, by.terminal, chosen.name)
    secret = load_secrets(args.recovery_key)
    result = _drill(repository, asked, args, clock, secret, newest=newest if args.at is None else None)
    message = v1.Drill(
        seq=1,
        at=clock.now(),
        source=chosen.name,
        snapshot=result.snapshot,
        ok=result.ok,
        started_at=result.started_at,
        duration_s=round(result.duration_s, 3),
        facts=plan.wire_facts(result.facts),
        error=result.error[:400],
    )
    with Spool(state / FILE, clock) as spool:
        spool.put(message)
    return result


def _drill(
    repository: Repository,
    asked: Wanted,
    args: argparse.Namespace,
    clock: Clock,
    secret: RecoverySecret,
    *,
    newest: Last | None = None,
) -> DrillResult:
    scratch = args.scratch or Path(tempfile.gettempdir())
    started_at, begun = clock.now(), clock.monotonic()
    try:
        found = choose(repository, asked)
        if newest and asked.snapshot is None and found.header.sequence < newest.sequence:
            raise IntegrityError(
                f"snapshot {newest.sequence} was stored and is gone;"
                f" the newest left is {found.header.sequence}",
                code="backup.snapshot_gone",
            )
    except BackupError as e:
        # a repository that is away, or that a person must name more exactly, proves nothing
        if not isinstance(e, IntegrityError) and e.code != "backup.no_snapshot":
            raise
        name = asked.source or ""
        spent_s = clock.monotonic() - begun
        return DrillResult(asked.snapshot or "", name, False, started_at, spent_s, 0, {}, e.code, str(e))
    with progress(clock) as shown:
        return drill(found, repository, secret, scratch, clock=clock, progress=shown)


def _document(result: DrillResult) -> dict[str, object]:
    return {
        "ok": result.ok,
        "snapshot": result.snapshot,
        "source": result.source,
        "started_at": result.started_at.isoformat(),
        "duration_s": round(result.duration_s, 3),
        "restored_bytes": result.restored_bytes,
        "facts": dict(result.facts),
        "error": result.code or None,
        "message": result.error,
    }


def _tell(result: DrillResult) -> None:
    if result.ok:
        rows = result.facts.get("rows", 0)
        print(
            f"Proven: snapshot {result.snapshot[:12]} of {result.source} restores"
            f" ({result.restored_bytes / 1e6:.1f} MB, {rows} rows, {result.duration_s:.1f} s)."
        )
        return
    print(f"NOT proven: {result.error} ({result.code}).")
    print("This backup cannot be relied on: make a new one now, and look at the disk that holds it.")

"""`plomba-agent restore`: from a repository and the recovery key back to a file, on any machine; on a till also over
the live one."""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent.backup.catalogue import Found, choose
from agent.backup.erasing import Erased, erase, parsed
from agent.backup.in_place import Placed, restore_in_place
from agent.backup.key import RecoverySecret
from agent.backup.progress import progress_file
from agent.backup.repository import Repository
from agent.backup.restore import Restored, restore
from agent.cli.advice import exit_code
from agent.cli.place import (
    COLLECTOR,
    KEY_HELP,
    add_choice,
    add_way,
    configured,
    erasures_of,
    load_secrets,
    open_repository,
    print_failure,
    print_json,
    progress,
    wanted,
    way_of,
)
from agent.config import Backup, default_path, load
from agent.runtime.clock import SystemClock
from protocols.errors import PlombaError

NAME = "restore"
HELP = "restore a backup into a file; an existing file is never touched without --force"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    where = (
        "a folder (also a till's folder in the collector's storage), sftp://...,"
        ' or "collector" on an enrolled till'
    )
    parser.add_argument("--repository", required=True, metavar="DIR", help=where)
    parser.add_argument(
        "--recovery-key", type=Path, required=True, action="append", metavar="PRIVATE", help=KEY_HELP
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--to", type=Path, metavar="FILE", help="the file that is written; a folder where there are several"
    )
    target.add_argument(
        "--over",
        metavar="NAME",
        help="the live source of that [[backup]], checked first; what is there stays beside it",
    )
    parser.add_argument(
        "--erasable",
        action="append",
        default=[],
        metavar="TABLE.COLUMN",
        help="with --to: where erasures of the list are done once more; --over has it from the configuration",
    )
    parser.add_argument(
        "--without-erasures",
        action="store_true",
        help="although the list cannot be asked for; do them by hand then",
    )
    parser.add_argument(
        "--of", default="", metavar="TERMINAL", help="another till's, as a signed job for this one allows"
    )
    add_way(parser)
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")
    parser.add_argument("--config", type=Path, help='the agent\'s configuration, for "collector"')
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_choice(parser)


@dataclass(frozen=True, slots=True)
class _Done:
    found: Found
    restored: Restored | Placed
    erased: Erased


def run(args: argparse.Namespace) -> int:
    try:
        done = _restore(args)
    except PlombaError as e:
        if not args.json:
            raise
        print_failure(e)
        return exit_code(e)
    print_json(_document(done)) if args.json else print(_sentence(done))
    return 0


def _restore(args: argparse.Namespace) -> _Done:
    clock = SystemClock()
    secret = load_secrets(args.recovery_key)
    remote = args.repository == COLLECTOR or args.repository.startswith("https://")
    config, plan = None, None
    if args.over:
        config, plan = configured(args.config, args.over)
    elif remote or args.config:
        config = load(args.config or default_path())
    repository = open_repository(args.repository, config, clock, replace(way_of(args), of=args.of))
    known = b"" if args.without_erasures else erasures_of(args.repository, config, clock, args.of)
    found = choose(repository, wanted(args))
    wiping = _Wiping(found, known, plan.erasable if plan else args.erasable)
    if config and plan:
        return _over(_Set(found, repository, secret), plan, config.agent.state_dir, wiping)
    with progress(clock) as shown:
        restored = restore(found, repository, secret, args.to, progress=shown, force=args.force, amend=wiping)
    return _Done(found, restored, wiping.erased)


class _Wiping:
    """Does the erasures of the list once more, in the columns that are allowed."""

    def __init__(self, found: Found, document: bytes, allowed: Sequence[str]) -> None:
        items = parsed(document).items if document else ()
        self._mine = [one for one in items if one.source == found.header.source]
        self._engine, self._allowed = found.header.engine, allowed
        self.erased = Erased({}, len(self._mine))

    def __call__(self, file: Path) -> None:
        if self._mine and file.is_file():
            self.erased = erase(file, self._mine, self._allowed, self._engine)


@dataclass(frozen=True, slots=True)
class _Set:
    """What is restored, where it lies, and what opens it."""

    found: Found
    repository: Repository
    secret: RecoverySecret


def _over(one: _Set, plan: Backup, state: Path, wiping: _Wiping) -> _Done:
    clock = SystemClock()
    room = state / "backup"
    room.mkdir(parents=True, exist_ok=True)
    with (
        progress(clock, progress_file(state, plan.name)) as shown,
        tempfile.TemporaryDirectory(dir=room) as scratch,
    ):
        placed = restore_in_place(
            one.found,
            one.repository,
            one.secret,
            Path(plan.source),
            now=clock.now(),
            scratch=Path(scratch),
            progress=shown,
            amend=wiping,
        )
    return _Done(one.found, placed, wiping.erased)


def _sentence(done: _Done) -> str:
    header, restored = done.found.header, done.restored
    said = (
        f"Restored {header.source} of {header.terminal} as it was at {header.finished_at.isoformat()}"
        f" to {restored.path} ({restored.size} bytes, compared byte for byte)."
    )
    if isinstance(restored, Placed) and restored.kept:
        said += f" What was there is kept as {restored.kept}."
    if done.erased.rows:
        rows = ", ".join(f"{count} of {name}" for name, count in done.erased.rows.items())
        said += f" Erased once more: {rows}."
    if done.erased.left:
        said += (
            f" {done.erased.left} erasures were not done: nothing here names their column as erasable,"
            " or it is no SQLite database. Do them by hand."
        )
    return said


def _document(done: _Done) -> dict[str, object]:
    header, restored = done.found.header, done.restored
    if isinstance(restored, Placed):
        tail: dict[str, object] = {"kept": str(restored.kept or ""), "facts": dict(restored.facts)}
    else:
        files = restored.body.files
        tail = {
            "files": len(files),
            "blake3": files[0].blake3 if len(files) == 1 else None,
            "facts": dict(restored.body.facts),
        }
    return {
        "ok": True,
        "snapshot": done.found.digest,
        "terminal": header.terminal,
        "source": header.source,
        "sequence": header.sequence,
        "at": header.finished_at.isoformat(),
        "to": str(restored.path),
        "bytes": restored.size,
        "erased": dict(done.erased.rows),
        "erasures_left": done.erased.left,
        **tail,
    }

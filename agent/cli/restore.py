"""`plomba-agent restore`: from a repository and the recovery key back to a file, on any machine."""

import argparse
from pathlib import Path

from agent.backup.catalogue import Found, choose
from agent.backup.restore import Restored, restore
from agent.cli.advice import exit_code
from agent.cli.place import (
    COLLECTOR,
    KEY_HELP,
    add_choice,
    add_way,
    load_secrets,
    open_repository,
    print_failure,
    print_json,
    progress,
    wanted,
    way_of,
)
from agent.config import default_path, load
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
    parser.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="FILE",
        help="the file that is written; a folder where there are several",
    )
    add_way(parser)
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")
    parser.add_argument("--config", type=Path, help='the agent\'s configuration, for "collector"')
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    add_choice(parser)


def run(args: argparse.Namespace) -> int:
    try:
        found, restored = _restore(args)
    except PlombaError as e:
        if not args.json:
            raise
        print_failure(e)
        return exit_code(e)
    if args.json:
        print_json(_document(found, restored))
    else:
        header = found.header
        print(
            f"Restored {header.source} of {header.terminal} as it was at {header.finished_at.isoformat()}"
            f" to {restored.path} ({restored.size} bytes, compared byte for byte)."
        )
    return 0


def _restore(args: argparse.Namespace) -> tuple[Found, Restored]:
    clock = SystemClock()
    secret = load_secrets(args.recovery_key)
    remote = args.repository == COLLECTOR or args.repository.startswith("https://")
    config = load(args.config or default_path()) if remote else None
    repository = open_repository(args.repository, config, clock, way_of(args))
    with progress(clock) as shown:
        found = choose(repository, wanted(args))
        return found, restore(found, repository, secret, args.to, progress=shown, force=args.force)


def _document(found: Found, restored: Restored) -> dict[str, object]:
    header = found.header
    return {
        "ok": True,
        "snapshot": found.digest,
        "terminal": header.terminal,
        "source": header.source,
        "sequence": header.sequence,
        "at": header.finished_at.isoformat(),
        "to": str(restored.path),
        "bytes": restored.size,
        "files": len(restored.body.files),
        "blake3": restored.body.files[0].blake3 if len(restored.body.files) == 1 else None,
        "facts": dict(restored.body.facts),
    }

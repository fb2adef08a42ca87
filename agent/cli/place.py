"""What the backup commands share: where a repository is, who signs, and how a result is shown. Moves no data
itself."""

import argparse
import contextlib
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from agent.backup.catalogue import Wanted
from agent.backup.progress import Line, Silent
from agent.backup.repository import Repository
from agent.backup.repository.https import Access, HttpsRepository
from agent.backup.repository.local import LocalRepository
from agent.backup.repository.retrying import Retrying
from agent.backup.run import Progress, Signer
from agent.cli.advice import advice
from agent.clock import Clock
from agent.config import Backup, Config, default_path, load
from agent.uplink import identity
from protocols.errors import ConfigError, PlombaError, RepositoryUnreachable
from protocols.wire.snapshot import encode_key

COLLECTOR = "collector"


def by_hand_state() -> Path:
    """Where a person's own runs keep their key and their memory, without an installed agent."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "Plomba" / "by-hand"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "plomba" / "by-hand"


def configured(args: argparse.Namespace) -> tuple[Config, Backup]:
    """The configuration and the backup in it that `--name` means."""
    path = args.config or default_path()
    config = load(path)
    for plan in config.backups:
        if plan.name == args.name:
            return config, plan
    known = ", ".join(plan.name for plan in config.backups) or "none"
    raise ConfigError(str(path), "backup.name", f"there is no [[backup]] named {args.name!r}", known)


def open_repository(where: str, config: Config | None, clock: Clock) -> Repository:
    """A folder, or the collector of an enrolled till."""
    if where != COLLECTOR and not where.startswith("https://"):
        return LocalRepository(Path(where))
    if config is None:
        raise ConfigError("--repository", where, "needs the configuration of an enrolled till (--config)")
    me = identity.load(config.agent.state_dir)
    if where not in (COLLECTOR, me.collector):
        raise ConfigError(
            "--repository", where, "is not the collector that this till is enrolled at", me.collector
        )
    access = Access(me.collector, me.ca_file, me.terminal, me.key)
    return Retrying(HttpsRepository(access, clock), clock, Event())


def make_folder(folder: Path) -> None:
    """A person who names a folder by hand means it, there or not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise RepositoryUnreachable(f"the repository folder {folder} cannot be made: {e.strerror}") from e


def signer(state_dir: Path) -> Signer:
    """The enrolled terminal, else a key made on the spot whose fingerprint stands for the name. An identity
    that is there and cannot be read is an error: signing under another name would start a second chain."""
    if (state_dir / identity.IDENTITY_FILE).exists():
        me = identity.load(state_dir)
        return Signer(me.terminal, me.key)
    key = identity.make_key(state_dir)
    public = encode_key(key.public_key())
    return Signer(f"local-{hashlib.sha256(public.encode()).hexdigest()[:16]}", key)


def source_name(source: Path) -> str:
    """A name for the repository, from the file's own."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", source.name).lstrip(".-_")[:64] or "source"


def point_in_time(text: str) -> datetime:
    """The end of the day, minute or second that a person names; without a zone it is local time."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-03-31 or 2026-03-31T22:15") from e
    step = timedelta(0) if given.microsecond else timedelta(seconds=1)
    if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text):
        step = timedelta(days=1)
    elif re.fullmatch(r"[\d-]+[T ]\d{2}:?\d{2}([+-][\d:]+|Z)?", text):
        step = timedelta(minutes=1)
    last = given + step - timedelta(microseconds=1) if step else given
    return last.astimezone(UTC)


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Which snapshot is meant."""
    parser.add_argument(
        "--at", type=point_in_time, metavar="TIME", help="as it was then; default: the newest"
    )
    parser.add_argument(
        "--source-name", metavar="NAME", help="which source, where the repository holds several"
    )
    parser.add_argument("--terminal", metavar="ID", help="which till, where the repository holds several")
    parser.add_argument(
        "--snapshot", metavar="DIGEST", help="exactly this snapshot, or the beginning of its digest"
    )


def wanted(args: argparse.Namespace) -> Wanted:
    return Wanted(at=args.at, source=args.source_name, terminal=args.terminal, snapshot=args.snapshot)


@contextlib.contextmanager
def progress(clock: Clock) -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield Silent()
        return
    line = Line(sys.stderr, clock)
    try:
        yield line
    finally:
        line.close()


def print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False, default=str))


def print_failure(error: PlombaError) -> None:
    """The one JSON object of a run that failed."""
    print_json({"ok": False, "error": error.code, "message": str(error), "advice": advice(error)})

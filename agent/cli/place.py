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
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from agent.backup.catalogue import Wanted
from agent.backup.key import RecoverySecret, load_secret
from agent.backup.key_split import is_part, join
from agent.backup.progress import Both, Kept, Line
from agent.backup.repository import Repository
from agent.backup.repository.local import LocalRepository
from agent.backup.repository.meter import Bucket, Free, Meter
from agent.backup.repository.retrying import Retrying
from agent.backup.repository.storage import Storage
from agent.backup.run import Progress, Signer
from agent.cli.advice import advice
from agent.clock import Clock
from agent.config import Backup, Config, default_path, load
from agent.uplink import identity
from protocols.errors import ConfigError, PlombaError, RepositoryUnreachable
from protocols.wire.erasure import FILE
from protocols.wire.snapshot import encode_key

COLLECTOR = "collector"
KEY_HELP = "recovery.key; of a split key two of its parts, each with this option"


def by_hand_state() -> Path:
    """Where a person's own runs keep their key and their memory, without an installed agent."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "Plomba" / "by-hand"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "plomba" / "by-hand"


def configured(file: Path | None, name: str) -> tuple[Config, Backup]:
    """The configuration and the backup in it of that name."""
    path = file or default_path()
    config = load(path)
    for plan in config.backups:
        if plan.name == name:
            return config, plan
    known = ", ".join(plan.name for plan in config.backups) or "none"
    raise ConfigError(str(path), "backup.name", f"there is no [[backup]] named {name!r}", known)


@dataclass(frozen=True, slots=True)
class Way:
    """What a repository that is no plain folder needs beside its address. `store`: packs may go straight to it. `of`:
    another till, whose objects are read."""

    sftp_key: Path | None = None
    sftp_host_key: str = ""
    send: Meter = field(default_factory=Free)
    store: Storage | None = None
    of: str = ""


def open_repository(where: str, config: Config | None, clock: Clock, way: Way | None = None) -> Repository:
    """A folder, a folder on an SSH server, or the collector of an enrolled till."""
    way = way or Way()
    if where.startswith("sftp:"):
        # an SSH library takes ten megabytes, and most tills send to the collector
        from agent.backup.repository.sftp import SftpRepository, parse_address  # noqa: PLC0415

        sftp = parse_address(where, way.sftp_key, way.sftp_host_key)
        return Retrying(SftpRepository(sftp, way.send), clock, Event())
    if where != COLLECTOR and not where.startswith("https://"):
        return LocalRepository(Path(where), way.send)
    if config is None:
        raise ConfigError("--repository", where, "needs the configuration of an enrolled till (--config)")
    # and one for HTTPS nine, that other repositories do without
    from agent.backup.repository.https import Access, HttpsRepository  # noqa: PLC0415

    me = identity.load(config.agent.state_dir)
    if where not in (COLLECTOR, me.collector):
        raise ConfigError(
            "--repository", where, "is not the collector that this till is enrolled at", me.collector
        )
    access = Access(me.collector, me.ca_file, me.terminal, me.key, way.store, way.of)
    return Retrying(HttpsRepository(access, clock, way.send), clock, Event())


def erasures_of(where: str, config: Config | None, clock: Clock, of: str) -> bytes:
    """The list of what must not come back: the file beside a set that was taken away, else the collector's, wherever
    the set lies; b"" on a computer that is enrolled at none. Errors of the repository where it cannot be asked."""
    beside = Path(where) / FILE
    if "://" not in where and beside.is_file():
        return beside.read_bytes()
    if config is None or not (config.agent.state_dir / identity.IDENTITY_FILE).exists():
        return b""
    from agent.backup.repository.https import Access, HttpsRepository  # noqa: PLC0415 - as in `open_repository`

    me = identity.load(config.agent.state_dir)
    repository = HttpsRepository(Access(me.collector, me.ca_file, me.terminal, me.key, None, of), clock)
    with contextlib.closing(repository):
        return repository.erasures()


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


def add_way(parser: argparse.ArgumentParser) -> None:
    """How an SSH server is reached."""
    parser.add_argument(
        "--sftp-key", type=Path, metavar="FILE", help="the private key for sftp:// repositories"
    )
    parser.add_argument(
        "--sftp-host-key", default="", metavar="KEY", help="the server's own, as ssh-keyscan prints it"
    )


def way_of(args: argparse.Namespace) -> Way:
    return Way(args.sftp_key, args.sftp_host_key)


def way_to(plan: Backup, clock: Clock) -> Way:
    """As the configuration says."""
    send: Meter = Bucket(plan.send_kib_s * 1024, clock, Event()) if plan.send_kib_s else Free()
    return Way(plan.sftp_key, plan.sftp_host_key, send)


def load_secrets(paths: list[Path]) -> RecoverySecret:
    """The whole key, or enough parts of one that was split."""
    if len(paths) == 1 and not is_part(paths[0]):
        return load_secret(paths[0])
    return join(paths)


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
def progress(clock: Clock, file: Path | None = None) -> Iterator[Progress]:
    shown: list[Line | Kept] = [Line(sys.stderr, clock)] if sys.stderr.isatty() else []
    shown += [Kept(file, clock)] if file else []
    try:
        yield Both(*shown)
    finally:
        for one in shown:
            one.close()


def print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False, default=str))


def print_failure(error: PlombaError) -> None:
    """The one JSON object of a run that failed."""
    print_json({"ok": False, "error": error.code, "message": str(error), "advice": advice(error)})

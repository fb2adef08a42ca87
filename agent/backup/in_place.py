"""A restored copy in the place of the live file: restored beside it, checked by its engine, then put there by one
rename. Nothing is thrown away: what stood there stays beside it under the name that is returned.

Whoever kills it finds the old file or the new one. Where the old one's write-ahead log cannot be worked off, because
the database is damaged, the log is set aside with it just before (https://www.sqlite.org/wal.html)."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from agent.backup.catalogue import Found
from agent.backup.drill import verify
from agent.backup.engines import Facts, engine
from agent.backup.engines.sqlite import MAGIC
from agent.backup.key import RecoverySecret
from agent.backup.repository import Repository
from agent.backup.restore import flush_folder, restore
from agent.backup.run import Progress
from protocols.errors import BackupError, RepositoryRefused
from protocols.wire.source_name import IN_PLACE

SIDECARS = ("-wal", "-shm", "-journal")
_FIRST = 1
"""Starts the others and opens no database; in some containers not even root may look into it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """`kept`: what stood there before; None where nothing did."""

    path: Path
    kept: Path | None
    size: int
    facts: Facts


def must_fit(found: Found, live: Path) -> None:
    """RepositoryRefused backup.not_in_place where this snapshot cannot stand at `live`; BackupError backup.no_room."""
    name, size = found.header.engine, found.header.source_bytes
    if name not in IN_PLACE:
        raise _refused(f"a backup by {name} is restored into a file, and given to its server by hand")
    if live.is_dir():
        raise _refused(f"{live} is a folder that is there: restore beside it, and exchange them by hand")
    free = shutil.disk_usage(_there(live)).free
    if free < size:
        raise BackupError(
            f"{live.parent} has {free} bytes free and needs {size}: nothing was changed",
            code="backup.no_room",
        )


def restore_in_place(
    found: Found,
    repository: Repository,
    secret: RecoverySecret,
    live: Path,
    *,
    now: datetime,
    scratch: Path,
    progress: Progress,
    amend: Callable[[Path], None] = lambda _part: None,
) -> Placed:
    """`scratch` is an empty folder for the check; `amend` may change the checked copy before it is put there. Errors of
    `restore` and of `must_fit`; IntegrityError where the copy is not sound; RepositoryRefused backup.in_use, or
    backup.in_use_unknown, while a program has the live file open. After any of them the live file is as it was."""
    live = live.resolve()  # a link stays, and what it leads to is exchanged
    must_fit(found, live)
    must_be_idle(live)
    part = live.with_name(f"{live.name}.restored")
    try:
        restored = restore(found, repository, secret, part, progress=progress, force=True)
        facts = verify(engine(found.header.engine), part, restored.body.facts, scratch)
        amend(part)
        kept = _exchange(part, live, now) if live.exists() else None
        if kept is None:
            part.replace(live)
        flush_folder(live.parent)
    finally:
        if part.is_file():
            part.unlink()
        elif part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
    return Placed(live, kept, restored.size, facts)


def must_be_idle(live: Path) -> None:
    """As `restore_in_place` says, of a path without links. On Windows the rename itself refuses while anybody has it
    open."""
    if sys.platform == "win32" or not live.exists():
        return
    wanted, unseen = _names(live), 0
    for process in psutil.process_iter():
        try:
            opened = {file.path for file in process.open_files()}
        except psutil.AccessDenied:
            unseen += process.pid != _FIRST
            continue
        except psutil.NoSuchProcess:
            continue
        if opened & wanted and process.pid != os.getpid():
            raise RepositoryRefused(
                f"{_name(process)} (process {process.pid}) has {live} open: close it first",
                code="backup.in_use",
            )
    if unseen:
        raise RepositoryRefused(
            f"{unseen} processes cannot be looked into, and one of them may have {live} open",
            code="backup.in_use_unknown",
        )


def _exchange(part: Path, live: Path, now: datetime) -> Path:
    kept = live.with_name(f"{live.name}.before-{now:%Y%m%d-%H%M%S}")
    if kept.exists():
        raise RepositoryRefused(f"{kept} exists already; nothing was changed", code="backup.target_exists")
    _work_off_log(live)
    _dress_like(live, part)
    try:
        _keep(live, kept)
        _set_aside_log(live, kept)
        must_be_idle(live)
        part.replace(live)
    except (OSError, RepositoryRefused) as e:
        _as_it_was(live, kept)
        if isinstance(e, PermissionError) and sys.platform == "win32":
            raise RepositoryRefused(f"a program has {live} open: close it first", code="backup.in_use") from e
        if isinstance(e, OSError):
            raise BackupError(f"{live} cannot be exchanged: {e.strerror}", code="backup.target") from e
        raise
    return kept


def _work_off_log(live: Path) -> None:
    """So that one file holds all of the old database. A damaged one keeps its log."""
    with live.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return
    if not any(live.with_name(live.name + end).exists() for end in SIDECARS):
        return
    with suppress(sqlite3.Error), closing(sqlite3.connect(live, timeout=0, isolation_level=None)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _keep(live: Path, kept: Path) -> None:
    """A second name, so that the first is never missing; a copy where the disk has no second names."""
    try:
        os.link(live, kept)
    except OSError:
        shutil.copy2(live, kept)
        with kept.open("rb+") as file:
            os.fsync(file.fileno())


def _set_aside_log(live: Path, kept: Path) -> None:
    for end in SIDECARS:
        with suppress(FileNotFoundError):
            live.with_name(live.name + end).replace(kept.with_name(kept.name + end))


def _as_it_was(live: Path, kept: Path) -> None:
    for end in SIDECARS:
        with suppress(FileNotFoundError):
            kept.with_name(kept.name + end).replace(live.with_name(live.name + end))
    kept.unlink(missing_ok=True)


def _dress_like(old: Path, new: Path) -> None:
    """The program of the database must be able to open it as before."""
    status = old.stat()
    new.chmod(status.st_mode & 0o7777)
    if sys.platform != "win32":
        try:
            os.chown(new, status.st_uid, status.st_gid)
        except PermissionError as e:
            raise BackupError(
                f"the restored file cannot be given to the owner of {old}; nothing was changed",
                code="backup.target",
            ) from e


def _names(live: Path) -> set[str]:
    return {str(live), *(str(live) + end for end in SIDECARS)}


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "a program"


def _there(live: Path) -> Path:
    """The nearest folder that exists."""
    return next(folder for folder in live.absolute().parents if folder.is_dir())


def _refused(why: str) -> RepositoryRefused:
    return RepositoryRefused(f"{why}; nothing was changed", code="backup.not_in_place")

"""Looks whether the collector can work: database, certificates, disk, clock, permissions. Repairs nothing."""

import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from collector.core import authority, clock
from collector.core.config import Config

DISK_FREE_BYTES = 2 << 30
EXPIRY = timedelta(days=30)
BUILT = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock that is right shows less."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`next` says what to do; empty where nothing is to be done."""

    name: str
    ok: bool
    text: str
    next: str = ""


def examine() -> list[Finding]:
    config: Config = settings.CONFIG
    now = clock.now()
    return [_database(), *_certificates(config, now), _disk(config), _clock(now), *_permissions(config)]


def pending_migrations() -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _database() -> Finding:
    try:
        pending = pending_migrations()
    except DatabaseError as e:
        return Finding("database", False, f"does not answer: {e}", "check `database` in collector.toml")
    if pending:
        return Finding("database", False, f"{len(pending)} changes wait", "run plomba-collector migrate")
    return Finding("database", True, f"{connection.vendor} answers, all changes are in")


def _certificates(config: Config, now: datetime) -> Iterator[Finding]:
    for file in (authority.CA_CERT, authority.SERVER_CERT):
        path = config.path(config.tls_dir) / file
        if not path.exists():
            yield Finding(f"certificate {file}", False, "is not there", "run plomba-collector init")
            continue
        ends = authority.read_certificate(path).not_valid_after_utc
        soon = ends < now + EXPIRY
        text = f"{'ended' if ends < now else 'is valid until'} {ends:%Y-%m-%d}"
        yield Finding(f"certificate {file}", not soon, text, "run plomba-collector init" if soon else "")


def _disk(config: Config) -> Finding:
    free = shutil.disk_usage(config.home).free
    ok = free >= DISK_FREE_BYTES
    return Finding("disk", ok, f"{free / 2**30:.1f} GiB free", "" if ok else "make room in the home folder")


def _clock(now: datetime) -> Finding:
    ok = now > BUILT
    return Finding("clock", ok, f"{now:%Y-%m-%d %H:%M:%S} UTC", "" if ok else "set the clock of this machine")


def _permissions(config: Config) -> Iterator[Finding]:
    folder = config.path(config.tls_dir)
    private = (config.path(config.secret_key_file), folder / authority.CA_KEY, folder / authority.SERVER_KEY)
    for path in private:
        yield _private(path)


def _private(path: Path) -> Finding:
    name = f"file {path.name}"
    if not path.exists():
        return Finding(name, False, "is not there", "run plomba-collector init")
    mode = stat.S_IMODE(path.stat().st_mode)
    ok = not mode & 0o077
    return Finding(name, ok, f"mode {mode:04o}", "" if ok else f"run chmod 600 {path}")

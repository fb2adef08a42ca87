"""Where this collector keeps backups, as its configuration says: a folder, or a bucket of an object store. And whether
that can be used."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection

from collector.backups.place import Place
from collector.backups.store import Store
from collector.core.config import Config
from collector.core.doctor import Finding
from protocols.errors import BackupError, ConfigError

if TYPE_CHECKING:
    from collector.backups.bucket import Bucket

SECRET_VARIABLE = "PLOMBA_STORAGE_SECRET"  # noqa: S105 - a name
_LOCKS = "locks"


def of(config: Config) -> Place:
    """ConfigError where the secret or the authority cannot be read."""
    if config.storage.kind == "folder":
        return Store(config.path(config.backup_dir))
    return _object_store(config)


def examine(config: Config) -> Iterator[Finding]:
    """For `plomba-collector doctor`; nothing where backups lie in a folder."""
    if config.storage.kind == "folder":
        return
    name, hint = "backup storage", "look at [storage] in collector.toml, docs/how-to/backup-storage.md"
    try:
        bucket = _bucket(config)
        list(_first(bucket, config.storage.prefix))
        yield Finding(name, True, f"the bucket {config.storage.bucket} answers")
        yield _kept_apart(bucket)
        yield _summed(bucket)
    except (ConfigError, BackupError) as e:
        yield Finding(name, False, str(e), hint)
    file = config.path(config.storage.secret_file)
    if file.exists() and file.stat().st_mode & 0o077:
        yield Finding(f"file {file.name}", False, "others may read it", f"run chmod 600 {file}")


def _first(bucket: "Bucket", prefix: str) -> Iterator[str]:
    for one in bucket.list(f"{prefix}.probe/"):
        yield one.key


def _kept_apart(bucket: "Bucket") -> Finding:
    text = "the store keeps the first object under a name"
    if bucket.keeps_first:
        return Finding("backup storage, overwriting", True, text)
    text = "the store lets an object be written over"
    return Finding(
        "backup storage, overwriting", False, text, "use a store that honours If-None-Match on PUT"
    )


def _summed(bucket: "Bucket") -> Finding:
    told = "is believed" if bucket.counts_sums else "is not counted: each pack is read once when it comes"
    return Finding("backup storage, SHA-256", True, f"the store's own sum {told}")


@lru_cache(maxsize=4)
def _object_store(config: Config) -> Place:
    # an S3 client takes some megabytes, and most collectors need none
    from collector.backups.object_store import ObjectStore  # noqa: PLC0415

    told = config.storage
    alone = partial(_alone, config.path(Path(_LOCKS)))
    return ObjectStore(_bucket(config), alone, prefix=told.prefix, direct=told.direct)


def _bucket(config: Config) -> "Bucket":
    from collector.backups.bucket import Bucket  # noqa: PLC0415 - as above

    ca_file = config.path(config.storage.ca_file) if config.storage.ca_file else None
    if ca_file and not ca_file.is_file():
        raise ConfigError("collector.toml", "storage.ca_file", f"{ca_file} is not there")
    return Bucket(config.storage, _secret(config), ca_file)


def _secret(config: Config) -> str:
    """From the environment, else the file. Is in no message."""
    if given := os.environ.get(SECRET_VARIABLE, "").strip():
        return given
    file = config.path(config.storage.secret_file)
    try:
        found = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        problem = f"{file} cannot be read; it holds the secret key of the object store in one line"
        raise ConfigError("collector.toml", "storage.secret_file", problem) from e
    if not found or len(found.split()) != 1:
        problem = f"{file} does not hold one secret key in one line"
        raise ConfigError("collector.toml", "storage.secret_file", problem)
    return found


@contextmanager
def _alone(folder: Path, terminal: str) -> Iterator[None]:
    """One holder on all computers of this collector: its database knows them all; with SQLite there is but one
    computer."""
    if connection.vendor == "postgresql":
        number = int.from_bytes(hashlib.sha256(terminal.encode()).digest()[:8], "big", signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [number])
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / terminal).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

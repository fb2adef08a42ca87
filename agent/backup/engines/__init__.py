"""The contract of a snapshot source and the registry of engines, written by hand. An engine says what to read and how
it changes from day to day; it neither compresses nor encrypts, knows no repository, and retries nothing."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from protocols.errors import ConfigError, UsageError

Scalar = bool | int | float | str | None
Facts = Mapping[str, Scalar]


class Reader(Protocol):
    """An unbuffered file or the output of a program."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """How many bytes were put at the beginning of the buffer; 0 at the end."""


class Cut(StrEnum):
    """How the bytes of a part change between two backups, and so where they are cut."""

    PAGES = "pages"
    """In place, page by page: database files, raw images, .bak files."""
    CHUNKS = "chunks"
    """Anywhere, and what follows moves: dumps, programs, documents."""


class Kind(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a snapshot. `name` is its path there: relative, with forward slashes, no dots as steps.

    `open` gives the bytes from the first on, read once and in order. Leaving its context without an error means that
    the bytes were whole: a program that ended badly, or a dump without its last line, raises SnapshotFailed there.
    `page_bytes` of a part cut into pages is a power of two from 512 to 65536. `size_bytes` is None where only the end
    of the stream tells, and is for progress alone. Where `stamp` is not empty and equal to that of the last backup,
    the bytes are taken as unchanged and `open` is not called. `meta` is kept with the part: `mode` (permission bits),
    `mtime_ns`, `target` of a link; a folder and a link have no bytes."""

    name: str
    open: Callable[[], AbstractContextManager[Reader]]
    cut: Cut = Cut.CHUNKS
    page_bytes: int = 4096
    size_bytes: int | None = None
    stamp: str = ""
    kind: Kind = Kind.FILE
    meta: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A source that stands still while its context is open. `mode` says how that was reached. `parts` is gone through
    once, in order, and may make each part when it is asked for. `facts` is asked once, after the last part was read,
    and tells of the same moment as the parts do."""

    parts: Iterable[Part]
    facts: Callable[[], Facts]
    mode: str
    size_bytes: int | None = None
    """Of all parts together, for progress; None where nobody knows."""


class Pace(Protocol):
    """Asked between two steps of a copy, of a count, of reading."""

    def between(self, done: int, total: int) -> None:
        """May wait, so that a busy till goes first; raises SnapshotFailed to give the backup up. Units are the
        caller's."""


class Evidence(StrEnum):
    """What an engine was tried on."""

    REAL = "real"
    """The maker's own server or library, in every run of the tests."""
    FAKED = "faked"
    """A stand-in written from the maker's documentation."""


class Engine(Protocol):
    @property
    def name(self) -> str:
        """As in the configuration and in the snapshot's header."""

    @property
    def evidence(self) -> Evidence: ...

    def snapshot(self, source: str, staging: Path, pace: Pace) -> AbstractContextManager[Snapshot]:
        """The live source as it stands at one moment, without ever making its owner wait longer than the engine's notes
        say. `source` is as in the configuration: a path, or what the engine takes for an address. `staging` is an empty
        folder on the till's disk, for what cannot be read in place; its content goes with the run. May be repeated.
        SnapshotFailed, its code telling why."""

    def verify(self, restored: Path, scratch: Path) -> Facts:
        """Check a restored copy by the engine's own means and read its facts again, under the same names. `restored`
        is the file where the snapshot had one part whose name has no slash, else the folder that holds all parts by
        their names. `scratch` is an empty folder, thrown away afterwards; nothing is written beside `restored`.
        IntegrityError with the engine's words where the copy is not sound. SnapshotFailed `backup.no_checker` where
        what is needed to check is not here (no server to restore into): that proves nothing."""


class NoPause:
    def between(self, done: int, total: int) -> None:
        """Goes on at once."""


def file_part(name: str, path: Path, cut: Cut, *, page_bytes: int = 4096) -> Part:
    """A part that lies in a file."""
    size = path.stat().st_size
    return Part(name, lambda: path.open("rb", buffering=0), cut, page_bytes, size)


def bare_part(name: str, kind: Kind, meta: Mapping[str, Scalar]) -> Part:
    """A folder or a link."""

    def opened() -> AbstractContextManager[Reader]:
        raise UsageError(f"{name} has no bytes")

    return Part(name, opened, kind=kind, meta=meta)


def _sqlite() -> Engine:
    from agent.backup.engines.sqlite import SqliteEngine  # noqa: PLC0415 - each engine for itself, as it is asked for

    return SqliteEngine()


def _postgresql() -> Engine:
    from agent.backup.engines.postgresql import PostgresqlEngine  # noqa: PLC0415

    return PostgresqlEngine()


def _postgresql_cluster() -> Engine:
    from agent.backup.engines.postgresql_cluster import PostgresqlClusterEngine  # noqa: PLC0415

    return PostgresqlClusterEngine()


def _mariadb() -> Engine:
    from agent.backup.engines.mariadb import MariadbEngine  # noqa: PLC0415

    return MariadbEngine()


def _firebird() -> Engine:
    from agent.backup.engines.firebird import FirebirdEngine  # noqa: PLC0415

    return FirebirdEngine()


def _firebird_pages() -> Engine:
    from agent.backup.engines.firebird_pages import FirebirdPagesEngine  # noqa: PLC0415

    return FirebirdPagesEngine()


def _mssql() -> Engine:
    from agent.backup.engines.mssql import MssqlEngine  # noqa: PLC0415

    return MssqlEngine()


def _files() -> Engine:
    from agent.backup.engines.files import FilesEngine  # noqa: PLC0415

    return FilesEngine()


ENGINES: Mapping[str, Callable[[], Engine]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "postgresql_cluster": _postgresql_cluster,
    "mariadb": _mariadb,
    "firebird": _firebird,
    "firebird_pages": _firebird_pages,
    "mssql": _mssql,
    "files": _files,
}
"""All of them, by hand. A backup loads its own alone: a process that has a bar of memory needs no other."""


def engine(name: str) -> Engine:
    """ConfigError with the known names."""
    if name not in ENGINES:
        raise ConfigError("backup", "engine", f"{name!r} is not known", ", ".join(sorted(ENGINES)))
    return ENGINES[name]()


def check_source(name: str, source: str) -> None:
    """ConfigError where `source` is not what that engine takes for an address. Opens nothing but the files of
    passwords that it names."""
    from agent.backup.engines import firebird_client, mariadb_client, mssql_client, postgresql_client  # noqa: PLC0415

    addresses: Mapping[str, Callable[[str], object]] = {
        "postgresql": postgresql_client.client,
        "postgresql_cluster": postgresql_client.client,
        "mariadb": mariadb_client.client,
        "firebird": firebird_client.client,
        "firebird_pages": firebird_client.client,
        "mssql": mssql_client.address,
    }
    if name in addresses:
        addresses[name](source)

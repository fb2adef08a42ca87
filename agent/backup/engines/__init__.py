"""The contract of a snapshot source and the registry of engines, written by hand. An engine neither
compresses nor encrypts, knows no repository, and retries nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from protocols.errors import ConfigError

Scalar = bool | int | float | str | None
Facts = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class StagedFile:
    """`name` is what the file is called inside the snapshot, with forward slashes; `path` is where it lies
    now."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy that stands still. `mode` says how it was made; `facts` come from the same read as the copy."""

    files: tuple[StagedFile, ...]
    facts: Facts
    mode: str


class Pace(Protocol):
    """Asked between two steps of a copy."""

    def between(self, done: int, total: int) -> None:
        """May wait, so that a busy till goes first; raises SnapshotFailed to give the copy up. Units are the
        engine's."""


class Engine(Protocol):
    @property
    def name(self) -> str:
        """As in the configuration and in the snapshot's header."""

    def snapshot(self, source: Path, staging: Path, pace: Pace) -> Snapshot:
        """Copy a live source into the empty folder `staging`, as it stood at one moment, without ever making
        its owner wait longer than the engine's notes say. May be repeated. SnapshotFailed, its code telling
        why."""

    def verify(self, restored: Path) -> Facts:
        """Check a restored copy by the engine's own means and read its facts again, under the same names.
        Never writes beside `restored`. IntegrityError with the engine's words where the copy is not sound."""


class NoPause:
    def between(self, done: int, total: int) -> None:
        """Goes on at once."""


def engines() -> Mapping[str, Engine]:
    """All of them, by hand."""
    from agent.backup.engines.sqlite import SqliteEngine  # noqa: PLC0415 - the engines import this module

    return {"sqlite": SqliteEngine()}


def engine(name: str) -> Engine:
    """ConfigError with the known names."""
    known = engines()
    if name not in known:
        raise ConfigError("backup", "engine", f"{name!r} is not known", ", ".join(sorted(known)))
    return known[name]

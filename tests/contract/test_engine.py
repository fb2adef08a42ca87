"""One suite over every engine: a copy of a living source, the same facts again after a restore, and no trace
left."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.backup.drill import verify
from agent.backup.engines import NoPause, engine
from protocols.errors import ConfigError, IntegrityError, SnapshotFailed

NAMES = ["sqlite"]


@dataclass(frozen=True)
class Living:
    """`write` changes the source as its program would, `grow` until it is copied in several steps; `spoil`
    breaks a copy without changing its length."""

    source: Path
    write: Callable[[], None]
    grow: Callable[[], None]
    spoil: Callable[[Path], None]


def living_sqlite(root: Path) -> Living:
    source = root / "pos.db"
    with closing(sqlite3.connect(source)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)")
        database.executemany("INSERT INTO t (x) VALUES (?)", [(os.urandom(500),) for _ in range(500)])
        database.commit()

    def add(rows: int) -> None:
        with closing(sqlite3.connect(source)) as database:
            database.executemany("INSERT INTO t (x) VALUES (?)", [(os.urandom(900),) for _ in range(rows)])
            database.commit()

    def spoil(copy: Path) -> None:
        with copy.open("r+b") as file:
            file.seek(4096 * 10)
            file.write(b"\xff" * 4096)

    return Living(source, lambda: add(1), lambda: add(9000), spoil)


SOURCES: dict[str, Callable[[Path], Living]] = {"sqlite": living_sqlite}


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def living(name: str, tmp_path: Path) -> Living:
    return SOURCES[name](tmp_path)


def staging(root: Path, number: int = 1) -> Path:
    folder = root / f"staging{number}"
    folder.mkdir()
    return folder


def test_the_registry_knows_it_and_no_other(name: str) -> None:
    assert engine(name).name == name
    with pytest.raises(ConfigError) as refused:
        engine(f"{name}x")
    assert name in refused.value.allowed


def test_the_copy_stands_still_while_the_source_goes_on(name: str, living: Living, tmp_path: Path) -> None:
    made = engine(name).snapshot(living.source, staging(tmp_path), NoPause())
    before = [file.path.read_bytes() for file in made.files]
    living.write()
    assert [file.path.read_bytes() for file in made.files] == before
    assert all(file.path.is_relative_to(tmp_path / "staging1") for file in made.files)
    assert len({file.name for file in made.files}) == len(made.files) >= 1


def test_a_restored_copy_has_the_same_facts(name: str, living: Living, tmp_path: Path) -> None:
    by = engine(name)
    made = by.snapshot(living.source, staging(tmp_path), NoPause())
    apart = tmp_path / "elsewhere"
    apart.mkdir()
    restored = apart / "restored"
    restored.write_bytes(made.files[0].path.read_bytes())
    assert made.facts
    assert verify(by, restored, made.facts) == made.facts
    assert [path.name for path in apart.iterdir()] == ["restored"]


def test_other_contents_have_other_facts(name: str, living: Living, tmp_path: Path) -> None:
    by = engine(name)
    first = by.snapshot(living.source, staging(tmp_path, 1), NoPause())
    living.write()
    second = by.snapshot(living.source, staging(tmp_path, 2), NoPause())
    assert first.facts != second.facts
    with pytest.raises(IntegrityError):
        verify(by, second.files[0].path, first.facts)


def test_a_spoilt_copy_is_noticed(name: str, living: Living, tmp_path: Path) -> None:
    by = engine(name)
    copy = by.snapshot(living.source, staging(tmp_path), NoPause()).files[0].path
    living.spoil(copy)
    with pytest.raises(IntegrityError):
        by.verify(copy)


def test_a_source_that_is_not_there_is_not_made(name: str, tmp_path: Path) -> None:
    with pytest.raises(SnapshotFailed):
        engine(name).snapshot(tmp_path / "no.such", staging(tmp_path), NoPause())
    assert not (tmp_path / "no.such").exists()


def test_a_copy_can_be_given_up_between_two_steps(name: str, living: Living, tmp_path: Path) -> None:
    class Stop:
        def between(self, done: int, total: int) -> None:
            raise SnapshotFailed("the till is busy", code="backup.busy")

    living.grow()
    with pytest.raises(SnapshotFailed) as failed:
        engine(name).snapshot(living.source, staging(tmp_path), Stop())
    assert failed.value.code == "backup.busy"
    living.write()

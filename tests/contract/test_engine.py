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
from agent.backup.engines import Facts, NoPause, Part, engine
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


@dataclass(frozen=True)
class Taken:
    """What a restore would give back: the parts, read as a backup reads them."""

    where: Path
    names: tuple[str, ...]
    facts: Facts


def take(name: str, living: Living, root: Path, during: Callable[[], None] = lambda: None) -> Taken:
    root.mkdir()
    (root / "staging").mkdir()
    names = []
    with engine(name).snapshot(str(living.source), root / "staging", NoPause()) as made:
        during()
        for part in made.parts:
            names.append(part.name)
            write(part, root / "restored" / part.name)
        facts = made.facts()
    where = root / "restored" / names[0] if len(names) == 1 and "/" not in names[0] else root / "restored"
    return Taken(where, tuple(names), facts)


def write(part: Part, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    buffer = memoryview(bytearray(1 << 18))
    with part.open() as reader, to.open("wb") as out:
        while count := reader.readinto(buffer):
            out.write(buffer[:count])


def test_the_copy_stands_still_while_the_source_goes_on(name: str, living: Living, tmp_path: Path) -> None:
    still = take(name, living, tmp_path / "still")
    moving = take(name, living, tmp_path / "moving", during=living.write)
    assert moving.facts == still.facts
    assert len(set(moving.names)) == len(moving.names) >= 1


def test_a_restored_copy_has_the_same_facts(name: str, living: Living, tmp_path: Path) -> None:
    made = take(name, living, tmp_path / "copy")
    before = sorted((tmp_path / "copy" / "restored").rglob("*"))
    assert made.facts
    assert verify(engine(name), made.where, made.facts, tmp_path / "check") == made.facts
    assert sorted((tmp_path / "copy" / "restored").rglob("*")) == before


def test_other_contents_have_other_facts(name: str, living: Living, tmp_path: Path) -> None:
    first = take(name, living, tmp_path / "first")
    living.write()
    second = take(name, living, tmp_path / "second")
    assert first.facts != second.facts
    with pytest.raises(IntegrityError):
        verify(engine(name), second.where, first.facts, tmp_path / "check")


def test_a_spoilt_copy_is_noticed(name: str, living: Living, tmp_path: Path) -> None:
    made = take(name, living, tmp_path / "copy")
    living.spoil(made.where)
    with pytest.raises(IntegrityError):
        engine(name).verify(made.where, tmp_path)


def test_a_source_that_is_not_there_is_not_made(name: str, tmp_path: Path) -> None:
    with (
        pytest.raises(SnapshotFailed),
        engine(name).snapshot(str(tmp_path / "no.such"), staging(tmp_path), NoPause()) as made,
    ):
        list(made.parts)
    assert not (tmp_path / "no.such").exists()


def test_a_copy_can_be_given_up_between_two_steps(name: str, living: Living, tmp_path: Path) -> None:
    class Stop:
        def between(self, done: int, total: int) -> None:
            raise SnapshotFailed("the till is busy", code="backup.busy")

    living.grow()
    with (
        pytest.raises(SnapshotFailed) as failed,
        engine(name).snapshot(str(living.source), staging(tmp_path), Stop()) as made,
    ):
        [write(part, tmp_path / "given-up" / part.name) for part in made.parts]
    assert failed.value.code == "backup.busy"
    living.write()

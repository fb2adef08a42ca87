"""What was erased does not come back with an older set: only where the till allows it, and only by its digest."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.backup.erasing import Erased, erase, parsed
from agent.backup.key import SECRET_MARK, encode
from agent.cli import main
from protocols.errors import BackupError
from protocols.wire.erasure import Erasure, Erasures, digest_of, new_salt
from tests.agent.backup.till import SECRET, Till

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
NAME = "Ilze Paraudziņa, +371 20000000"


def entry(value: str, column: str = "guests.name", source: str = "pos") -> Erasure:
    salt = new_salt()
    return Erasure(source=source, column=column, salt=salt, digest=digest_of(salt, value), at=NOW)


@pytest.fixture
def till(till: Till) -> Till:
    till.make_database(journal="wal")
    with closing(sqlite3.connect(till.database, isolation_level=None)) as opened:
        opened.execute("CREATE TABLE guests (id INTEGER PRIMARY KEY, name TEXT)")
        opened.executemany("INSERT INTO guests (name) VALUES (?)", [(NAME,), ("other",), (None,), (NAME,)])
    till.backup()
    return till


def guests(file: Path) -> list[tuple[int, str | None]]:
    with closing(sqlite3.connect(file)) as opened:
        return opened.execute("SELECT id, name FROM guests ORDER BY id").fetchall()


@pytest.fixture
def copy(till: Till) -> Path:
    return till.restore(till.root / "back.db").path


def test_rows_with_that_value_go_and_leave_no_trace(copy: Path) -> None:
    assert NAME.encode() in copy.read_bytes()
    done = erase(copy, [entry(NAME)], ["guests.name"], "sqlite")
    assert done == Erased({"guests.name": 2}, 0)
    assert guests(copy) == [(2, "other"), (3, None)]
    assert NAME.encode() not in copy.read_bytes()
    assert not copy.with_name(copy.name + "-wal").exists()


def test_a_number_is_named_by_its_digits(copy: Path) -> None:
    assert erase(copy, [entry("3", "guests.id")], ["guests.id"], "sqlite").rows == {"guests.id": 1}
    assert [row[0] for row in guests(copy)] == [1, 2, 4]


def test_what_the_till_does_not_allow_stays(copy: Path) -> None:
    """A list alone, whoever wrote it, deletes nothing."""
    before = copy.read_bytes()
    wanted = [entry(NAME), entry("1", "receipts.id")]
    assert erase(copy, wanted, [], "sqlite") == Erased({}, 2)
    assert copy.read_bytes() == before
    assert erase(copy, wanted, ["guests.name"], "sqlite") == Erased({"guests.name": 2}, 1)


def test_another_engine_is_left_to_a_person(copy: Path) -> None:
    assert erase(copy, [entry(NAME)], ["guests.name"], "postgresql") == Erased({}, 1)


def test_a_table_that_is_not_there_changes_nothing(copy: Path) -> None:
    wanted = [entry(NAME), entry("1", "nothing.id")]
    with pytest.raises(BackupError) as refused:
        erase(copy, wanted, ["guests.name", "nothing.id"], "sqlite")
    assert refused.value.code == "backup.erasures"
    assert len(guests(copy)) == 4


@pytest.mark.parametrize(
    "document",
    [b"", b"{}x", b'{"version": 2}', b'{"items": [{"source": "pos", "column": "a\\"; DROP TABLE b"}]}'],
)
def test_a_list_that_is_none_is_refused(document: bytes) -> None:
    with pytest.raises(BackupError):
        parsed(document)


def test_the_command_erases_what_lies_beside_the_set(
    till: Till, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = Erasures(items=(entry(NAME), entry("x", source="other")))
    (till.folder / "erasures.json").write_text(wanted.model_dump_json())
    key = tmp_path / "recovery.key"
    key.write_text(encode(SECRET_MARK, SECRET.raw) + "\n")
    command = ["restore", "--repository", str(till.folder), "--recovery-key", str(key), "--json"]
    assert main([*command, "--to", str(tmp_path / "a.db"), "--erasable", "guests.name"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["erased"], told["erasures_left"]) == ({"guests.name": 2}, 0)
    assert len(guests(tmp_path / "a.db")) == 2
    assert main([*command[:-1], "--to", str(tmp_path / "b.db")]) == 0
    assert "1 erasures were not done" in capsys.readouterr().out
    assert len(guests(tmp_path / "b.db")) == 4
    assert main([*command, "--to", str(tmp_path / "c.db"), "--without-erasures"]) == 0
    assert json.loads(capsys.readouterr().out)["erasures_left"] == 0


def test_a_list_that_cannot_be_done_leaves_no_file(
    till: Till, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What should have been erased does not lie there, either."""
    wanted = Erasures(items=(entry(NAME), entry("1", "nothing.id")))
    (till.folder / "erasures.json").write_text(wanted.model_dump_json())
    key = tmp_path / "recovery.key"
    key.write_text(encode(SECRET_MARK, SECRET.raw) + "\n")
    command = ["restore", "--repository", str(till.folder), "--recovery-key", str(key), "--json"]
    more = ["--to", str(tmp_path / "back" / "a.db"), "--erasable", "guests.name", "--erasable", "nothing.id"]
    assert main([*command, *more]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "backup.erasures"
    assert list((tmp_path / "back").iterdir()) == []

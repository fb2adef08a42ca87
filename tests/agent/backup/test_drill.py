"""A drill says yes only to what really restores."""

import sqlite3
from contextlib import closing

import pytest

from agent.backup.drill import verify
from agent.backup.engines import engine
from protocols.errors import IntegrityError
from protocols.wire.snapshot import object_path
from tests.agent.backup.till import Till


def test_a_sound_backup_is_proven_and_leaves_nothing(till: Till) -> None:
    till.make_database()
    done = till.backup()
    result = till.drill()
    assert (result.ok, result.error, result.snapshot) == (True, "", done.snapshot)
    assert result.facts == done.facts
    assert result.restored_bytes == done.header.source_bytes
    assert result.duration_s > 0
    assert not list((till.root / "scratch").iterdir())


def test_a_damaged_pack_is_a_failed_drill(till: Till) -> None:
    till.make_database()
    pack = till.backup().header.packs[0]
    path = till.folder / object_path(f"packs/{pack.digest}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    result = till.drill()
    assert (result.ok, result.code) == (False, "backup.integrity")
    assert pack.digest[:12] in result.error
    assert not list((till.root / "scratch").iterdir())


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM receipts WHERE id = 3",
        "UPDATE receipts SET total = 1 WHERE id = 9",
        "DROP TABLE receipts",
    ],
)
def test_facts_that_differ_are_named(till: Till, change: str) -> None:
    till.make_database()
    facts = till.backup().facts
    till.restore(till.root / "back.db")
    by = engine("sqlite")
    assert verify(by, till.root / "back.db", facts, till.root / "check") == facts
    with closing(sqlite3.connect(till.root / "back.db")) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute(change)
        database.commit()
    with pytest.raises(IntegrityError) as failed:
        verify(by, till.root / "back.db", facts, till.root / "check")
    assert failed.value.code == "backup.facts"


def test_a_database_that_was_broken_before_the_backup_is_noticed(till: Till) -> None:
    """Equal to the last byte, and still of no use: only the engine can tell."""
    till.make_database(rows=5000, journal="delete")
    by = engine("sqlite")
    by.verify(till.database, till.root)
    with till.database.open("r+b") as file:
        file.seek(4096 * 20)
        file.write(b"\x0d" + b"\xff" * 4000)
    with pytest.raises(IntegrityError):
        by.verify(till.database, till.root)

"""What comes back is what was there."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from agent.backup.catalogue import Wanted
from agent.backup.key import new_data_key
from agent.backup.pack import PACK_BYTES
from protocols.errors import BackupError, RepositoryRefused, SnapshotFailed
from tests.agent.backup.till import OTHER_SECRET, SECRET, Till, content


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("page", [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536])
def test_a_quiet_database_comes_back_byte_for_byte(till: Till, page: int, journal: str) -> None:
    till.make_database(page=page, journal=journal)
    done = till.backup()
    till.restore(till.root / "back.db")
    assert (till.root / "back.db").read_bytes() == till.database.read_bytes()
    assert done.facts["page_size"] == page
    assert done.facts["rows.receipts"] == 200
    assert done.facts["sum.receipts.total"] == sum(i * 7 for i in range(200))


def test_an_empty_file_is_an_empty_database(till: Till) -> None:
    till.database.touch()
    done = till.backup()
    till.restore(till.root / "back.db")
    assert (till.root / "back.db").read_bytes() == b""
    assert done.header.packs == ()
    assert till.drill().ok


def test_a_database_without_tables(till: Till) -> None:
    with closing(sqlite3.connect(till.database)) as database:
        database.execute("PRAGMA user_version=7")
        database.commit()
    assert till.backup().facts["user_version"] == 7
    till.restore(till.root / "back.db")
    assert (till.root / "back.db").read_bytes() == till.database.read_bytes()


def test_what_is_in_the_wal_is_in_the_backup_and_what_is_not_committed_is_not(till: Till) -> None:
    till.make_database()
    with closing(sqlite3.connect(till.database, isolation_level=None)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("INSERT INTO receipts (total) VALUES (1)")
        committed = content(till.database)
        writer.execute("BEGIN")
        writer.execute("INSERT INTO receipts (total) VALUES (2)")
        till.backup()
        writer.execute("ROLLBACK")
    till.restore(till.root / "back.db")
    assert content(till.root / "back.db") == committed
    assert len(committed) == 201


def test_a_file_of_many_packs(till: Till) -> None:
    till.make_database(rows=15_000, noise=1000)
    done = till.backup()
    assert len(done.header.packs) >= 3
    assert all(pack.size >= PACK_BYTES for pack in done.header.packs[:-1])
    till.restore(till.root / "back.db")
    assert (till.root / "back.db").read_bytes() == till.database.read_bytes()


def test_tables_that_are_hard_to_count(till: Till) -> None:
    with closing(sqlite3.connect(till.database)) as database:
        database.execute('CREATE TABLE "odd ""name" (a INTEGER, b TEXT)')
        database.execute("CREATE TABLE keyed (k TEXT PRIMARY KEY, n INT) WITHOUT ROWID")
        database.execute("CREATE TABLE big (h INTEGER)")
        database.execute("CREATE VIEW seen AS SELECT * FROM keyed")
        database.executemany("INSERT INTO big VALUES (?)", [(2**63 - 1,), (2**63 - 2,)])
        database.execute("INSERT INTO keyed VALUES ('x', 5)")
        database.execute("CREATE TABLE mixed (n INTEGER, t INTEGER, whole INTEGER, none INTEGER)")
        for n, whole in ((7, 1), (2.5, 2), ("abc", None), (b"9", 3), (None, 4)):
            database.execute("INSERT INTO mixed VALUES (?, 'x', ?, NULL)", (n, whole))
        database.commit()
    facts = till.backup().facts
    assert facts["rows.keyed"] == 1
    assert facts["sum.keyed.n"] == 5
    assert facts["rows.big"] == 2
    assert "sum.big.h" not in facts
    assert [facts[f"sum.mixed.{column}"] for column in ("n", "t", "whole", "none")] == [7, None, 10, None]
    assert facts['rows.odd "name'] == 0
    assert "rows.seen" not in facts
    assert till.drill().ok


def test_an_earlier_moment_can_be_asked_for(till: Till) -> None:
    till.make_database(journal="delete")
    first = till.backup()
    before = till.database.read_bytes()
    till.add(10)
    second = till.backup()
    assert (second.header.sequence, second.header.previous) == (2, first.snapshot)
    at = second.header.finished_at - timedelta(microseconds=1)
    till.restore(till.root / "then.db", Wanted(at=at))
    assert (till.root / "then.db").read_bytes() == before
    till.restore(till.root / "chosen.db", Wanted(snapshot=first.snapshot[:10]))
    assert (till.root / "chosen.db").read_bytes() == before
    with pytest.raises(BackupError) as refused:
        till.find(Wanted(at=first.header.finished_at - timedelta(seconds=1)))
    assert refused.value.code == "backup.no_snapshot"


def test_the_chain_goes_on_after_the_state_is_lost(till: Till) -> None:
    till.make_database()
    first = till.backup()
    for kept in (till.root / "state").glob("pos.*"):
        kept.unlink()
    assert till.backup().header.previous == first.snapshot


def test_two_sources_in_one_folder_must_be_told_apart(till: Till) -> None:
    till.make_database()
    till.backup(name="front")
    till.backup(name="office")
    with pytest.raises(BackupError) as refused:
        till.find()
    assert refused.value.code == "backup.ambiguous"
    assert till.find(Wanted(source="office")).header.source == "office"


def test_an_existing_file_is_not_touched(till: Till) -> None:
    till.make_database(journal="delete")
    till.backup()
    target = till.root / "back.db"
    target.write_text("mine")
    with pytest.raises(RepositoryRefused) as refused:
        till.restore(target)
    assert refused.value.code == "backup.target_exists"
    assert target.read_text() == "mine"
    till.restore(target, force=True)
    assert target.read_bytes() == till.database.read_bytes()


def test_another_recovery_key_opens_nothing(till: Till) -> None:
    till.make_database()
    till.backup()
    with pytest.raises(BackupError) as refused:
        till.restore(till.root / "back.db", secret=OTHER_SECRET)
    assert refused.value.code == "backup.wrong_recovery_key"
    assert not list(till.root.glob("back.db*"))


def test_each_of_two_recovery_keys_opens(till: Till) -> None:
    till.recipients = [OTHER_SECRET.public, SECRET.public]
    till.make_database()
    till.backup()
    till.restore(till.root / "one.db", secret=SECRET)
    till.restore(till.root / "two.db", secret=OTHER_SECRET)
    assert (till.root / "one.db").read_bytes() == (till.root / "two.db").read_bytes()


def test_no_two_snapshots_share_a_key() -> None:
    one, two = (new_data_key("t", [SECRET.public]) for _ in range(2))
    assert one.key != two.key
    assert one.run != two.run


def test_nothing_of_the_till_holds_the_data_or_its_key(till: Till) -> None:
    """What a thief finds: after a run neither the copy nor anything that opens the packs is left."""
    till.make_database(rows=50, noise=0)
    with closing(sqlite3.connect(till.database)) as database:
        database.execute("CREATE TABLE t (x TEXT)")
        database.execute("INSERT INTO t VALUES ('PLAIN-SECRET-OF-A-GUEST')")
        database.commit()
    till.backup()
    kept = [path for path in (till.root / "state").rglob("*") if path.is_file()]
    assert {path.name.split(".")[0] for path in kept} == {"pos"}
    for path in [*kept, *till.objects()]:
        assert b"PLAIN-SECRET" not in path.read_bytes()
    assert b"PLAIN-SECRET" in till.database.read_bytes()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: None, "backup.source_missing"),
        (lambda path: path.write_bytes(b"no database at all" * 100), "backup.source_wrong"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 200), "backup.source_wrong"),
        (lambda path: path.mkdir(), "backup.source_denied"),
    ],
)
def test_a_wrong_source_is_named(till: Till, make, code: str) -> None:  # type: ignore[no-untyped-def]
    make(till.database)
    with pytest.raises(SnapshotFailed) as failed:
        till.backup()
    assert failed.value.code == code
    assert not failed.value.retriable
    assert not till.objects()


def test_two_runs_of_one_source_do_not_meet(till: Till) -> None:
    till.make_database()

    class Nested:
        """Starts a second run in the middle of the first."""

        def __init__(self) -> None:
            self.inner = till.repository
            self.codes: list[str] = []

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

        def put_new(self, name: str, data: bytes) -> None:
            with pytest.raises(SnapshotFailed) as failed:
                till.backup(self.inner)
            self.codes.append(failed.value.code)
            self.inner.put_new(name, data)

    nested = Nested()
    nested.address = till.repository.address  # type: ignore[attr-defined]
    till.backup(nested)  # type: ignore[arg-type]
    assert set(nested.codes) == {"backup.running"}
    assert till.drill().ok


def test_the_copy_needs_no_write_beside_the_source(till: Till, tmp_path: Path) -> None:
    till.make_database(journal="delete")
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    till.backup()
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.name in before}
    assert after == before
    assert not list(tmp_path.glob("pos.db-*"))

"""A till that keeps selling while it is backed up sees no error, and the copy is of one moment."""

import errno
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from agent.backup.engines import Facts, Pace, sqlite
from agent.backup.engines.sqlite import SqliteEngine
from protocols.errors import IntegrityError, SnapshotFailed
from tests.agent.backup.till import Till

ROOT = Path(__file__).resolve().parents[3]
PAUSES = 10


class Slow:
    """Waits between steps as for a busy till, so that commits fall into the copy."""

    def __init__(self) -> None:
        self._never = Event()
        self.steps = 0

    def between(self, done: int, total: int) -> None:
        self.steps += 1
        if self.steps <= PAUSES:
            self._never.wait(0.15)


@contextmanager
def selling(path: Path, timeout_s: float) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.agent.backup.writer", str(path), str(timeout_s)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "ready\n"
        result: dict[str, Any] = {}
        yield result
        process.stdin.close()
        result.update(json.loads(process.stdout.read().splitlines()[-1]))


@dataclass(frozen=True)
class Copy:
    path: Path
    mode: str
    facts: Facts


def copy(till: Till, pace: Pace) -> Copy:
    staging = till.root / "staging"
    staging.mkdir(exist_ok=True)
    target = till.root / "copied.db"
    with SqliteEngine().snapshot(str(till.database), staging, pace) as made:
        (part,) = made.parts
        with part.open() as reader, target.open("wb") as out:
            buffer = memoryview(bytearray(1 << 20))
            while count := reader.readinto(buffer):
                out.write(buffer[:count])
        return Copy(target, made.mode, made.facts())


def prepared(till: Till, journal: str) -> None:
    till.make_database(rows=50_000, journal=journal, noise=600)
    with closing(sqlite3.connect(till.database)) as database:
        database.execute("CREATE TABLE totals (n INTEGER)")
        database.execute("INSERT INTO totals SELECT count(*) FROM receipts")
        database.commit()


def of_one_moment(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT count(*) FROM receipts").fetchone()[0]
        return bool(database.execute("SELECT n FROM totals").fetchone()[0] == rows)


def test_in_wal_mode_the_till_never_waits_for_us(till: Till) -> None:
    """The till's own time-out is zero: any lock of ours would be an error at once."""
    prepared(till, "wal")
    pace = Slow()
    with selling(till.database, 0) as sold:
        made = copy(till, pace)
    assert pace.steps >= PAUSES
    assert sold["commits"] > 10
    assert sold["errors"] == []
    assert made.mode == "wal"
    assert of_one_moment(made.path)
    assert SqliteEngine().verify(made.path, till.root) == made.facts


def test_with_a_rollback_journal_the_till_waits_a_moment_and_sees_no_error(till: Till) -> None:
    prepared(till, "delete")
    with selling(till.database, 5) as sold:
        for _ in range(3):
            made = copy(till, Slow())
            assert made.mode == "journal"
            assert of_one_moment(made.path)
            assert SqliteEngine().verify(made.path, till.root) == made.facts
            made.path.unlink()
    assert sold["errors"] == []
    assert sold["commits"] > 0


class Trading:
    """The till sells and moves its log into the file in each pause of the copy."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.blocked: list[bool] = []

    def between(self, done: int, total: int) -> None:
        with closing(sqlite3.connect(self._path, timeout=0, isolation_level=None)) as database:
            sell(database, 200)
            blocked, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.blocked.append(bool(blocked))


def sell(database: sqlite3.Connection, count: int) -> None:
    database.execute("BEGIN")
    database.execute(
        "INSERT INTO receipts (total, document) SELECT 1, randomblob(600) FROM receipts LIMIT ?", (count,)
    )
    database.execute("UPDATE totals SET n = (SELECT count(*) FROM receipts)")
    database.execute("COMMIT")


def void(database: sqlite3.Connection, first: int, end: int) -> None:
    """Changes pages that lie there already, and others each time."""
    database.execute("BEGIN")
    database.execute("DELETE FROM receipts WHERE id % 7 = 0 AND id BETWEEN ? AND ?", (first, end - 1))
    database.execute("UPDATE totals SET n = (SELECT count(*) FROM receipts)")
    database.execute("COMMIT")


def sound(path: Path) -> bool:
    try:
        return of_one_moment(path) and bool(SqliteEngine().verify(path, path.parent))
    except (sqlite3.Error, IntegrityError):
        return False


def test_what_a_checkpoint_moves_while_the_file_is_copied_is_not_lost(till: Till) -> None:
    prepared(till, "wal")
    trading = Trading(till.database)
    made = copy(till, trading)
    assert len(trading.blocked) >= PAUSES
    assert all(trading.blocked)
    assert sound(made.path)
    assert SqliteEngine().verify(made.path, till.root) == made.facts


def test_control_a_copy_without_a_pinned_moment_is_of_none(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain copy of a living file, as many make it."""
    prepared(till, "wal")
    monkeypatch.setattr(SqliteEngine, "_pinned", lambda _self, _source: nullcontext())
    trading = Trading(till.database)
    with suppress(SnapshotFailed):
        copy(till, trading)
        assert not sound(till.root / "copied.db")
    assert not any(trading.blocked)


@pytest.mark.parametrize("looks", [True, False], ids=["as it is", "control"])
def test_a_log_that_is_begun_anew_while_it_is_copied(
    till: Till, monkeypatch: pytest.MonkeyPatch, *, looks: bool
) -> None:
    """All of it is in the file already, so the till begins it anew, over what was not copied yet. Control: without a
    look at its head, the first half of the old log would be laid over a file that is newer."""
    prepared(till, "wal")
    kernel, anew = sqlite._copy_some, []
    with closing(sqlite3.connect(till.database, isolation_level=None)) as owner:
        owner.execute("PRAGMA wal_autocheckpoint=0")
        for number in range(20):
            void(owner, number * 2000, number * 2000 + 2000)
        owner.execute("PRAGMA wal_checkpoint(PASSIVE)")

        def step(file: Any, to: Any, most: int) -> int:
            count = kernel(file, to, most)
            if str(file.name).endswith("-wal") and not anew:
                anew.append(count)
                sell(owner, 12_000)
            return count

        monkeypatch.setattr(sqlite, "_copy_some", step)
        if not looks:
            monkeypatch.setattr(sqlite, "_LOG_HEAD_BYTES", 0)
        good = False
        with suppress(SnapshotFailed):
            good = sound(copy(till, Slow()).path)
    assert anew == [sqlite.STEP_BYTES]
    assert good is looks


def test_without_the_kernels_help_the_copy_is_the_same(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(till, "wal")

    def refused(*_: object) -> int:
        raise OSError(errno.EXDEV, "not between these")

    monkeypatch.setattr(os, "copy_file_range", refused, raising=False)
    assert copy(till, Slow()).path.read_bytes() == till.database.read_bytes()


def test_another_journal_in_the_last_moment_is_seen(till: Till) -> None:
    prepared(till, "delete")

    class Switching:
        def between(self, done: int, total: int) -> None:
            with closing(sqlite3.connect(till.database)) as database:
                database.execute("PRAGMA journal_mode=wal")

    with pytest.raises(SnapshotFailed) as failed:
        copy(till, Switching())
    assert failed.value.retriable


def test_a_source_that_stays_locked_is_given_up_and_can_be_tried_later(till: Till) -> None:
    till.make_database(journal="delete")
    staging = till.root / "staging"
    staging.mkdir()
    with closing(sqlite3.connect(till.database, isolation_level=None)) as owner:
        owner.execute("BEGIN EXCLUSIVE")
        with (
            pytest.raises(SnapshotFailed) as failed,
            SqliteEngine(wait_s=0.1).snapshot(str(till.database), staging, Slow()),
        ):
            pass
    assert failed.value.code == "backup.source_locked"
    assert failed.value.retriable


def test_a_till_that_crashed_in_a_commit_is_not_repaired_behind_its_back(till: Till) -> None:
    """A hot journal: only a writer may roll it back, and that is the till's own program."""
    till.make_database(rows=3000, journal="delete")
    crash = (
        "import os, sqlite3, sys; d = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "d.execute('PRAGMA cache_size=1'); d.execute('PRAGMA cache_spill=1'); d.execute('BEGIN');"
        "d.execute('UPDATE receipts SET total = total + 1, document = randomblob(100)'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", crash, str(till.database)], check=False)
    journal = till.database.with_name("pos.db-journal")
    assert journal.exists()
    before = till.database.read_bytes(), journal.read_bytes()
    staging = till.root / "staging"
    staging.mkdir()
    with (
        pytest.raises(SnapshotFailed) as failed,
        SqliteEngine().snapshot(str(till.database), staging, Slow()),
    ):
        pass
    assert failed.value.code == "backup.source_hot"
    assert (till.database.read_bytes(), journal.read_bytes()) == before

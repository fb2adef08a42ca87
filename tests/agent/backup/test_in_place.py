"""A set restored over the live file: the old or the new one stands there, whatever happens, and nothing is lost."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.backup import in_place
from agent.backup.catalogue import Found
from agent.backup.in_place import Placed, restore_in_place
from agent.backup.key import SECRET_MARK, encode
from agent.backup.progress import Silent
from protocols.errors import BackupError, IntegrityError, RepositoryRefused
from tests.agent.backup.test_kill import child
from tests.agent.backup.till import SECRET, Till, content

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
HOLDS = (
    "import sqlite3, sys; held = sqlite3.connect(sys.argv[1], isolation_level=None);"
    "held.execute('INSERT INTO receipts (total) VALUES (1)'); print('open', flush=True); sys.stdin.read()"
)
"""A cash program: it has the database open and waits for the next guest."""


def put_back(till: Till, found: Found | None = None) -> Placed:
    scratch = till.root / "check"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    return restore_in_place(
        found or till.find(),
        till.repository,
        SECRET,
        till.database,
        now=NOW,
        scratch=scratch,
        progress=Silent(),
    )


def beside(till: Till) -> set[str]:
    return {path.name for path in till.root.glob("pos.db*")}


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_the_set_stands_there_and_the_old_file_beside_it(till: Till, journal: str) -> None:
    till.make_database(journal=journal)
    till.backup()
    before = content(till.database)
    till.add(5)
    newer = content(till.database)
    till.database.chmod(0o640)
    placed = put_back(till)
    assert content(till.database) == before
    assert placed.kept == till.root / "pos.db.before-20260504-093000"
    assert content(placed.kept) == newer
    assert till.database.stat().st_mode & 0o777 == 0o640
    assert placed.facts["page_size"] == 4096
    assert not [name for name in beside(till) if name.endswith((".restored", ".part"))]


def test_what_stands_only_in_the_log_is_kept_too(till: Till) -> None:
    """A program that was killed leaves rows in the log; they belong to the old database and to no other."""
    till.make_database()
    till.backup()
    before = content(till.database)
    code = f"import os, sqlite3; d = sqlite3.connect({str(till.database)!r}, isolation_level=None);"
    code += "d.execute('INSERT INTO receipts (total) VALUES (77)'); os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (till.root / "pos.db-wal").stat().st_size > 0
    placed = put_back(till)
    assert content(till.database) == before
    assert placed.kept
    assert [row[1] for row in content(placed.kept)][-1] == 77


def test_a_damaged_file_is_kept_with_its_log(till: Till) -> None:
    till.make_database()
    till.backup()
    before = content(till.database)
    till.database.write_bytes(b"nothing that could be read" * 100)
    (till.root / "pos.db-wal").write_bytes(b"a log")
    placed = put_back(till)
    assert content(till.database) == before
    assert placed.kept
    assert placed.kept.read_bytes().startswith(b"nothing that")
    assert placed.kept.with_name(placed.kept.name + "-wal").read_bytes() == b"a log"


def test_where_nothing_stands_the_set_comes_alone(till: Till) -> None:
    till.make_database()
    till.backup()
    before = content(till.database)
    for path in till.root.glob("pos.db*"):
        path.unlink()
    assert put_back(till).kept is None
    assert content(till.database) == before


def test_a_link_stays_and_what_it_leads_to_is_exchanged(till: Till) -> None:
    till.make_database()
    till.backup()
    before = content(till.database)
    true = till.root / "elsewhere.db"
    till.database.rename(true)
    till.database.symlink_to(true)
    till.add(2)
    placed = put_back(till)
    assert till.database.is_symlink()
    assert content(true) == before
    assert placed.kept == till.root / "elsewhere.db.before-20260504-093000"


@pytest.fixture
def cash_program(till: Till) -> Iterator[None]:
    till.make_database()
    till.backup()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(till.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout
        assert program.stdin
        assert program.stdout.readline() == "open\n"
        yield
        program.stdin.close()
        assert program.wait(30) == 0


@pytest.mark.usefixtures("cash_program")
def test_a_file_that_a_program_has_open_is_left_alone(till: Till) -> None:
    before, there = content(till.database), beside(till)
    with pytest.raises(RepositoryRefused, match=r"has .* open: close it first") as refused:
        put_back(till)
    assert refused.value.code == "backup.in_use"
    assert (content(till.database), beside(till)) == (before, there)


@pytest.mark.usefixtures("cash_program")
def test_control_without_a_look_the_program_goes_on_writing_into_the_old_file(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_place, "must_be_idle", lambda _live: None)
    placed = put_back(till)
    assert placed.kept
    assert [row[1] for row in content(placed.kept)][-1] == 1
    assert [row[1] for row in content(till.database)][-1] != 1


@pytest.mark.usefixtures("cash_program")
def test_a_program_that_opens_it_at_the_last_moment_has_it_as_it_was(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([lambda _live: None, in_place.must_be_idle])
    monkeypatch.setattr(in_place, "must_be_idle", lambda live: next(looks)(live))  # noqa: PLW0108 - the next one at each call
    before = content(till.database)
    with pytest.raises(RepositoryRefused) as refused:
        put_back(till)
    assert refused.value.code == "backup.in_use"
    assert content(till.database) == before
    assert not list(till.root.glob("*.before-*"))


def test_a_copy_that_is_not_sound_changes_nothing(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    till.make_database()
    till.backup()
    till.add(3)
    before, there = content(till.database), beside(till)

    def unsound(*_given: object) -> None:
        raise IntegrityError("the restored copy has other contents", code="backup.facts")

    monkeypatch.setattr(in_place, "verify", unsound)
    with pytest.raises(IntegrityError):
        put_back(till)
    assert (content(till.database), beside(till)) == (before, there)


def test_no_room_is_told_before_anything_is_written(till: Till) -> None:
    till.make_database()
    till.backup()
    found = till.find()
    vast = found.snapshot.header.model_copy(update={"source_bytes": 1 << 50})
    with pytest.raises(BackupError) as refused:
        put_back(till, replace(found, snapshot=replace(found.snapshot, header=vast)))
    assert refused.value.code == "backup.no_room"


def test_a_database_of_a_server_is_not_put_anywhere(till: Till) -> None:
    till.make_database()
    till.backup()
    found = till.find()
    other = found.snapshot.header.model_copy(update={"engine": "postgresql"})
    with pytest.raises(RepositoryRefused) as refused:
        put_back(till, replace(found, snapshot=replace(found.snapshot, header=other)))
    assert refused.value.code == "backup.not_in_place"


def test_killed_at_any_step_the_old_or_the_new_one_stands_there(till: Till) -> None:
    till.make_database(journal="wal")
    till.backup()
    new = content(till.database)
    till.add(1)
    old = content(till.database)
    (till.root / "saved").write_bytes(till.database.read_bytes())
    killed = 0
    for at in range(1, 40):
        for path in till.root.glob("pos.db*"):
            path.unlink()
        shutil.copyfile(till.root / "saved", till.database)
        ended = child(till, at, put_back)
        stands = content(till.database)
        assert stands in (old, new), at
        if ended == 0:
            break
        killed += 1
        for path in till.root.glob("pos.db.before-*"):
            path.unlink()
        put_back(till)  # the next try does not mind
        assert content(till.database) == new
    assert ended == 0
    assert stands == new
    assert killed >= 4


def test_control_an_exchange_of_two_steps_leaves_nothing_there(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old file moved away first, and the new one put there then: killed between the two, no database is there."""

    def moved(live: Path, kept: Path) -> None:
        os.rename(live, kept)  # noqa: PTH104 - what the child counts

    monkeypatch.setattr(in_place, "_keep", moved)
    till.make_database()
    till.backup()
    saved = till.database.read_bytes()
    missing = 0
    for at in range(1, 40):
        for path in till.root.glob("pos.db*"):
            path.unlink()
        till.database.write_bytes(saved)
        if child(till, at, put_back) == 0:
            break
        missing += not till.database.exists()
    assert missing


def test_the_command_puts_it_over_the_source_of_the_configuration(till: Till) -> None:
    """By hand at the till, with the key on a stick."""
    till.make_database()
    till.backup()
    before = content(till.database)
    till.add(2)
    key = till.root / "recovery.key"
    key.write_text(encode(SECRET_MARK, SECRET.raw) + "\n")
    config = till.root / "agent.toml"
    config.write_text(
        f'[collector]\nurl = "https://127.0.0.1:9"\n[agent]\nstate_dir = "{till.root}/agent"\n'
        f'[[backup]]\nname = "pos"\nengine = "sqlite"\nsource = "{till.database}"\n'
        f'repository = "{till.folder}"\nevery = "6h"\n'
        f'recovery_key = "{key}"\n'
    )
    (till.root / "agent").mkdir()
    command = [
        sys.executable,
        "-m",
        "agent.cli",
        "restore",
        "--repository",
        str(till.folder),
        "--over",
        "pos",
    ]
    command += ["--recovery-key", str(key), "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "What was there is kept as" in done.stdout
    assert content(till.database) == before

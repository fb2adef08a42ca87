"""MS SQL Server, against a stand-in (tds_server.py): what is said to it, and what its messages mean."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.backup.engines import Cut, Facts, NoPause
from agent.backup.engines import mssql_statement as say
from agent.backup.engines.mssql import CHECKER, MssqlEngine
from agent.backup.engines.mssql_statement import Message
from protocols.errors import ConfigError, IntegrityError, SnapshotFailed
from tests.agent.backup.tds_server import Listening, SqlServer, Told


@dataclass
class Office:
    sql: SqlServer
    source: str
    folder: Path
    staging: Path


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    folder, staging = tmp_path / "folder", tmp_path / "staging"
    folder.mkdir()
    staging.mkdir()
    (tmp_path / "password").write_text("pass'word\n")
    sql = SqlServer("plomba", "pass'word", {"PO]S": {"receipts": 40, "totals": 1}})
    with Listening(sql) as listening:
        where = f"mssql://plomba@127.0.0.1:{listening.port}/PO%5DS"
        given = f"?password_file={tmp_path}/password&folder={folder}"
        yield Office(sql, where + given, folder, staging)


def taken(office: Office, to: Path | None = None) -> Facts:
    with MssqlEngine().snapshot(office.source, office.staging, NoPause()) as made:
        for part in made.parts:
            with part.open() as reader:
                buffer = memoryview(bytearray(1 << 20))
                count = reader.readinto(buffer) or 0
            if to:
                (to / part.name).parent.mkdir(parents=True, exist_ok=True)
                (to / part.name).write_bytes(buffer[:count])
        return made.facts()


def test_a_backup_asks_for_a_copy_with_checksums_and_no_compression(office: Office) -> None:
    with MssqlEngine().snapshot(office.source, office.staging, NoPause()) as made:
        copy, counted = made.parts
    assert (copy.cut, counted.name) == (Cut.PAGES, "PO]S/counted.json")
    file = f"N'{office.folder}/plomba-PO]S.bak'"
    assert (
        f"BACKUP DATABASE [PO]]S] TO DISK = {file} WITH COPY_ONLY, CHECKSUM, NO_COMPRESSION, INIT, FORMAT, STATS = 5"
        in (office.sql.asked)
    )
    assert f"RESTORE VERIFYONLY FROM DISK = {file} WITH CHECKSUM" in office.sql.asked
    assert not any("pass" in asked for asked in office.sql.asked)
    assert not list(office.folder.iterdir()), "what the server wrote is taken away"


def test_quotes_and_brackets_stay_inside() -> None:
    assert say.backup("a]b'c", r"D:\x'y.bak").startswith(
        r"BACKUP DATABASE [a]]b'c] TO DISK = N'D:\x''y.bak' WITH"
    )
    moved = say.restore("new", "f", {"POS": "p", "it's": "q"})
    assert moved.endswith("MOVE N'POS' TO N'p', MOVE N'it''s' TO N'q'")


def test_only_what_did_not_move_is_a_fact(office: Office) -> None:
    def sell() -> None:
        office.sql.databases["PO]S"]["receipts"] += 1

    office.sql.during = sell
    facts = taken(office)
    assert {name for name in facts if name.startswith(("rows.", "last."))} == {"rows.totals", "last.totals"}
    assert facts["server_version"] == "15.0.2000"
    assert facts["copy_only"] is True


def test_a_restore_is_checked_under_another_name_and_dropped(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = taken(office, tmp_path / "restored")
    with pytest.raises(SnapshotFailed) as unproven:
        MssqlEngine().verify(tmp_path / "restored", tmp_path)
    assert unproven.value.code == "backup.no_checker"
    monkeypatch.setenv(CHECKER, office.source)
    assert MssqlEngine().verify(tmp_path / "restored", tmp_path) == facts
    assert list(office.sql.databases) == ["PO]S"]
    assert not list(office.folder.iterdir())
    assert any(asked.startswith("DBCC CHECKDB ([plomba_check_") for asked in office.sql.asked)


def test_a_page_that_checkdb_complains_of_is_no_proof(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(office, tmp_path / "restored")
    monkeypatch.setenv(CHECKER, office.source)
    office.sql.refuse["DBCC CHECKDB"] = [(8928, 16, "Object ID 1: Page (1:77) could not be processed.")]
    with pytest.raises(IntegrityError, match="1:77"):
        MssqlEngine().verify(tmp_path / "restored", tmp_path)
    assert list(office.sql.databases) == ["PO]S"]


ENDED: Told = (3013, 16, "BACKUP DATABASE is terminating abnormally.")
LOGGED: Told = (3041, 16, "BACKUP failed to complete the command BACKUP DATABASE POS.")


@pytest.mark.parametrize(
    ("told", "code", "retriable", "advice"),
    [
        ([(3201, 16, "Cannot open backup device 'D:\\x'. Operating system error 5(Access is denied.)."), ENDED],
         "backup.access_denied", False, "may not write into the folder"),
        ([(3201, 16, "Cannot open backup device 'D:\\x'. Operating system error 3(The system cannot find)."), ENDED],
         "backup.folder_missing", False, "does not see the folder"),
        ([(3202, 16, "Write on \"D:\\x\" failed: 112(There is not enough space on the disk.)"), ENDED],
         "backup.staging", True, "could not write"),
        ([(3201, 16, "Cannot open backup device. Operating system error 112(not enough space)."), ENDED],
         "backup.staging", True, "no room"),
        ([(262, 14, "BACKUP DATABASE permission denied in database 'POS'."), ENDED],
         "backup.access_denied", False, "db_backupoperator"),
        ([(3023, 16, "Backup, file manipulation operations must be serialized."), ENDED],
         "backup.source_locked", True, "tried later"),
        ([(3043, 16, "BACKUP 'POS' detected an error on page (1:1)."), ENDED],
         "backup.source_damaged", False, "DBCC CHECKDB"),
        ([LOGGED, ENDED], "backup.snapshot_failed", True, "3041"),
        ([(3014, 0, "Something else was processed.")][:0], "backup.dump_incomplete", True, "did not say"),
    ],
)  # fmt: skip
def test_what_the_server_says_is_told_with_what_to_do(
    office: Office, told: list[Told], code: str, retriable: bool, advice: str
) -> None:
    office.sql.refuse["BACKUP"] = told
    with pytest.raises(SnapshotFailed) as failed:
        taken(office)
    assert (failed.value.code, failed.value.retriable) == (code, retriable)
    assert advice in str(failed.value)


def test_control_a_backup_that_the_server_does_not_find_valid_is_none(office: Office) -> None:
    office.sql.refuse["RESTORE VERIFYONLY"] = [(3211, 0, "100 percent processed.")]
    with pytest.raises(SnapshotFailed) as failed:
        taken(office)
    assert failed.value.code == "backup.dump_incomplete"


def test_a_wrong_password_is_told(office: Office) -> None:
    office.sql.password = "another"
    with pytest.raises(SnapshotFailed) as failed:
        taken(office)
    assert failed.value.code == "backup.access_denied"
    assert "password_file" in str(failed.value)


def test_what_the_agent_sees_elsewhere_is_named_by_read_as(office: Office, tmp_path: Path) -> None:
    office.source += f"&read_as={tmp_path}/mounted"
    with pytest.raises(SnapshotFailed) as failed:
        taken(office)
    assert failed.value.code == "backup.folder_missing"
    assert "read_as" in str(failed.value)
    (tmp_path / "mounted").symlink_to(office.folder)
    assert taken(office)["files"] == 2


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("mssql://plomba@example.com/POS?folder=D:\\B", "own computer"),
        ("mssql://plomba@localhost/POS", "no folder"),
        ("mssql://plomba:secret@localhost/POS?folder=D:\\B", "password"),
        ("mssql://localhost/POS?folder=/b", "no user"),
        ("mssql://plomba@localhost/POS?folder=D:\\B&compress=1", "compress"),
    ],
)
def test_a_source_that_cannot_work_is_refused_with_an_example(
    source: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused, MssqlEngine().snapshot(source, tmp_path, NoPause()):
        pass
    assert problem in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_first_message_that_says_why_is_told() -> None:
    said = [
        Message(5701, 0, "Changed context"),
        Message(3201, 16, "Operating system error 5(x)"),
        Message(*ENDED),
    ]
    assert str(say.refusal(said)).count("3201") == 1
    assert "3013" not in str(say.refusal(said))
    assert str(say.refusal([])) == "the server refused; its error log says why (without a word)"


def test_counted_names_what_a_check_compares(office: Office, tmp_path: Path) -> None:
    facts = taken(office, tmp_path / "restored")
    assert json.loads((tmp_path / "restored" / "PO]S" / "counted.json").read_text()) == sorted(facts)

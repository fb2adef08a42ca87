"""What goes wrong with real servers: no program, no right, no server, a broken dump, a killed run. The good ways are in
tests/contract/test_engine.py."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.backup.engines import ENGINES, Facts, NoPause, engine, program
from agent.backup.engines.postgresql_client import MEANINGS
from agent.backup.engines.program import Kit, ProgramFailed, failed
from protocols.errors import ConfigError, IntegrityError, PlombaError, SnapshotFailed
from tests.conftest import Postgresql
from tests.databases import Firebird, Mariadb

pytestmark = pytest.mark.xdist_group("databases")
PG = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
ROOT = Path(__file__).resolve().parents[3]


def dump(name: str, source: str, staging: Path) -> tuple[bytes, Facts]:
    staging.mkdir(exist_ok=True)
    with engine(name).snapshot(source, staging, NoPause()) as made:
        (part,) = made.parts
        content, buffer = b"", memoryview(bytearray(1 << 18))
        with part.open() as reader:
            while count := reader.readinto(buffer):
                content += buffer[:count]
        return content, made.facts()


def refused(name: str, source: str, staging: Path) -> PlombaError:
    with pytest.raises(PlombaError) as error:
        dump(name, source, staging)
    return error.value


@pytest.fixture
def shop(postgresql: Postgresql) -> str:
    url = postgresql.create(f"shop_{os.urandom(4).hex()}")
    sql = (
        "CREATE TABLE receipts (id int PRIMARY KEY, total numeric(12,2), document text);"
        " INSERT INTO receipts SELECT i, i * 1.25, repeat(md5(i::text), 30) FROM generate_series(1, 300) i;"
        " CREATE TABLE items AS SELECT generate_series(1, 200) AS id;"
        " CREATE TABLE empty (id int); SELECT lo_from_bytea(0, 'a picture')"
    )
    subprocess.run([PG[-1] / "psql", "-X", "-q", "-c", sql, url], check=True, stdout=subprocess.DEVNULL)
    return url


def test_a_postgresql_dump_that_is_cut_anywhere_is_noticed_without_a_server(
    shop: str, tmp_path: Path
) -> None:
    """Also between two tables, where a shorter dump looks whole."""
    content, facts = dump("postgresql", shop, tmp_path / "s")
    assert (facts["rows"], facts["large_objects"]) == (500, 1)
    cut = tmp_path / "cut.dump"
    unnoticed = []
    for at in [*range(len(content) - 1, 200, -len(content) // 60), len(content) - 1, len(content) - 5]:
        cut.write_bytes(content[:at])
        try:
            engine("postgresql").verify(cut, tmp_path)
            unnoticed.append(at)
        except IntegrityError:
            pass
    assert unnoticed == []


def test_control_a_return_code_alone_would_believe_it(shop: str, tmp_path: Path) -> None:
    content, _ = dump("postgresql", shop, tmp_path / "s")
    (tmp_path / "cut.dump").write_bytes(content[: len(content) - 2000])
    listed = subprocess.run(
        [PG[-1] / "pg_restore", "--list", tmp_path / "cut.dump"], capture_output=True, check=False
    )
    assert listed.returncode == 0


def test_a_dump_whose_program_dies_in_the_middle_is_none(shop: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("psql", "pg_restore"):
        (tmp_path / "bin" / name).symlink_to(PG[-1] / name)
    dying = tmp_path / "bin" / "pg_dump"
    for ending in ("", "kill -9 $$"):  # it says that all is well, or nothing
        dying.write_text(f'#!/bin/sh\n{PG[-1]}/pg_dump "$@" | head -c 9000\n{ending}\n')
        dying.chmod(0o755)
        error = refused("postgresql", f"{shop}&programs={tmp_path}/bin", tmp_path / "s")
        assert isinstance(error, SnapshotFailed)
        assert error.code in ("backup.dump_incomplete", "backup.snapshot_failed")
    assert error.retriable


def test_what_a_postgresql_account_may_not_read_is_told_with_the_grant(
    shop: str, postgresql: Postgresql, tmp_path: Path
) -> None:
    role = f"poor_{os.urandom(3).hex()}"
    subprocess.run([PG[-1] / "psql", "-X", "-q", "-c", f"CREATE ROLE {role} LOGIN", shop], check=True)
    poor = shop.replace("//plomba@", f"//{role}@")
    assert (error := refused("postgresql", poor, tmp_path / "s")).code == "backup.access_denied"
    assert "pg_read_all_data" in str(error)
    subprocess.run([PG[-1] / "psql", "-X", "-q", "-c", f"GRANT pg_read_all_data TO {role}", shop], check=True)
    error = refused("postgresql_cluster", poor, tmp_path / "c")
    assert error.code == "backup.access_denied"


def test_a_client_that_is_too_old_says_which_one_is_needed() -> None:
    words = "pg_dump: error: aborting because of server version mismatch\ndetail: server version: 17.1; pg_dump: 15.9"
    error = failed(ProgramFailed("pg_dump", 1, words), MEANINGS)
    assert (error.code, error.retriable) == ("backup.version_mismatch", False)
    assert "?programs=FOLDER" in str(error)


@pytest.fixture
def till(mariadb: Mariadb) -> str:
    name = f"till_{os.urandom(4).hex()}"
    mariadb.sql(
        f"CREATE DATABASE {name}; USE {name}; CREATE TABLE a (id int PRIMARY KEY, v varchar(200));"
        " CREATE TABLE b (n int) ENGINE=MyISAM;"
        " INSERT INTO a SELECT seq, repeat('x', 150) FROM seq_1_to_400; INSERT INTO b VALUES (1)"
    )
    return name


def test_a_mariadb_dump_that_is_cut_between_two_statements_is_noticed(
    mariadb: Mariadb,
    till: str,
    tmp_path: Path,
) -> None:
    """Which its own client takes for whole: the control."""
    content, facts = dump("mariadb", mariadb.url(till), tmp_path / "s")
    assert facts["tables_without_transactions"] == 1
    cut = tmp_path / "cut.sql"
    cut.write_bytes(content[: content.index(b"INSERT INTO `a` VALUES (200,")])
    with pytest.raises(IntegrityError, match="last line"):
        engine("mariadb").verify(cut, tmp_path)
    mariadb.sql("CREATE DATABASE IF NOT EXISTS control")
    mariadb.sql(cut.read_text(), "control")
    assert mariadb.sql("SELECT count(*) FROM a", "control").strip() == "199"


def test_an_option_file_lets_in_and_its_password_is_on_no_command_line(
    mariadb: Mariadb,
    till: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mariadb.sql(
        "CREATE USER plomba@localhost IDENTIFIED BY 'sesame';"
        f" GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {till}.* TO plomba@localhost"
    )
    file = tmp_path / "client.cnf"
    file.write_text("[client]\npassword = wrong\n")
    url = mariadb.url(till).replace("root@", "plomba@") + f"&option_file={file}"
    assert refused("mariadb", url, tmp_path / "s").code == "backup.access_denied"
    file.write_text("[client]\npassword = sesame\n")
    lines: list[str] = []
    start = subprocess.Popen

    def noted(arguments: list[str], **given: object) -> "subprocess.Popen[bytes]":
        lines.append(" ".join(map(str, arguments)))
        return start(arguments, **given)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(program.subprocess, "Popen", noted)
    assert dump("mariadb", url, tmp_path / "s")[1]["rows"] == 401
    assert any("mariadb-dump" in line for line in lines)
    assert not any("sesame" in line for line in lines)


def test_a_server_that_goes_away_in_the_middle_is_told(till: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    dying = tmp_path / "bin" / "mariadb-dump"
    dying.write_text('#!/bin/sh\necho "-- Server version\t1-MariaDB"\necho "-- Table structure for table \\`a\\`"\n'
                     "[ $1 = --version ] && exit 0\necho 'Got error: 2013: Lost connection' >&2\nexit 2\n")  # fmt: skip
    dying.chmod(0o755)
    error = refused("mariadb", f"mariadb://root@localhost/{till}?programs={tmp_path}/bin", tmp_path / "s")
    assert (error.code, error.retriable) == ("backup.source_unreachable", True)


@pytest.fixture
def front(firebird: Firebird) -> Path:
    path = firebird.folder / f"front_{os.urandom(4).hex()}.fdb"
    firebird.create(
        path, "CREATE TABLE receipts (id INTEGER); COMMIT; INSERT INTO receipts VALUES (1); COMMIT;"
    )
    return path


def in_backup_mode(firebird: Firebird, path: Path) -> bool:
    return "1" in firebird.sql(path, "SET HEADING OFF; SELECT MON$BACKUP_STATE FROM MON$DATABASE;")


def test_a_killed_run_leaves_no_firebird_database_in_backup_mode_for_longer_than_the_next(
    firebird: Firebird,
    front: Path,
    tmp_path: Path,
) -> None:
    """Killed where it hurts most: while the engine writes beside the file."""
    (tmp_path / "s").mkdir()
    killed = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from agent.backup.engines import NoPause, engine, firebird_pages
        firebird_pages._copy = lambda path, copy: os.kill(os.getpid(), signal.SIGKILL)
        staging = Path({str(tmp_path / "s")!r})
        with engine("firebird_pages").snapshot({firebird.url(front)!r}, staging, NoPause()):
            pass
    """)
    done = subprocess.run(
        [sys.executable, "-c", killed], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert in_backup_mode(firebird, front)
    firebird.sql(front, "INSERT INTO receipts VALUES (2); COMMIT;")
    content, facts = dump("firebird_pages", firebird.url(front), tmp_path / "s")
    assert not in_backup_mode(firebird, front)
    assert facts["rows.RECEIPTS"] == 2
    (tmp_path / "back.fdb").write_bytes(content)
    assert engine("firebird_pages").verify(tmp_path / "back.fdb", tmp_path / "s") == facts


def test_somebody_elses_backup_mode_is_left_alone(firebird: Firebird, front: Path, tmp_path: Path) -> None:
    firebird.sql(front, "ALTER DATABASE BEGIN BACKUP; COMMIT;")
    error = refused("firebird_pages", firebird.url(front), tmp_path / "s")
    assert (error.code, error.retriable) == ("backup.source_stalled", True)
    assert "UNLOCK" in str(error)
    assert in_backup_mode(firebird, front)


@pytest.mark.parametrize("name", ["firebird", "firebird_pages"])
def test_a_wrong_firebird_password_is_told(
    firebird: Firebird, front: Path, name: str, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("wrong")
    url = firebird.url(front).partition("?")[0] + f"?password_file={tmp_path}/wrong"
    assert refused(name, url, tmp_path / "s").code == "backup.access_denied"
    assert "wrong" not in str(refused(name, url, tmp_path / "s")).replace(str(tmp_path), "")


SCHEMES = {
    "postgresql": "postgresql", "postgresql_cluster": "postgresql", "mariadb": "mariadb", "firebird": "firebird",
    "firebird_pages": "firebird", "mssql": "mssql",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SCHEMES))
@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("plomba:sesame@localhost/pos", "password does not belong"),
        ("localhost/pos?password=sesame", "password does not belong"),
        ("localhost/pos?colour=red", "'colour' is not known"),
        ("localhost:port/pos", "is no address"),
    ],
)
def test_an_address_is_refused_before_anything_is_opened(
    name: str, rest: str, problem: str, tmp_path: Path
) -> None:
    error = refused(name, f"{SCHEMES[name]}://{rest}", tmp_path / "s")
    assert isinstance(error, ConfigError)
    assert problem in str(error)
    if "colour" not in rest and "port" not in rest:
        assert "sesame" not in str(error)


@pytest.mark.parametrize("name", sorted(set(SCHEMES) - {"mssql"}))
def test_a_missing_program_is_told_with_where_it_comes_from(name: str, tmp_path: Path) -> None:
    (tmp_path / "db.fdb").touch()
    source = f"{SCHEMES[name]}://x@localhost/{tmp_path}/db.fdb?programs={tmp_path}"
    error = refused(name, source, tmp_path / "s")
    assert (error.code, error.retriable) == ("backup.program_missing", False)
    assert "Debian" in str(error)
    assert str(tmp_path) in str(error)


def test_without_a_server_to_restore_into_nothing_is_proven(
    shop: str,
    mariadb: Mariadb,
    till: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, source, lacking in (
        ("postgresql", shop, "initdb"),
        ("mariadb", mariadb.url(till), "mariadb-install-db"),
    ):
        content, _ = dump(name, source, tmp_path / name)
        (tmp_path / "copy").write_bytes(content)
        without(monkeypatch, lacking)
        with pytest.raises(SnapshotFailed) as unproven:
            engine(name).verify(tmp_path / "copy", tmp_path / name)
        assert unproven.value.code == "backup.no_checker"
        monkeypatch.undo()


def without(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    find: Callable[..., Path] = Kit.find

    def found(kit: Kit, *names: str) -> Path:
        return find(
            kit,
            "no-such-program" if lacking in names else names[0],
            *names[1:] if lacking not in names else (),
        )

    monkeypatch.setattr(Kit, "find", found)


def test_a_program_that_hangs_is_ended_and_one_that_floods_its_words_does_not_wait(tmp_path: Path) -> None:
    script = "import sys; sys.stderr.write('x' * 300_000 + ' the end'); sys.stdout.write('here'); sys.exit(3)"
    with program.started([sys.executable, "-c", script]) as running:
        assert running.output.read() == b"here"
        with pytest.raises(ProgramFailed) as ended:
            running.finish()
    assert ended.value.words.endswith("the end")
    assert len(ended.value.words) <= program.LAST_WORDS_BYTES
    with program.started([sys.executable, "-c", "import time; time.sleep(600)"]) as hanging:
        pid = hanging._process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_every_engine_states_a_name_that_a_folder_can_have() -> None:
    assert all(name.replace("_", "").isalpha() for name in ENGINES)

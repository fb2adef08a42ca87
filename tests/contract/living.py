"""A living source of each engine: a receipt and the running total change in one transaction, so that a copy of two
moments shows. Every write is a client of its own, as the cash program is."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.backup.engines import Facts
from tests.agent.backup.tds_server import Listening, SqlServer
from tests.conftest import Postgresql
from tests.databases import Firebird, Mariadb

RECEIPTS = 1000
PROGRAMS_OF_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@dataclass(frozen=True)
class Living:
    """`source` as in the configuration, `missing` one that is not there. `write` changes the source as its program
    would, `grow` until it is read in several steps; `spoil` breaks a copy without changing its length, `cut` shortens
    it; `of_one_moment` looks at the facts."""

    source: str
    missing: str
    write: Callable[[], None]
    grow: Callable[[], None]
    spoil: Callable[[Path], object]
    cut: Callable[[Path], object]
    of_one_moment: Callable[[Facts], bool] = lambda facts: facts["rows.receipts"] == facts["sum.totals.n"]
    contents: Callable[[Facts], object] = lambda facts: facts
    """What of the facts is the same in two backups of the same contents."""
    missing_code: str = "backup.source_missing"


def cut_short(copy: Path) -> None:
    os.truncate(copy, copy.stat().st_size - 40)


def overwrite(copy: Path, old: bytes, new: bytes) -> None:
    """Somewhere in the middle."""
    content = copy.read_bytes()
    at = content.index(old, len(content) // 2)
    copy.write_bytes(content[:at] + new[: len(old)] + content[at + len(old) :])


def sqlite(root: Path, request: pytest.FixtureRequest) -> Living:
    source = root / "pos.db"
    with closing(sqlite3.connect(source)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE receipts (id INTEGER PRIMARY KEY, x BLOB)")
        database.execute("CREATE TABLE totals (n INTEGER)")
        database.execute("INSERT INTO totals VALUES (0)")
        database.commit()

    def add(rows: int) -> None:
        with closing(sqlite3.connect(source, timeout=30)) as database:
            database.executemany("INSERT INTO receipts (x) VALUES (?)", [(os.urandom(900),)] * rows)
            database.execute("UPDATE totals SET n = n + ?", (rows,))
            database.commit()

    def spoil(copy: Path) -> None:
        with copy.open("r+b") as file:
            file.seek(4096 * 10)
            file.write(b"\xff" * 4096)

    add(RECEIPTS)
    return Living(
        str(source),
        str(root / "no.such"),
        lambda: add(1),
        lambda: add(9000),
        spoil,
        cut_short,
    )


def postgresql(root: Path, request: pytest.FixtureRequest) -> Living:
    server: Postgresql = request.getfixturevalue("postgresql")
    name = f"till_{os.urandom(4).hex()}"
    source = server.create(name)

    def sql(statement: str, database: str = source) -> None:
        program = PROGRAMS_OF_POSTGRESQL[-1] / "psql"
        subprocess.run([program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, database], check=True)

    request.addfinalizer(lambda: sql(f"DROP DATABASE {name} WITH (FORCE)", server.url("postgres")))

    def add(rows: int) -> None:
        sql(
            "INSERT INTO receipts (total, document)"
            f" SELECT i * 1.25, repeat(md5(i::text), 20) FROM generate_series(1, {rows}) i;"
            f" UPDATE totals SET n = n + {rows}"
        )

    sql(
        "CREATE TABLE receipts (id bigserial PRIMARY KEY, total numeric(12, 2), document text);"
        "CREATE INDEX ON receipts (document); CREATE TABLE totals (n bigint); INSERT INTO totals VALUES (0);"
        'CREATE SCHEMA "Stock"; CREATE TABLE "Stock"."Item ""A""" (id int, "day" date);'
        "CREATE VIEW day AS SELECT count(*) FROM receipts"
    )
    add(RECEIPTS)
    return Living(
        source,
        server.url("no_such"),
        lambda: add(1),
        lambda: add(9000),
        lambda copy: overwrite(copy, b".25\t", b".xx\t"),
        cut_short,
    )


def postgresql_cluster(root: Path, request: pytest.FixtureRequest) -> Living:
    server: Postgresql = request.getfixturevalue("postgresql")
    one = postgresql(root, request)

    def spoil(copy: Path) -> None:
        file = max((copy / "cluster" / "base").rglob("*"), key=lambda path: path.stat().st_size)
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    return Living(
        one.source,
        f"postgresql://plomba@/postgres?host={server.folder}/no_such",
        one.write,
        lambda: None,
        spoil,
        lambda copy: cut_short(copy / "cluster" / "backup_manifest"),
        lambda facts: True,
        lambda facts: facts["databases"],
        "backup.source_unreachable",
    )


def mariadb(root: Path, request: pytest.FixtureRequest) -> Living:
    server: Mariadb = request.getfixturevalue("mariadb")
    name = f"till_{os.urandom(4).hex()}"

    def add(rows: int) -> None:
        server.sql(
            "BEGIN; INSERT INTO receipts (total, document)"
            f" SELECT seq * 1.25, concat('it''s; ', repeat(md5(seq), 20)) FROM seq_1_to_{rows};"
            f"UPDATE totals SET n = n + {rows}; COMMIT",
            name,
        )

    server.sql(
        f"CREATE DATABASE {name}; USE {name};"
        "CREATE TABLE receipts (id int AUTO_INCREMENT PRIMARY KEY, total decimal(12, 2), document varchar(700),"
        " twice decimal(14, 2) AS (total * 2) VIRTUAL, KEY (document(20)));"
        "CREATE TABLE totals (n bigint); INSERT INTO totals VALUES (0);"
        "CREATE TABLE `it``em` (id smallint unsigned zerofill, picture blob);"
        "INSERT INTO `it``em` VALUES (7, 0x00ff27);"
        "CREATE VIEW day AS SELECT count(*) FROM receipts; CREATE PROCEDURE p() SELECT '\\nINSERT INTO `receipts`';"
    )
    add(RECEIPTS)
    return Living(
        server.url(name),
        server.url("no_such"),
        lambda: add(1),
        lambda: add(9000),
        lambda copy: overwrite(copy, b"it\\'s; ", b"it\\'s, "),
        cut_short,
    )


def _firebird(server: Firebird, root: Path) -> tuple[Path, Callable[[int], None]]:
    path = server.folder / f"till_{os.urandom(4).hex()}.fdb"

    def add(rows: int) -> None:
        server.sql(
            path,
            "SET TERM ^; EXECUTE BLOCK AS DECLARE i INT = 0; BEGIN"
            f" WHILE (i < {rows}) DO BEGIN i = i + 1;"
            " INSERT INTO receipts VALUES (NEXT VALUE FOR numbers, :i * 1.25, rpad('', 200, hash(:i))); END"
            f" UPDATE totals SET n = n + {rows}; END^ SET TERM ;^ COMMIT;",
        )

    server.create(
        path,
        "CREATE TABLE receipts (id INTEGER NOT NULL PRIMARY KEY, total NUMERIC(12, 2), document VARCHAR(700));"
        "CREATE TABLE totals (n BIGINT); CREATE SEQUENCE numbers;"
        'CREATE TABLE "Stock item" ("Nr" SMALLINT, big BIGINT, double_nr COMPUTED BY ("Nr" * 2));'
        "CREATE GLOBAL TEMPORARY TABLE passing (id INTEGER); CREATE VIEW day_total AS SELECT n FROM totals; COMMIT;"
        'INSERT INTO totals VALUES (0); INSERT INTO "Stock item" VALUES (7, 9223372036854775807);'
        'INSERT INTO "Stock item" VALUES (8, 9223372036854775807); COMMIT;',
    )
    add(RECEIPTS)
    return path, add


def firebird(root: Path, request: pytest.FixtureRequest) -> Living:
    server: Firebird = request.getfixturevalue("firebird")
    path, add = _firebird(server, root)

    def spoil(copy: Path) -> None:
        content = bytearray(copy.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 4000] = b"\xff" * 4000
        copy.write_bytes(content)

    return Living(
        server.url(path),
        server.url(path.with_name("no_such.fdb")),
        lambda: add(1),
        lambda: add(9000),
        spoil,
        lambda copy: os.truncate(copy, copy.stat().st_size * 7 // 8),  # its end is padding
        lambda facts: True,
    )


def firebird_pages(root: Path, request: pytest.FixtureRequest) -> Living:
    server: Firebird = request.getfixturevalue("firebird")
    path, add = _firebird(server, root)

    def spoil(copy: Path) -> None:
        with copy.open("r+b") as file:
            file.seek(8192 * 40)
            file.write(b"\xff" * 8192)

    return Living(
        server.url(path),
        server.url(path.with_name("no_such.fdb")),
        lambda: add(1),
        lambda: add(9000),
        spoil,
        cut_short,
        lambda facts: facts["rows.RECEIPTS"] == facts["sum.TOTALS.N"],
    )


def files(root: Path, request: pytest.FixtureRequest) -> Living:
    folder = root / "pos"
    (folder / "plug-ins" / "empty").mkdir(parents=True)
    (folder / "pos.bin").write_bytes(os.urandom(300_000))
    (folder / "pos.bin").chmod(0o750)
    (folder / "plug-ins" / "kāse.cfg").write_text("[till]\nnumber = 1\n")
    (folder / "plug-ins" / "zero").touch()
    (folder / "current").symlink_to("plug-ins/kāse.cfg")
    os.link(folder / "pos.bin", folder / "plug-ins" / "same.bin")

    def write() -> None:
        with (folder / "z-receipts.log").open("a") as log:
            log.write("x" * 100)

    def grow() -> None:
        (folder / "z-receipts.log").write_text("y" * 900_000)

    return Living(
        str(folder),
        str(root / "no.such"),
        write,
        grow,
        lambda copy: (copy / "pos" / "pos.bin").rename(copy / "pos" / "pos.bim"),
        lambda copy: shutil.rmtree(copy / "pos" / "plug-ins" / "empty"),
        lambda facts: True,
        lambda facts: facts["links"],  # each file stands for itself
    )


def mssql(root: Path, request: pytest.FixtureRequest) -> Living:
    """A stand-in: no such server can be installed here."""
    (root / "folder").mkdir()
    password = root / "password"
    password.write_text("sesame\n")
    sql = SqlServer("plomba", "sesame", {"POS": {"receipts": 0, "totals": 1}})
    listening = Listening(sql)
    request.addfinalizer(listening.server_close)
    patch = pytest.MonkeyPatch()
    request.addfinalizer(patch.undo)

    def url(database: str) -> str:
        given = f"password_file={password}&folder={root}/folder"
        return f"mssql://plomba@127.0.0.1:{listening.port}/{database}?{given}"

    def add(rows: int) -> None:
        with sql.lock:
            sql.databases["POS"]["receipts"] += rows

    patch.setenv("PLOMBA_MSSQL_CHECKER", url("master"))
    add(RECEIPTS)

    def spoil(copy: Path) -> None:
        with (copy / "POS" / "backup.bak").open("r+b") as file:
            file.seek(20_000)
            file.write(b"\xff" * 100)

    return Living(
        url("POS"),
        url("NO_SUCH"),
        lambda: add(1),
        lambda: add(9000),
        spoil,
        lambda copy: cut_short(copy / "POS" / "backup.bak"),
        lambda facts: True,
    )


SOURCES: dict[str, Callable[[Path, pytest.FixtureRequest], Living]] = {
    "sqlite": sqlite,
    "postgresql": postgresql,
    "postgresql_cluster": postgresql_cluster,
    "mariadb": mariadb,
    "firebird": firebird,
    "firebird_pages": firebird_pages,
    "mssql": mssql,
    "files": files,
}

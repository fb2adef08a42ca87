"""A living source of each engine: a receipt and the running total change in one transaction, so that a copy of two
moments shows. Every write is a client of its own, as the cash program is."""

import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.backup.engines import Facts
from tests.conftest import Postgresql
from tests.databases import Mariadb

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
    spoil: Callable[[Path], None]
    cut: Callable[[Path], None]
    of_one_moment: Callable[[Facts], bool]


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
        lambda facts: facts["rows.receipts"] == facts["sum.totals.n"],
    )


def postgresql(root: Path, request: pytest.FixtureRequest) -> Living:
    server: Postgresql = request.getfixturevalue("postgresql")
    source = server.create(f"till_{os.urandom(4).hex()}")

    def sql(statement: str) -> None:
        program = PROGRAMS_OF_POSTGRESQL[-1] / "psql"
        subprocess.run([program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, source], check=True)

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
        lambda facts: facts["rows.receipts"] == facts["sum.totals.n"],
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
        lambda facts: facts["rows.receipts"] == facts["sum.totals.n"],
    )


SOURCES: dict[str, Callable[[Path, pytest.FixtureRequest], Living]] = {
    "sqlite": sqlite,
    "postgresql": postgresql,
    "mariadb": mariadb,
}

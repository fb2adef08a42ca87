"""What can be counted in a SQLite database, so that a restored copy can be compared. Decides nothing."""

import hashlib
import sqlite3

from agent.backup.engines import Scalar


def read_facts(database: sqlite3.Connection) -> dict[str, Scalar]:
    """Page size, versions, a digest of the schema; per table `rows.T`, `max_rowid.T` and, for columns
    declared as integers, `sum.T.C`. The caller's transaction decides the moment."""
    facts: dict[str, Scalar] = {
        "page_size": _one(database, "PRAGMA page_size"),
        "page_count": _one(database, "PRAGMA page_count"),
        "user_version": _one(database, "PRAGMA user_version"),
        "application_id": _one(database, "PRAGMA application_id"),
        "schema": _schema(database),
    }
    rows = 0
    tables = _tables(database)
    for table, has_rowid in tables:
        counted = _table(database, table, has_rowid=has_rowid)
        rows += int(counted[f"rows.{table}"] or 0)
        facts |= counted
    return facts | {"tables": len(tables), "rows": rows}


def _one(database: sqlite3.Connection, query: str) -> Scalar:
    value: Scalar = database.execute(query).fetchone()[0]
    return value


def _schema(database: sqlite3.Connection) -> str:
    digest = hashlib.sha256()
    for row in database.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"):
        digest.update(repr(row).encode())
    return digest.hexdigest()[:32]


def _tables(database: sqlite3.Connection) -> list[tuple[str, bool]]:
    """Ordinary tables with whether they have a rowid. Virtual tables need their own code; their shadow tables
    count."""
    found = database.execute(
        "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow')"
        " AND name NOT IN ('sqlite_schema', 'sqlite_temp_schema') ORDER BY name"
    )
    return [(str(name), not without) for name, without in found]


def _table(database: sqlite3.Connection, table: str, *, has_rowid: bool) -> dict[str, Scalar]:
    names = [f"rows.{table}"] + ([f"max_rowid.{table}"] if has_rowid else [])
    wanted = ["count(*)"] + (["max(rowid)"] if has_rowid else [])
    columns = _integer_columns(database, table)
    try:
        row = _select(database, table, wanted + [f"sum({_quote(c)})" for c in columns])
        row = (*row[: len(wanted)], *_whole_sums(database, table, columns, row[len(wanted) :]))
        names += [f"sum.{table}.{column}" for column in columns]
    except sqlite3.OperationalError as e:
        if "overflow" not in str(e):
            raise
        # a sum over 63 bits: such a column holds keys or hashes, whose sum would tell nobody anything
        row = _select(database, table, wanted)
    return dict(zip(names, row, strict=True))


def _whole_sums(
    database: sqlite3.Connection, table: str, columns: list[str], sums: tuple[Scalar, ...]
) -> list[Scalar]:
    """Of the integers alone. A sum that is an integer met nothing else (https://sqlite.org/lang_aggfunc.html#sumunc),
    and takes half the time that asking each value for its type does."""
    mixed = [c for c, total in zip(columns, sums, strict=True) if isinstance(total, float)]
    if not mixed:
        return list(sums)
    asked = [f"sum(CASE typeof({_quote(c)}) WHEN 'integer' THEN {_quote(c)} END)" for c in mixed]
    exact = dict(zip(mixed, _select(database, table, asked), strict=True))
    return [exact.get(c, total) for c, total in zip(columns, sums, strict=True)]


def _select(database: sqlite3.Connection, table: str, wanted: list[str]) -> tuple[Scalar, ...]:
    row: tuple[Scalar, ...] = database.execute(f"SELECT {', '.join(wanted)} FROM {_quote(table)}").fetchone()  # noqa: S608 - quoted
    return row


def _integer_columns(database: sqlite3.Connection, table: str) -> list[str]:
    found = database.execute("SELECT name, type FROM pragma_table_info(?)", (table,))
    return [str(name) for name, kind in found if "INT" in str(kind).upper()]


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

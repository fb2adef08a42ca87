"""What can be counted in a Firebird database, so that a restored one can be compared. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.backup.engines import Scalar
from agent.backup.engines.firebird_client import Client, is_overflow
from agent.backup.engines.program import ProgramFailed

_DATABASE = (
    "SELECT RDB$GET_CONTEXT('SYSTEM', 'ENGINE_VERSION') AS V, MON$PAGE_SIZE AS P, MON$ODS_MAJOR AS O,"
    " MON$SQL_DIALECT AS D FROM MON$DATABASE;"
)
_TABLES = """
SELECT TRIM(r.RDB$RELATION_NAME) AS T FROM RDB$RELATIONS r WHERE COALESCE(r.RDB$SYSTEM_FLAG, 0) = 0
  AND r.RDB$VIEW_BLR IS NULL AND r.RDB$EXTERNAL_FILE IS NULL ORDER BY 1;
SELECT TRIM(c.RDB$RELATION_NAME) || ASCII_CHAR(9) || TRIM(c.RDB$FIELD_NAME) AS C
FROM RDB$RELATION_FIELDS c JOIN RDB$FIELDS f ON f.RDB$FIELD_NAME = c.RDB$FIELD_SOURCE
JOIN RDB$RELATIONS r ON r.RDB$RELATION_NAME = c.RDB$RELATION_NAME
WHERE COALESCE(r.RDB$SYSTEM_FLAG, 0) = 0 AND r.RDB$VIEW_BLR IS NULL AND r.RDB$EXTERNAL_FILE IS NULL
  AND f.RDB$FIELD_TYPE IN (7, 8, 16) AND f.RDB$COMPUTED_BLR IS NULL
ORDER BY c.RDB$RELATION_NAME, c.RDB$FIELD_POSITION;"""
"""Tables with a place in the database, and their columns of whole or exact numbers (SMALLINT, INTEGER, BIGINT)."""


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: tuple[str, ...]


def read_facts(by: Client) -> dict[str, Scalar]:
    """Versions, page size; per table `rows.T`, and `max.T.C` and `sum.T.C` of exact numbers. ProgramFailed."""
    about = by.isql(_DATABASE)
    tables = _tables(by)
    quoted = about["D"] != 1
    counted = _count(by, tables, quoted=quoted)
    facts: dict[str, Scalar] = {
        "server_version": about["V"],
        "page_size": about["P"],
        "on_disk_structure": about["O"],
        "tables": len(tables),
        "rows": sum(int(counted[f"rows.{table.name}"] or 0) for table in tables),
    }
    return facts | counted


def read_rows(by: Client) -> dict[str, Scalar]:
    """`rows.T` alone: what a gbak tells of its own."""
    return {name: value for name, value in read_facts(by).items() if name.startswith("rows.")}


def _tables(by: Client) -> list[_Table]:
    listed = by.isql_rows(_TABLES)
    names = [value for name, value in listed if name == "T"]
    pairs = [value.split("\t", 1) for name, value in listed if name == "C"]
    return [_Table(name, tuple(column for table, column in pairs if table == name)) for name in names]


def _count(by: Client, tables: Sequence[_Table], *, quoted: bool) -> dict[str, Scalar]:
    """One question for all; where a sum is over 63 bits, each table alone, and that one without its sums: such a column
    holds keys or hashes."""
    try:
        return _asked(by, tables, quoted=quoted)
    except ProgramFailed as e:
        if not is_overflow(e):
            raise
        if len(tables) == 1:
            return _asked(by, [_Table(tables[0].name, ())], quoted=quoted)
        half = len(tables) // 2
        return _count(by, tables[:half], quoted=quoted) | _count(by, tables[half:], quoted=quoted)


def _asked(by: Client, tables: Sequence[_Table], *, quoted: bool) -> dict[str, Scalar]:
    names: dict[str, str] = {}
    script = []
    for at, table in enumerate(tables):
        wanted = [f"COUNT(*) AS R{at}"]
        names[f"R{at}"] = f"rows.{table.name}"
        for number, column in enumerate(table.columns):
            shown = _quote(column, quoted=quoted)
            wanted += [f"MAX({shown}) AS M{at}_{number}", f"SUM({shown}) AS S{at}_{number}"]
            names[f"M{at}_{number}"] = f"max.{table.name}.{column}"
            names[f"S{at}_{number}"] = f"sum.{table.name}.{column}"
        script.append(f"SELECT {', '.join(wanted)} FROM {_quote(table.name, quoted=quoted)};")  # noqa: S608 - quoted
    if not script:
        return {}
    answers = by.isql("\n".join(script))
    return {fact: answers[name] for name, fact in names.items()}


def _quote(name: str, *, quoted: bool) -> str:
    """In dialect 1 double quotes are for texts, and names need none."""
    return '"' + name.replace('"', '""') + '"' if quoted else name

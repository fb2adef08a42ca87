"""What can be counted in a PostgreSQL database, so that a restored one can be compared. Decides nothing."""

import hashlib
import json

from agent.backup.engines import Pace, Scalar
from agent.backup.engines.postgresql_client import Asked, scalar

_TABLES = """
SELECT json_build_array(n.nspname, c.relname, coalesce((
    SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)), '[]'::json))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND d.deptype = 'e')
ORDER BY n.nspname, c.relname"""
"""Ordinary tables that pg_dump dumps: those of extensions it does not."""

_COLUMNS = """
SELECT json_build_array(n.nspname, c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema' AND a.attnum > 0 AND NOT a.attisdropped
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attname COLLATE "C" """


def read_facts(asked: Asked, pace: Pace | None) -> dict[str, Scalar]:
    """Version, a digest of all columns; per table `rows.T` and, for whole and exact numbers, `max.T.C` and `sum.T.C`.
    Tables outside the schema "public" are S.T. The session's transaction decides the moment."""
    columns = json.dumps(asked.rows(_COLUMNS), separators=(",", ":"))
    facts: dict[str, Scalar] = {
        "server_version": scalar(asked.one("SELECT to_json(current_setting('server_version'))")),
        "schema": hashlib.sha256(columns.encode()).hexdigest()[:32],
        "large_objects": scalar(asked.one("SELECT to_json(count(*)) FROM pg_largeobject_metadata")),
    }
    tables = asked.rows(_TABLES)
    rows = 0
    for number, row in enumerate(tables):
        count, counted = _table(asked, row)
        rows += count
        facts |= counted
        if pace is not None:
            pace.between(number + 1, len(tables))
    return facts | {"tables": len(tables), "rows": rows}


def _table(asked: Asked, row: object) -> tuple[int, dict[str, Scalar]]:
    """The rows of one table and its facts."""
    schema, table, columns = _described(row)
    shown = table if schema == "public" else f"{schema}.{table}"
    names, wanted = [f"rows.{shown}"], ["count(*)"]
    for column in columns:
        names += [f"max.{shown}.{column}", f"sum.{shown}.{column}"]
        wanted += [f"max({_quote(column)})::text", f"sum({_quote(column)})::text"]
    # 90 at a time: a function takes at most 100 arguments
    query = " || ".join(
        f"jsonb_build_array({', '.join(wanted[at : at + 90])})" for at in range(0, len(wanted), 90)
    )
    values = asked.one(f"SELECT {query} FROM ONLY {_quote(schema)}.{_quote(table)}")  # noqa: S608 - quoted
    assert isinstance(values, list)  # noqa: S101 - what jsonb_build_array gives
    return int(values[0]), dict(zip(names, map(scalar, values), strict=True))


def _described(row: object) -> tuple[str, str, list[str]]:
    assert isinstance(row, list)  # noqa: S101 - what json_build_array gives
    schema, table, columns = row
    return str(schema), str(table), [str(column) for column in columns]


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

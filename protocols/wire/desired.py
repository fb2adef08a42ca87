"""The shape of a configuration that travels: tables of keys as in agent.toml, and how one is laid over another.
Pure; what a key means, and who may set it, is for the agent."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping

BYTES = 64 << 10
"""A document, or the text of one level, is not longer."""

LISTS = {"device": "id", "backup": "name"}
"""Tables that are lists, and the key that names a row."""

EITHER = (frozenset({"backup.every", "backup.at"}),)
"""Keys of one row that take each other's place: a level that sets one takes the others away."""

Scalar = bool | int | float | str
Value = Scalar | list[Scalar]
Row = dict[str, Value]
Tables = dict[str, Row | list[Row]]
Flat = dict[str, Value]
"""`host.sample_s` or `device[kitchen].poll_s` -> value."""

_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_KEY = re.compile(rf"({_WORD.pattern})(?:\[({_NAME.pattern})\])?\.({_WORD.pattern})")
_TEXT = 2000
_MANY = 64


class Misshapen(ValueError):
    """`key` is where it is wrong, `problem` a stable word for what is."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


def shaped(document: Mapping[str, object]) -> Tables:
    """The same tables, proven to be no more than tables, rows with a name, and plain values. Misshapen with
    `table`, `row`, `name`, `twice`, `word`, `value` or `many`."""
    if len(document) > _MANY:
        raise Misshapen("(file)", "many")
    tables: Tables = {}
    for table, content in document.items():
        if not _WORD.fullmatch(table):
            raise Misshapen(table, "word")
        tables[table] = _rows(table, content) if table in LISTS else _row(table, content)
    return tables


def _rows(table: str, content: object) -> list[Row]:
    if not isinstance(content, list) or len(content) > _MANY:
        raise Misshapen(table, "many" if isinstance(content, list) else "row")
    rows: list[Row] = []
    names: set[str] = set()
    for index, found in enumerate(content):
        row = _row(f"{table}[{index + 1}]", found)
        name = row.get(LISTS[table])
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Misshapen(f"{table}[{index + 1}].{LISTS[table]}", "name")
        if name in names:
            raise Misshapen(f"{table}[{name}]", "twice")
        names.add(name)
        rows.append(row)
    return rows


def _row(place: str, content: object) -> Row:
    if not isinstance(content, dict) or len(content) > _MANY:
        raise Misshapen(place, "many" if isinstance(content, dict) else "table")
    row: Row = {}
    for key, value in content.items():
        if not isinstance(key, str) or not _WORD.fullmatch(key):
            raise Misshapen(f"{place}.{key}", "word")
        row[key] = _value(f"{place}.{key}", value)
    return row


def _value(place: str, value: object) -> Value:
    if isinstance(value, list):
        if len(value) > _MANY:
            raise Misshapen(place, "many")
        return [_scalar(place, part) for part in value]
    return _scalar(place, value)


def _scalar(place: str, value: object) -> Scalar:
    if isinstance(value, str) and len(value) <= _TEXT and "\0" not in value:
        return value
    if isinstance(value, float) and value - value != 0:  # not a number, or endless
        raise Misshapen(place, "value")
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**53):
        return value
    raise Misshapen(place, "value")


def flatten(tables: Tables) -> Flat:
    """Without the names of rows, which stand in the keys; a row that holds nothing else is not in it."""
    return dict(_flat(tables))


def _flat(tables: Tables) -> Iterator[tuple[str, Value]]:
    for table, content in tables.items():
        if isinstance(content, dict):
            yield from ((f"{table}.{key}", value) for key, value in content.items())
            continue
        name = LISTS[table]
        for row in content:
            place = f"{table}[{row[name]}]"
            yield from ((f"{place}.{key}", value) for key, value in row.items() if key != name)


def tables_of(flat: Mapping[str, Value]) -> Tables:
    """The tables of which `flatten` made these keys, in their order."""
    tables: Tables = {}
    for key, value in flat.items():
        table, row, word = parts(key)
        if not row:
            content = tables.setdefault(table, {})
            assert isinstance(content, dict)  # noqa: S101 - a table is a list or not by its name
            content[word] = value
            continue
        rows = tables.setdefault(table, [])
        assert isinstance(rows, list)  # noqa: S101 - as above
        found: Row | None = next((one for one in rows if one[LISTS[table]] == row), None)
        if found is None:
            found = {LISTS[table]: row}
            rows.append(found)
        found[word] = value
    return tables


def parts(key: str) -> tuple[str, str, str]:
    """Table, name of the row ("" where the table is no list), and word of a flat key. ValueError."""
    found = _KEY.fullmatch(key)
    if not found or (found[2] is None) == (found[1] in LISTS):
        raise ValueError(f"{key!r} is no key")
    return found[1], found[2] or "", found[3]


def displaced(key: str, by: Mapping[str, Value]) -> bool:
    """Does a key lose its place because `by` sets one that excludes it?"""
    if key in by:
        return False
    table, row, word = parts(key)
    head = f"{table}[{row}]." if row else f"{table}."
    for group in EITHER:
        if f"{table}.{word}" in group:
            return any(head + other.partition(".")[2] in by for other in group)
    return False


def merge(base: Tables, over: Tables) -> Tables:
    """`over` laid over `base`, key by key; rows go together by their names."""
    laid = flatten(over)
    kept = {key: value for key, value in flatten(base).items() if not displaced(key, laid)}
    return tables_of(kept | laid)


def digest_of(tables: Tables) -> str:
    """Of the content, not of the order of tables and rows nor of the spelling; in hex."""
    text = json.dumps(
        flatten(tables), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def toml(value: Value) -> str:
    """One value as it stands in a TOML file."""
    if isinstance(value, list):
        return f"[{', '.join(toml(part) for part in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)

"""What is wished for a terminal: the words of its customer, its site and itself, each laid over the one before. Pure.
Checked by the schema that the agent's model gives; what only the till can know, it judges itself."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from protocols.errors import PlombaError
from protocols.wire import desired, v1
from protocols.wire.desired import BYTES, LISTS, Flat, Misshapen, Row, Tables, Value, flatten, merge, parts

SCHEMA = Path(v1.__file__).with_name("schema") / "agent-config.json"
MISTAKES = 20
LEVEL_BYTES = BYTES // 4
"""Of the text of one level: three of them make a document."""


class Level(StrEnum):
    CUSTOMER = "customer"
    SITE = "site"
    TERMINAL = "terminal"


@dataclass(frozen=True, slots=True)
class Mistake:
    """`key` is "" where it is about the text as a whole. `problem` is a stable word, `detail` what it needs."""

    key: str
    problem: str
    detail: str = ""


class Wrong(PlombaError):
    """The text cannot be a configuration; `mistakes` say why."""

    code = "configuration.wrong"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(f"{m.key}: {m.problem} {m.detail}".strip() for m in mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the effective configuration, and the level that says it."""

    key: str
    value: Value
    level: Level


@dataclass(frozen=True, slots=True)
class Change:
    """None: it is not there."""

    key: str
    before: Value | None
    after: Value | None


@cache
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))
    return found


def read(text: str) -> Tables:
    """The tables of a text in TOML that somebody writes now. Wrong, with every mistake that was found."""
    tables = parse(text)
    found = list(_mistakes(tables))
    if found:
        raise Wrong(found[:MISTAKES])
    return tables


def parse(text: str) -> Tables:
    """Of a text that was read before, perhaps by the schema of another release. Wrong where it is none."""
    if len(text.encode()) > LEVEL_BYTES:
        raise Wrong([Mistake("", "too_long", str(LEVEL_BYTES))])
    try:
        return desired.shaped(tomllib.loads(text))
    except tomllib.TOMLDecodeError as e:
        raise Wrong([Mistake("", "syntax", str(e)[:200])]) from e
    except Misshapen as e:
        raise Wrong([Mistake(e.key[:160], f"shape_{e.problem}")]) from e


def laid(levels: Mapping[Level, Tables]) -> Tables:
    tables: Tables = {}
    for level in Level:
        tables = merge(tables, levels.get(level, {}))
    return tables


def settings(levels: Mapping[Level, Tables]) -> list[Setting]:
    """The effective configuration, sorted, with where each value comes from."""
    said = {level: flatten(tables) for level, tables in levels.items()}
    found = flatten(laid(levels))
    return [
        Setting(key, found[key], next(level for level in reversed(Level) if key in said.get(level, {})))
        for key in sorted(found, key=_order)
    ]


def changes(before: Tables, after: Tables) -> list[Change]:
    old, new = flatten(before), flatten(after)
    keys = sorted(old.keys() | new.keys(), key=_order)
    return [Change(key, old.get(key), new.get(key)) for key in keys if not _same(old, new, key)]


def _same(old: Flat, new: Flat, key: str) -> bool:
    """True is no 1 here, as in TOML."""
    one, two = old.get(key), new.get(key)
    return one == two and type(one) is type(two)


def _order(key: str) -> tuple[bool, str]:
    return parts(key)[0] in LISTS, key


def _mistakes(tables: Tables) -> Iterator[Mistake]:
    known = schema()["properties"]
    for table, content in tables.items():
        if table not in known:
            yield Mistake(table, "unknown", _near(table, known))
        elif isinstance(content, dict):
            yield from _in_row(table, content, known[table])
        else:
            for row in content:
                yield from _in_row(f"{table}[{row[LISTS[table]]}]", row, known[table]["items"])


def _in_row(place: str, row: Row, rule: Mapping[str, Any]) -> Iterator[Mistake]:
    known = rule["properties"]
    for word, value in row.items():
        if word not in known:
            yield Mistake(f"{place}.{word}", "unknown", _near(word, known))
        elif problem := _wrong(value, known[word]):
            yield Mistake(f"{place}.{word}", *problem)


def _near(word: str, known: Mapping[str, object]) -> str:
    return ", ".join(get_close_matches(word, list(known), n=1, cutoff=0.6))


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,), "array": (list,),
}  # fmt: skip


def _wrong(value: Value, rule: Mapping[str, Any]) -> tuple[str, str] | None:
    """What is wrong by the part of JSON schema that the agent's schema uses; None where nothing is."""
    kind = str(rule["type"])
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return "type", kind
    if "enum" in rule and value not in rule["enum"]:
        return "enum", ", ".join(map(str, rule["enum"]))
    match value:
        case list():
            return _wrong_list(value, rule)
        case str():
            return _wrong_text(value, rule)
    return _wrong_number(value, rule)


def _wrong_number(value: float, rule: Mapping[str, Any]) -> tuple[str, str] | None:
    low, above = rule.get("minimum"), rule.get("exclusiveMinimum")
    high, below = rule.get("maximum"), rule.get("exclusiveMaximum")
    if (low is not None and value < low) or (above is not None and value <= above):
        return "minimum" if low is not None else "above", f"{low if low is not None else above:g}"
    if (high is not None and value > high) or (below is not None and value >= below):
        return "maximum" if high is not None else "below", f"{high if high is not None else below:g}"
    return None


def _wrong_text(value: str, rule: Mapping[str, Any]) -> tuple[str, str] | None:
    if len(value) > rule.get("maxLength", len(value)) or len(value) < rule.get("minLength", 0):
        return "length", str(rule.get("maxLength", ""))
    if "pattern" in rule and not re.search(rule["pattern"], value):
        return "pattern", _EXAMPLES.get(rule["pattern"], rule["pattern"])
    return None


_EXAMPLES = {r"^[1-9]\d{0,4}[mhd]$": "30m, 6h, 1d", r"^([01]\d|2[0-3]):[0-5]\d$": "03:30"}


def _wrong_list(value: list[Any], rule: Mapping[str, Any]) -> tuple[str, str] | None:
    if len(value) > rule.get("maxItems", len(value)):
        return "many", str(rule["maxItems"])
    return next((problem for part in value if (problem := _wrong(part, rule["items"]))), None)

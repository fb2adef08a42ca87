"""The JSON schema of what a collector may set on a till, made from the model and the wall: the collector, which knows
nothing of the agent, checks by it what people write. `python -m agent.config.schema` writes it."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from agent.config.desired import OPEN, PLACED
from agent.config.model import TABLES
from protocols.device.registry import FAMILIES
from protocols.wire.desired import LISTS

Schema = dict[str, Any]
_FORMATS = {"duration": r"^[1-9]\d{0,4}[mhd]$", "time": r"^([01]\d|2[0-3]):[0-5]\d$"}
"""As agent.config.model reads them from text."""
_KEPT = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
         "pattern", "items", "maxItems", "default")  # fmt: skip


def json_schema() -> Schema:
    tables = {table: _list(table) if table in LISTS else _table(table, OPEN[table]) for table in sorted(OPEN)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What a collector may set on a till",
        "type": "object",
        "additionalProperties": False,
        "properties": tables,
    }


def _list(table: str) -> Schema:
    name = LISTS[table]
    words = OPEN[table] | {name} | (PLACED if table == "device" else frozenset())
    return {"type": "array", "maxItems": 64, "items": _table(table, words) | {"required": [name]}}


def _table(table: str, words: frozenset[str]) -> Schema:
    found = TABLES[table].model_json_schema()["properties"]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {word: _key(table, word, found[word]) for word in sorted(words)},
    }


def _key(table: str, word: str, found: Mapping[str, Any]) -> Schema:
    """TOML knows no null: a key that may be left out is simply not there."""
    one: Mapping[str, Any] = next((part for part in found.get("anyOf", ()) if part.get("type") != "null"), {})
    merged = {**found, **one}
    key = {name: merged[name] for name in _KEPT if merged.get(name) is not None}
    if "items" in key:
        key["items"] = _key(table, word, key["items"])
    if merged.get("format") in _FORMATS:
        key["pattern"] = _FORMATS[merged["format"]]
    if (table, word) == ("device", "family"):
        key["enum"] = sorted(FAMILIES)
    return key


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=1, sort_keys=True) + "\n")

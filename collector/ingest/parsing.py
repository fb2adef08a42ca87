"""The bytes of a signed report -> a typed report and its messages as they came. Refuses everything that
could not be stored or read back later on both databases."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import NoReturn

from pydantic import ValidationError

from collector.ingest.problem import Refused
from protocols.wire import chain, v1

_BIGGEST = 2**63 - 1
_DEEPEST = 64
"""Levels of lists and objects in a message. SQLite and the readers of a message know a limit, too."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """`bodies[i]` is the wire document of `report.messages[i]`, with fields that this version does not know;
    `documents[i]` are the canonical bytes of the same as it came, from which its link in the chain is made."""

    report: v1.Report
    bodies: tuple[str, ...]
    documents: tuple[bytes, ...]


def parse(body: bytes, terminal: str) -> Parsed:
    raw = _document(body, terminal)
    document = _clean(raw) if b"\\u" in body else raw
    if not isinstance(raw, dict) or not isinstance(document, dict):
        raise Refused("report.malformed", "not a JSON object", terminal=terminal)
    if document.get("version") != v1.VERSION:
        raise Refused("report.version", f"this collector speaks version {v1.VERSION}", terminal=terminal)
    try:
        report = v1.Report.model_validate(document, extra="ignore")
        _check_depth(document["messages"], _DEEPEST)
        documents = tuple(map(chain.canonical, raw["messages"]))
        bodies = tuple(
            text.decode() if document is raw else json.dumps(part, ensure_ascii=False, allow_nan=False)
            for text, part in zip(documents, document["messages"], strict=True)
        )
        _check_storable(report)
    except ValidationError as e:
        raise Refused("report.malformed", _say(e), terminal=terminal) from e
    except (ValueError, OverflowError, RecursionError) as e:
        raise Refused("report.malformed", "a value cannot be stored", terminal=terminal) from e
    if report.terminal != terminal:
        raise Refused("terminal.mismatch", terminal=terminal)
    return Parsed(report, bodies, documents)


def _document(body: bytes, terminal: str) -> object:
    try:
        return json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as e:
        raise Refused("report.malformed", "not JSON in UTF-8", terminal=terminal) from e


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _clean(value: object) -> object:
    """Without what PostgreSQL cannot store as text: NUL and lone surrogates become U+FFFD."""
    if isinstance(value, str):
        return (
            value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
            if not value.isprintable()
            else value
        )
    if isinstance(value, list):
        return [_clean(part) for part in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(part) for key, part in value.items()}
    return value


def _check_storable(report: v1.Report) -> None:
    seqs = [message.seq for message in report.messages]
    if any(later <= earlier for earlier, later in pairwise(seqs)):
        raise Refused(
            "report.malformed", "the numbers of the messages do not ascend", terminal=report.terminal
        )
    for part in (report, report.queue, report.run, *report.messages):
        for value in vars(part).values() if part else ():
            _check_value(value)


def _check_depth(value: object, levels: int) -> None:
    """ValueError where something nests deeper; fields that this version does not know may hold anything."""
    if levels < 0:
        raise ValueError("nested too deeply")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(part, dict | list):
            _check_depth(part, levels - 1)


def _check_value(value: object) -> None:
    """ValueError for a time or number that one of the two databases cannot hold. A number that came as text
    may be an infinite one."""
    if isinstance(value, dict):
        numbers = [part for part in value.values() if isinstance(part, float)]
    else:
        numbers = [value] if isinstance(value, float) else []
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a number is not finite")
    if isinstance(value, datetime) and not 1970 <= value.astimezone(UTC).year <= 9000:
        raise ValueError("a time out of range")
    if isinstance(value, int) and abs(value) > _BIGGEST:
        raise ValueError("a number is too big")


def _say(failure: ValidationError) -> str:
    error = failure.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"

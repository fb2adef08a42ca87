"""The third step of discovery: the lines of configuration for what was found. Pure."""

import json
import re
from collections.abc import Collection, Sequence

from agent.devices.discovery_confirm import Outcome
from protocols.device.family import Way

_ID_LETTERS = 48


def configuration(outcomes: Sequence[Outcome], taken: Collection[str] = ()) -> str:
    """[[device]] tables, valid TOML, for every port whose family is known and that is not configured yet;
    "" where there is none. `taken`: ids that are in use."""
    ids, ports = set(taken), set[str]()
    tables = []
    for outcome in outcomes:
        port = outcome.sighting.address
        if not outcome.family or outcome.configured:
            continue
        if port in ports:
            tables.append(f"# {printable(port)} is there twice: only one of the two can be read\n")
            continue
        name = _free(_id(outcome), ids)
        ids.add(name)
        ports.add(port)
        tables.append(_table(outcome, name))
    return "\n".join(tables)


def _table(outcome: Outcome, name: str) -> str:
    lines = [
        f"# {printable(_comment(outcome))}",
        "[[device]]",
        f"id = {_quoted(name)}",
        f"family = {_quoted(outcome.family)}",
        f"port = {_quoted(outcome.sighting.address)}",
    ]
    if outcome.finding and outcome.sighting.way is Way.SERIAL:
        lines.append(f"baud = {outcome.finding.baud}")
    return "\n".join(lines) + "\n"


def _comment(outcome: Outcome) -> str:
    said = outcome.finding.identity if outcome.finding else None
    model = " ".join(part for part in (said.maker, said.model) if part) if said else ""
    serial = f"serial {said.serial}" if said and said.serial else ""
    return ", ".join(part for part in (model, serial, f"confidence: {outcome.confidence}") if part)


def _id(outcome: Outcome) -> str:
    """From the model where it has Latin letters, else from the family."""
    model = outcome.finding.identity.model if outcome.finding else ""
    for text in (model, outcome.family):
        slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_ID_LETTERS].strip("-")
        if re.search("[a-z]", slug):
            return slug
    return "device"


def _free(wanted: str, taken: Collection[str]) -> str:
    names = (wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def printable(text: str) -> str:
    """What a device says of itself may hold anything; nothing of it may steer a terminal or end a comment."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _quoted(text: str) -> str:
    """A basic string of TOML, which escapes as JSON does."""
    return json.dumps(text, ensure_ascii=False)

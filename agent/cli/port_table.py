"""How discovery shows what it found: a table for a person, or JSON."""

from collections.abc import Iterable, Sequence

from agent.devices.discovery import Reason, numbers
from agent.devices.discovery_confirm import Outcome
from agent.devices.discovery_setup import printable
from protocols.device.family import Way

_HEADS = ("PORT", "WHAT IT IS", "STATE", "FAMILY", "MODEL", "SERIAL", "CONFIDENCE")
_STATE = {True: "in use", False: "free", None: "not known"}
_KIND = {Way.SERIAL: "serial port", Way.TCP: "network", Way.USB: "USB printer", Way.HID: "HID device"}
_CAN_BE_LISTED = {"leave.adapter", "leave.unknown", "leave.configured"}


def as_words(outcomes: Sequence[Outcome], configuration: str) -> str:
    if not outcomes:
        return "No serial port, USB printer or HID drawer is attached to this computer."
    parts = [_table(outcomes), *map(_details, outcomes)]
    if configuration:
        parts.append(
            f"Lines for agent.toml; `plomba-agent check` then says whether they fit:\n\n{configuration}"
        )
    return "\n\n".join(part.rstrip() for part in parts)


def as_json(outcomes: Sequence[Outcome], configuration: str) -> dict[str, object]:
    return {"ports": [_entry(outcome) for outcome in outcomes], "configuration": configuration}


def _table(outcomes: Sequence[Outcome]) -> str:
    rows = [_HEADS, *(tuple(printable(cell) or "-" for cell in _row(outcome)) for outcome in outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(outcome: Outcome) -> tuple[str, ...]:
    said = outcome.finding.identity if outcome.finding else None
    model = said.model if said else ""
    serial = said.serial if said else outcome.sighting.serial if outcome.family else ""
    return (
        outcome.sighting.name,
        _what(outcome),
        _STATE[outcome.held],
        outcome.family,
        model,
        serial,
        outcome.confidence,
    )


def _what(outcome: Outcome) -> str:
    seen = outcome.sighting
    words = (seen.maker if seen.maker not in seen.product else "", seen.product, numbers(seen))
    told = " ".join(word for word in words if word)
    return told or _KIND.get(seen.way, str(seen.way))


def _details(outcome: Outcome) -> str:
    seen = outcome.sighting
    lines = [seen.name if seen.address == seen.name else f"{seen.name} = {seen.address}"]
    if outcome.finding:
        faults = ", ".join(outcome.finding.faults)
        lines.append(f"  faults     {faults or 'none'}")
    lines += [f"  why        {reason.text}" for reason in outcome.why]
    label = "in vain" if outcome.asked else "not asked"
    lines += [f"  {label:<10} {reason.text}" for reason in outcome.left]
    if outcome.permission.reason.code in _CAN_BE_LISTED:
        lines.append(
            f"             if you know that no drawer is on it: plomba-agent probe --ports {seen.address}"
        )
    if seen.way is Way.HID and outcome.family:
        lines.append(f"             to read it once: plomba-agent probe {seen.address}")
    return "\n".join(map(printable, lines))


def _entry(outcome: Outcome) -> dict[str, object]:
    seen, finding = outcome.sighting, outcome.finding
    device_id = seen.device_id.fields if seen.device_id else {}
    return {
        "port": seen.address,
        "names": list(seen.names),
        "kind": str(seen.way),
        "usb": numbers(seen) or None,
        "maker": seen.maker,
        "product": seen.product,
        "serial": seen.serial,
        "location": seen.location,
        "device_id": dict(device_id),
        "in_use": outcome.held,
        "configured": outcome.configured or None,
        "asked": outcome.asked,
        "family": outcome.family or None,
        "baud": finding.baud if finding and seen.way is Way.SERIAL else None,
        "identity": finding.identity.as_dict() if finding else None,
        "faults": list(finding.faults) if finding else None,
        "confidence": str(outcome.confidence),
        "candidates": [
            {"family": c.family.name, "weight": c.weight.name.lower(), "why": _reasons(c.reasons)}
            for c in outcome.candidates
            if c.weight
        ],
        "why": _reasons(outcome.why),
        "not_asked": [] if outcome.asked else _reasons(outcome.left),
        "in_vain": _reasons(outcome.left) if outcome.asked else [],
    }


def _reasons(reasons: Iterable[Reason]) -> list[dict[str, str]]:
    return [{"code": reason.code, "text": reason.text} for reason in reasons]

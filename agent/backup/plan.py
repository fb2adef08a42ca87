"""What a backup owes the collector, from what is known of it. Pure; when a backup is due, the runtime decides."""

from collections.abc import Mapping

Scalar = bool | int | float | str | None

GOOD = "backup_good."
"""Begins the name, in the spool's memory, of when the last good one of a source was begun."""
WIRE_FACTS = 64
_NAME_LENGTH, _TEXT_LENGTH = 80, 400


def wire_facts(facts: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """As many facts as a message may carry: totals first, then tables in the order of their names. All of
    them stay in the encrypted snapshot."""
    order = sorted(facts, key=lambda name: ("." in name, name))
    fitting = [name for name in order if len(name) <= _NAME_LENGTH]
    return {name: _short(facts[name]) for name in fitting[:WIRE_FACTS]}


def _short(value: Scalar) -> Scalar:
    return value[:_TEXT_LENGTH] if isinstance(value, str) else value

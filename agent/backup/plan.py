"""Which backup or drill is due, from what is known; and what of a result fits into a message. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

Scalar = bool | int | float | str | None

WIRE_FACTS = 64
_NAME_LENGTH, _TEXT_LENGTH = 80, 400


def overdue(last_good_at: datetime | None, first_known_at: datetime, every: timedelta, now: datetime) -> bool:
    """Has a source gone without a good result for longer than one interval and a half? A till that is off
    over night misses one run without being late."""
    return now - (last_good_at or first_known_at) > every * 1.5


def wire_facts(facts: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """As many facts as a message may carry: totals first, then tables in the order of their names. All of
    them stay in the encrypted snapshot."""
    order = sorted(facts, key=lambda name: ("." in name, name))
    fitting = [name for name in order if len(name) <= _NAME_LENGTH]
    return {name: _short(facts[name]) for name in fitting[:WIRE_FACTS]}


def _short(value: Scalar) -> Scalar:
    return value[:_TEXT_LENGTH] if isinstance(value, str) else value

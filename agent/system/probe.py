"""What one probe of the computer gives: figures for a sample, conditions for the health room, facts and lists
that are told only when they changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Scalar = bool | int | float | str | None
Detail = Mapping[str, Scalar]
FACT_SCALARS, FACT_TEXT = 64, 400
"""Limits of the wire for one fact: so many scalars, texts so long."""


class NotKnown(OSError):
    """Nothing is known this time; the text says why, to a person."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A figure and its two limits: the fault `code` begins at `raise_at` and ends at `clear_at`; which of
    them is the higher says which side is bad. `value` is None where the probe cannot tell. `reason` is for
    people, and with None it says why nothing can be told."""

    code: str
    value: float | None
    raise_at: float
    clear_at: float
    reason: str = ""


def count(code: str, wrong: int | None, reason: str) -> Condition:
    """Of what must not be at all: the fault stands while `wrong` is not 0."""
    return Condition(code, None if wrong is None else float(wrong), 1.0, 0.0, reason)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list. What is not known is ""."""

    name: str
    version: str = ""
    vendor: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """The whole of one thing, such as all installed software."""

    what: str
    items: tuple[Item, ...]


Plain = Scalar | Sequence["Plain"] | Mapping[str, "Plain"]
Recall = Callable[[str], Plain]
"""What was kept under a key, or None."""
KEPT = "probe."
"""A probe's own key is this and its name."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`values` have their unit in the name. `facts`: name of a fact -> what is so now; in
    it None is unknown, and "" is none. `keep`: what the
    probe wants to `Recall` after a restart; None where that has not changed."""

    values: Mapping[str, float] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    facts: Mapping[str, Detail] = field(default_factory=dict)
    lists: tuple[Listing, ...] = ()
    keep: Mapping[str, Plain] | None = None


class Probe(Protocol):
    """`every_s`: 0 for a look that takes no time worth naming, made with each sample; else the pace of a slow
    one (it starts programs, reads files, waits for the network), which runs beside the quick ones, one slow
    probe at a time."""

    @property
    def name(self) -> str: ...

    @property
    def every_s(self) -> float: ...

    def measure(self) -> Measured:
        """Look now. May be called at any rhythm, by one thread at a time; raises nothing but OSError, which
        means that nothing is known this time, and why."""

"""What one probe of the computer gives: figures for a sample, and conditions for the health room."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Condition:
    """A figure and its two limits: the fault `code` begins at `raise_at` and ends at `clear_at`; which of
    them is the higher says which side is bad. `value` is None where the probe cannot tell. `reason` is for
    people."""

    code: str
    value: float | None
    raise_at: float
    clear_at: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """`values` have their unit in the name."""

    values: Mapping[str, float] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()


class Probe(Protocol):
    @property
    def name(self) -> str: ...

    def measure(self) -> Measured:
        """Look now. May be called at any rhythm; raises nothing but OSError, which means that nothing is
        known this time."""

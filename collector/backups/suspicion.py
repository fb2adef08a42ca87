"""Whether a new backup looks as if somebody had encrypted the till: much more has changed than usual, or it does not
compress any more. Pure. A rebuilt database looks alike; so nothing is refused, only nothing is removed until a
person has looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

LEAST_BEFORE = 3
MUCH, LITTLE = 0.6, 0.3
"""Shares of the source that changed: so much now, and so little usually."""
NOISE, TEXT = 0.97, 0.8
"""Stored bytes to plain ones: as of random bytes now, and as of a database usually."""
LEAST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Figures:
    source_bytes: int
    changed_bytes: int
    stored_bytes: int

    @property
    def share(self) -> float:
        return self.changed_bytes / self.source_bytes if self.source_bytes else 0.0

    @property
    def ratio(self) -> float:
        return self.stored_bytes / self.changed_bytes if self.changed_bytes else 0.0


def suspicion(new: Figures, before: Sequence[Figures]) -> str:
    """What is odd, for a person; "" where nothing is. `before` are the latest ones, in any order."""
    if len(before) < LEAST_BEFORE or new.changed_bytes < LEAST_BYTES:
        return ""
    found = []
    usual = median(one.share for one in before)
    if new.share >= MUCH and usual <= LITTLE:
        found.append(f"{new.share:.0%} of it changed at once, usually {usual:.1%}")
    ratios = [one.ratio for one in before if one.changed_bytes]
    if ratios and new.ratio >= NOISE and median(ratios) <= TEXT:
        found.append(
            f"what changed does not compress any more ({new.ratio:.0%}, usually {median(ratios):.0%})"
        )
    return "; ".join(found)

"""What may be said of one condition at one moment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Level:
    """A figure with two limits: the condition begins at `raise_at` and ends at `clear_at`; which of them is
    the higher says which side is bad. In between, things stay as they are. The unit is the caller's, such
    as percent."""

    value: float
    raise_at: float
    clear_at: float

    def present(self, *, raised: bool) -> bool:
        limit = self.clear_at if raised else self.raise_at
        if self.raise_at > self.clear_at:
            return self.value > limit if raised else self.value >= limit
        return self.value < limit if raised else self.value <= limit


Observation = bool | Level | None
"""Present, absent, a figure to compare, or None: unknown, which neither raises nor clears anything."""

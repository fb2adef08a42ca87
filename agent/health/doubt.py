"""A change that is suspected but not yet believed: the observations since it was first suspected."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

GAP_S = 60.0
"""After unknowns and so long without a known observation, what was seen before proves nothing about now."""


@dataclass(slots=True)
class Doubt:
    """`add` takes known observations (True speaks for the change) and `unknown` tells of the others;
    monotonic seconds. `first_at` is the wall time at which the change was first suspected."""

    first_at: datetime | None = None
    _first_s: float = 0.0
    _last_s: float = 0.0
    _blind: bool = False
    _window: deque[bool] = field(default_factory=deque)

    def forget(self) -> None:
        self.first_at, self._blind = None, False
        self._window.clear()

    def unknown(self) -> None:
        self._blind = True

    def add(self, speaks_for: bool, at_s: float, now: datetime, *, need: int, of: int) -> None:
        """Forgets all once `need` of the last `of` observations can no longer speak for the change."""
        if self._blind and at_s - self._last_s > GAP_S:
            self.forget()
        self._blind, self._last_s = False, at_s
        if self.first_at is None:
            if not speaks_for:
                return
            self.first_at, self._first_s = now, at_s
        self._window.append(speaks_for)
        while len(self._window) > of:
            self._window.popleft()
        if self._window.count(False) > of - need:
            self.forget()

    def believed(self, at_s: float, *, need: int, hold_s: float) -> bool:
        return self.first_at is not None and self._window.count(True) >= need and self.held_s(at_s) >= hold_s

    def held_s(self, at_s: float) -> float:
        return at_s - self._first_s if self.first_at is not None else 0.0

"""How long to leave a device alone that could not be asked: exponential with full jitter, bounded."""

from collections.abc import Callable
from random import SystemRandom

LONGEST_S = 30.0
"""A device that comes back is noticed within this time, or within its poll interval where that is longer."""
_AS_USUAL = 3

Jitter = Callable[[float, float], float]
uniform: Jitter = SystemRandom().uniform


class Backoff:
    """The first failures keep the usual rhythm, so that a fault is confirmed soon."""

    def __init__(self, usual_s: float, jitter: Jitter = uniform) -> None:
        self._usual_s = usual_s
        self._jitter = jitter
        self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    def failed(self) -> float:
        """Count one more failure; seconds until the next try."""
        self._failures += 1
        if self._failures <= _AS_USUAL:
            return self._usual_s
        doublings = min(self._failures - _AS_USUAL, 16)
        ceiling_s = max(self._usual_s, min(LONGEST_S, self._usual_s * 2**doublings))
        return self._jitter(min(self._usual_s, ceiling_s / 2), ceiling_s)

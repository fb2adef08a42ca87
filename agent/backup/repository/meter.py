"""How fast bytes may leave the till. Every transport asks before each slice, so that a limit holds within an object and
not only between two: the card terminal uses the same line."""

from threading import Event, Lock
from typing import Protocol

from agent.clock import Clock

SLICE_BYTES = 64 << 10
BURST_S = 0.25


class Meter(Protocol):
    def spend(self, count: int) -> None:
        """Returns when so many bytes may go. From any thread."""


class Free:
    def spend(self, count: int) -> None:
        """At once."""


class Bucket:
    """So many bytes a second on the long run, a quarter of a second of it at once. Also for reading."""

    def __init__(self, bytes_s: float, clock: Clock, stop: Event) -> None:
        self._bytes_s, self._clock, self._stop = bytes_s, clock, stop
        self._lock = Lock()
        self._free_at = clock.monotonic()

    def spend(self, count: int) -> None:
        with self._lock:  # the others wait for their turn, and no order among them is promised
            now = self._clock.monotonic()
            self._free_at = max(self._free_at, now - BURST_S) + count / self._bytes_s
            wait_s = self._free_at - now
        if wait_s > 0:
            self._clock.wait(self._stop, wait_s)

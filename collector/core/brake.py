"""Counts failures per key within a window, in the memory of this process. It says how long to wait; it
refuses nobody itself."""

from collections import deque
from collections.abc import Hashable
from threading import Lock

from collector.core import clock


class Brake:
    """At most `failures` per key within `window_s` seconds. Of more than `most` keys the oldest are
    forgotten. Safe for several threads."""

    def __init__(self, failures: int, window_s: float, most: int = 10_000) -> None:
        self._limit = failures
        self._window_s = window_s
        self._most = most
        self._failures: dict[Hashable, deque[float]] = {}
        self._lock = Lock()

    def wait_s(self, key: Hashable) -> int:
        """Whole seconds until the next try is welcome; 0 for at once."""
        now = clock.monotonic()
        with self._lock:
            recent = self._failures.get(key, deque())
            while recent and recent[0] <= now - self._window_s:
                recent.popleft()
            return int(recent[0] + self._window_s - now) + 1 if len(recent) >= self._limit else 0

    def failed(self, key: Hashable) -> None:
        with self._lock:
            if key not in self._failures and len(self._failures) >= self._most:
                del self._failures[next(iter(self._failures))]
            self._failures.setdefault(key, deque(maxlen=self._limit)).append(clock.monotonic())

    def forget(self, key: Hashable) -> None:
        with self._lock:
            self._failures.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._failures.clear()

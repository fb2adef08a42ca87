"""The only real clock of the collector. Everything else asks `now()`; a test hands in another clock with
`use`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The server's wall clock, aware UTC."""

    def monotonic(self) -> float:
        """Seconds that never jump; the zero is arbitrary."""

    def wait(self, event: Event, timeout_s: float) -> bool:
        """Wait until the event is set or the time has passed; True when it is set."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: Event, timeout_s: float) -> bool:
        return event.wait(timeout_s)


_current: Clock = SystemClock()


def now() -> datetime:
    return _current.now()


def monotonic() -> float:
    return _current.monotonic()


def wait(event: Event, timeout_s: float) -> bool:
    return _current.wait(event, timeout_s)


@contextmanager
def use(clock: Clock) -> Iterator[None]:
    """Another clock for the whole process, until the block ends."""
    global _current  # noqa: PLW0603 - one clock per process is the point
    before, _current = _current, clock
    try:
        yield
    finally:
        _current = before

"""A clock that stands until somebody moves it."""

from datetime import UTC, datetime, timedelta
from threading import Event

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class HandClock:
    def __init__(self) -> None:
        self.wall = START
        self.steady_s = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.steady_s

    def wait(self, event: Event, timeout_s: float) -> bool:
        self.move(timeout_s)
        return event.is_set()

    def move(self, seconds: float) -> None:
        self.steady_s += seconds
        self.wall += timedelta(seconds=seconds)

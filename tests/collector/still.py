"""A clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta
from threading import Event

START = datetime(2026, 5, 4, 9, tzinfo=UTC)


class StillClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, event: Event, timeout_s: float) -> bool:
        self.seconds += timeout_s
        return event.is_set()

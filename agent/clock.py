"""What every room may ask of time. The only real clock is `agent.runtime.clock`; tests hand in their own."""

from datetime import datetime
from threading import Event
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The terminal's wall clock, aware UTC. It may jump."""

    def monotonic(self) -> float:
        """Seconds that never jump; the zero is arbitrary."""

    def wait(self, event: Event, timeout_s: float) -> bool:
        """Wait until the event is set or the time has passed; True when it is set."""

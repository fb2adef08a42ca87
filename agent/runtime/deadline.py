"""Time that several steps share."""

from collections.abc import Callable
from threading import Thread

from agent.clock import Clock


class Deadline:
    def __init__(self, clock: Clock, within_s: float) -> None:
        self._clock = clock
        self._over_s = clock.monotonic() + within_s

    def left_s(self, at_most_s: float = float("inf")) -> float:
        return max(min(self._over_s - self._clock.monotonic(), at_most_s), 0.0)

    def does(self, name: str, step: Callable[[], None], at_most_s: float = float("inf")) -> bool:
        """Run a step that may hang, on a thread of its own; whether it came to an end in time. One that did not
        goes on until the process ends."""
        thread = Thread(target=step, name=name, daemon=True)
        thread.start()
        thread.join(self.left_s(at_most_s))
        return not thread.is_alive()

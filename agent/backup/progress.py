"""A line on the terminal of a person who waits for longer than a moment. Says nothing to a machine."""

from typing import TextIO

from agent.clock import Clock

AFTER_S = 2.0
EVERY_S = 0.2
_WORDS = {"copy": "copying", "store": "storing", "restore": "restoring"}


class Silent:
    def __call__(self, stage: str, done: int, total: int) -> None:
        """Nobody is looking."""


class Line:
    """One line that is written over again; `close` wipes it."""

    def __init__(self, out: TextIO, clock: Clock) -> None:
        self._out = out
        self._clock = clock
        self._begun = clock.monotonic()
        self._shown_at: float | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = self._clock.monotonic()
        if now - self._begun < AFTER_S or (self._shown_at is not None and now - self._shown_at < EVERY_S):
            return
        self._shown_at = now
        percent = 100 * done // total if total else 100
        speed = done / (now - self._begun) / 1e6
        self._out.write(
            f"\r{_WORDS.get(stage, stage)} {percent:3d} %  {done / 1e6:.1f} MB  {speed:.1f} MB/s "
        )
        self._out.flush()

    def close(self) -> None:
        if self._shown_at is not None:
            self._out.write("\r" + " " * 60 + "\r")
            self._out.flush()

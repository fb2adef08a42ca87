"""The line for a person who waits: late, seldom, and gone at the end."""

import io
from datetime import UTC, datetime
from threading import Event

from agent.backup.progress import Line


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, event: Event, timeout_s: float) -> bool:
        return event.is_set()


def test_a_short_run_shows_nothing() -> None:
    out, clock = io.StringIO(), Hand()
    line = Line(out, clock)
    for done in range(10):
        clock.seconds += 0.19
        line("store", done, 10)
    line.close()
    assert out.getvalue() == ""


def test_a_long_run_shows_how_far_it_is() -> None:
    out, clock = io.StringIO(), Hand()
    line = Line(out, clock)
    clock.seconds += 4
    line("restore", 8_000_000, 16_000_000)
    assert out.getvalue() == "\rrestoring  50 %  8.0 MB  2.0 MB/s "
    clock.seconds += 0.1
    line("restore", 9_000_000, 16_000_000)
    assert "9.0 MB" not in out.getvalue()
    clock.seconds += 0.2
    line("restore", 16_000_000, 16_000_000)
    assert "100 %" in out.getvalue()
    line.close()
    assert out.getvalue().endswith("\r" + " " * 60 + "\r")

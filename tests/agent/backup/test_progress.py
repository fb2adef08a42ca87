"""The line for a person who waits: late, seldom, and gone at the end."""

import io
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from agent.backup.progress import Both, Kept, Line, read_going


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
    assert out.getvalue() == "\rrestoring  50 %  8.0 of 16.0 MB  2.0 MB/s  0:04 left "
    clock.seconds += 0.1
    line("restore", 9_000_000, 16_000_000)
    assert "9.0 MB" not in out.getvalue()
    clock.seconds += 0.2
    line("restore", 16_000_000, 16_000_000)
    assert "100 %" in out.getvalue()
    line.close()
    assert out.getvalue().endswith("  \r")


def test_hours_are_told_as_hours_and_the_unknown_is_not_guessed() -> None:
    out, clock = io.StringIO(), Hand()
    line = Line(out, clock)
    clock.seconds += 100
    line("store", 1_000_000, 100_000_000)
    assert out.getvalue().endswith("2 h 45 min left ")
    clock.seconds += 100
    line("store", 1_000_000, 0)
    assert "left" not in out.getvalue().rpartition("\r")[2]
    assert "%" not in out.getvalue().rpartition("\r")[2]


def test_whoever_asks_from_outside_finds_how_far_it_is(tmp_path: Path) -> None:
    clock, file = Hand(), tmp_path / "pos.progress"
    kept = Kept(file, clock)
    shown = Both(kept)
    assert read_going(file) is None
    clock.seconds += 10
    shown("store", 50, 100)
    going = read_going(file)
    assert going is not None
    assert (going.reading.done, going.reading.bytes_s, going.reading.left_s) == (50, 5.0, 10.0)
    shown("store", 60, 100)
    again = read_going(file)
    assert again is not None
    assert again.reading.done == 50
    file.write_text("{")
    assert read_going(file) is None
    kept.close()
    assert not file.exists()

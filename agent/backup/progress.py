"""How far a backup or a restore is: a line for a person who waits for longer than a moment, and a small file for
whoever asks from outside. Says nothing to a machine that did not ask."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from agent.clock import Clock

AFTER_S = 2.0
EVERY_S = 0.2
KEPT_EVERY_S = 1.0
_WORDS = {"copy": "copying", "store": "storing", "restore": "restoring"}


@dataclass(frozen=True, slots=True)
class Reading:
    """`total` 0 and `left_s` None where nobody knows."""

    stage: str
    done: int
    total: int
    bytes_s: float
    left_s: float | None


def reading(stage: str, done: int, total: int, spent_s: float) -> Reading:
    speed = done / spent_s if spent_s > 0 else 0.0
    left = (total - done) / speed if total and speed else None
    return Reading(
        stage, done, total, round(speed, 1), round(max(0.0, left), 1) if left is not None else None
    )


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
        self._width = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = self._clock.monotonic()
        if now - self._begun < AFTER_S or (self._shown_at is not None and now - self._shown_at < EVERY_S):
            return
        self._shown_at = now
        text = describe(reading(stage, done, total, now - self._begun))
        self._out.write(f"\r{text:<{self._width}}")
        self._width = len(text)
        self._out.flush()

    def close(self) -> None:
        if self._shown_at is not None:
            self._out.write("\r" + " " * self._width + "\r")
            self._out.flush()


def describe(at: Reading) -> str:
    percent = f"{100 * at.done // at.total:3d} %  " if at.total else ""
    of = f" of {at.total / 1e6:.1f}" if at.total else ""
    left = f"  {_span(at.left_s)} left" if at.left_s is not None else ""
    return f"{_WORDS.get(at.stage, at.stage)} {percent}{at.done / 1e6:.1f}{of} MB  {at.bytes_s / 1e6:.1f} MB/s{left} "


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes}:{rest:02d}"


class Kept:
    """Writes the reading to a file every second; `close` removes it. A disk that is full stops no backup."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file, self._clock = file, clock
        self._begun = clock.monotonic()
        self._written_at: float | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = self._clock.monotonic()
        if self._written_at is not None and now - self._written_at < KEPT_EVERY_S:
            return
        self._written_at = now
        at = reading(stage, done, total, now - self._begun)
        with suppress(OSError):
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps({**asdict(at), "at": self._clock.now().isoformat()}))
            part.replace(self._file)

    def close(self) -> None:
        with suppress(OSError):
            self._file.unlink(missing_ok=True)


def progress_file(state_dir: Path, name: str) -> Path:
    """Where a run under way writes how far it is."""
    return state_dir / "backup" / f"{name}.progress"


@dataclass(frozen=True, slots=True)
class Going:
    """What a running backup wrote of itself, and when."""

    reading: Reading
    at: datetime


def read_going(file: Path) -> Going | None:
    """None where none runs, or where the file cannot be read."""
    try:
        kept = json.loads(file.read_text())
        return Going(Reading(**{name: kept[name] for name in _FIELDS}), datetime.fromisoformat(kept["at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


_FIELDS = ("stage", "done", "total", "bytes_s", "left_s")


class Both:
    """To several at once."""

    def __init__(self, *to: "Line | Kept") -> None:
        self._to = to

    def __call__(self, stage: str, done: int, total: int) -> None:
        for one in self._to:
            one(stage, done, total)

"""What waits in the print queues of the system: how many jobs, and how old the oldest is. No job is touched."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agent.system.command import Commands
from agent.system.probe import Measured

EVERY_S = 120.0
STUCK_S = 600.0
"""A receipt that waits for longer will not be waited for by anybody."""
_PRINTERS = 16


@dataclass(frozen=True, slots=True)
class Job:
    """`at` is aware, None where the system does not say it."""

    printer: str
    at: datetime | None


def judge(jobs: Sequence[Job], now: datetime, printers: Iterable[str] = ()) -> Measured:
    """`spooler_jobs` and `spooler_oldest_s` of all; one more figure for each printer that has any, and for those of
    `printers`, which had some before: a figure that is not told anew would stand for ever."""
    counts = dict.fromkeys(printers, 0)
    for job in jobs:
        counts[job.printer] = counts.get(job.printer, 0) + 1
    ages = [(now - job.at).total_seconds() for job in jobs if job.at is not None]
    oldest_s = max([0.0, *ages])
    values = {"spooler_jobs": float(len(jobs)), "spooler_oldest_s": round(oldest_s, 1)}
    for printer in sorted(counts)[:_PRINTERS]:
        values[f"spooler_jobs:{printer[:60]}"] = float(counts[printer])
    old = {job.printer for job in jobs if job.at and (now - job.at).total_seconds() >= STUCK_S}
    return Measured(values, facts={"host.spooler": {"stuck": ", ".join(sorted(old))}})


def cups(text: str, now: datetime) -> list[Job]:
    """The answer of `lpstat -o` in the C locale: "PRINTER-NUMBER  USER  SIZE  DAY MON DD HH:MM:SS YEAR", in the
    computer's own time."""
    jobs = []
    for line in text.splitlines():
        words = line.split()
        printer, _dash, number = (words[0] if words else "").rpartition("-")
        if printer and number.isdigit():
            jobs.append(Job(printer, _time(words[-5:], now)))
    return jobs


def _time(words: Sequence[str], now: datetime) -> datetime | None:
    try:
        told = datetime.strptime(" ".join(words), "%a %b %d %H:%M:%S %Y")  # noqa: DTZ007 - the zone comes next
    except ValueError:
        return None
    return told.astimezone(now.astimezone().tzinfo)


Look = Callable[[datetime], Sequence[Job]]


def _look(commands: Commands) -> Look:
    if sys.platform == "win32":
        from agent.system.print_queue_windows import look  # noqa: PLC0415 - Windows only

        return look

    def ask(now: datetime) -> Sequence[Job]:
        return cups(commands.run("lpstat", "-o").good, now)

    return ask


@dataclass(slots=True)
class PrintQueue:
    look: Look
    now: Callable[[], datetime]
    name: str = "print_queue"
    every_s: float = EVERY_S
    _printers: set[str] = field(default_factory=set)

    def measure(self) -> Measured:
        now = self.now()
        jobs = self.look(now)
        self._printers |= {job.printer for job in jobs}
        return judge(jobs, now, self._printers)


def probe(commands: Commands, now: Callable[[], datetime]) -> PrintQueue | None:
    """None where the computer has no print system: then there is nothing to be told."""
    if sys.platform != "win32" and not commands.has("lpstat"):
        return None
    return PrintQueue(_look(commands), now)

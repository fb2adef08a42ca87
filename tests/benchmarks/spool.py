"""How many events a second the spool takes, each synced before the next, and in batches of one transaction; beside
the least that a disk can be asked for: the same bytes appended to a file, and fdatasync. In turns in the same run.
python -m tests.benchmarks.spool [FOLDER] [SECONDS]   FOLDER is on the disk that is meant (default: here). Medians of
the rounds; ends with 1 where a bar is missed. The bars hold where the disk syncs 1,000 times a second."""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from agent.runtime.clock import SystemClock
from agent.spool import FILE, Spool
from protocols.wire import v1
from tests.benchmarks.figure import Figure

SINGLE, BATCHED, DISK = 1000.0, 10_000.0, 1000.0
SECONDS = 20.0
ROUNDS = 5
BATCH = 100
_UNIT, _BATCHES = "events/s", f"batches of {BATCH}"


def event(number: int) -> v1.Event:
    """Of the size that an event of a printer has."""
    now = SystemClock().now()
    return v1.Event(
        seq=1, at=now, subject=v1.Subject(kind=v1.SubjectKind.DEVICE, id="printer"), code="printer.paper_end",
        change=v1.Change.RAISED, since=now, reason=f"the paper has ended, seen {number} times in a row",
        detail={"family": "escpos", "readings": 2, "profile": "TM-T20III", "round_trip_ms": 4.213},
    )  # fmt: skip


class Turns:
    """Runs each thing for a while, again and again; `rate` and `cpu_us` are per event, medians of the rounds."""

    def __init__(self, seconds: float) -> None:
        self._slice_s = seconds / ROUNDS
        self._rates: dict[str, list[float]] = {}
        self._cpu: dict[str, list[float]] = {}

    def run(self, ways: dict[str, tuple[Callable[[int], object], int]]) -> None:
        """Name -> what stores as many events as are named beside it."""
        for _ in range(ROUNDS):
            for name, (store, events) in ways.items():
                self._round(name, store, events, self._slice_s / len(ways))

    def _round(self, name: str, store: Callable[[int], object], events: int, slice_s: float) -> None:
        began, cpu, done = perf_counter(), process_time(), 0
        while (went := perf_counter() - began) < slice_s:
            store(done)
            done += events
        self._rates.setdefault(name, []).append(done / went)
        self._cpu.setdefault(name, []).append((process_time() - cpu) / done * 1e6)

    def rate(self, name: str) -> float:
        return median(self._rates[name])

    def cpu_us(self, name: str) -> float:
        return round(median(self._cpu[name]), 1)


def measure(folder: Path, seconds: float) -> tuple[Turns, int]:
    """And the size of one event in bytes."""
    with ExitStack() as stack:
        clock = SystemClock()
        spools = [
            stack.enter_context(Spool(folder / name / FILE, clock, owner=True)) for name in ("one", "many")
        ]
        size = len(event(1).model_dump_json())
        file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        stack.callback(os.close, file)
        bytes_ = bytes(size)

        def bare(_: int) -> None:
            os.write(file, bytes_)
            os.fdatasync(file)

        turns = Turns(seconds)
        turns.run({
            "bare": (bare, 1),
            "single": (lambda n: spools[0].put(event(n)), 1),
            "batched": (lambda n: spools[1].put_all([event(n + i) for i in range(BATCH)]), BATCH),
        })  # fmt: skip
        return turns, size


def main() -> int:
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    with TemporaryDirectory(dir=where) as folder:
        turns, size = measure(Path(folder), seconds)
    counts = turns.rate("bare") >= DISK
    figures = (
        ("bare", Figure("spool", "append and fdatasync", turns.rate("bare"), _UNIT)),
        (
            "single",
            Figure("spool", "single synced", turns.rate("single"), _UNIT, SINGLE if counts else None, True),
        ),
        (
            "batched",
            Figure("spool", _BATCHES, turns.rate("batched"), _UNIT, BATCHED if counts else None, True),
        ),
    )
    met = [
        figure.tell(event_bytes=size, rounds=ROUNDS, cpu_us=turns.cpu_us(name), disk_fast_enough=counts)
        for name, figure in figures
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())

"""What a running process and its children cost, as the kernel (Linux) counts it."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_CPU_OF_PROCESS = (
    2  # CPUCLOCK_SCHED, Linux include/linux/posix-timers.h: nanoseconds, with threads that ended
)
_TRIES = 5
_TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """Since the process began: `cpu_s` of all its threads, of its living children and of those that ended and were
    waited for; `switches` voluntary context switches of the threads that live, which is how often it woke up;
    `written_bytes` handed to the disk. Now: `rss_bytes` and `pss_bytes`, in which a page that several processes
    share counts to each by its part."""

    cpu_s: float
    switches: int
    written_bytes: int
    rss_bytes: int
    pss_bytes: int
    threads: int
    processes: int


def cost(pid: int) -> Cost:
    """Of the process and all below it. ProcessLookupError or FileNotFoundError where it has ended."""
    for _ in range(_TRIES):
        with suppress(ProcessLookupError, FileNotFoundError):  # a child has ended while it was looked at
            return _cost(pid)
    return _cost(pid)


def _cost(pid: int) -> Cost:
    pids = [pid, *_below(pid)]
    memory = [_memory(p) for p in pids]
    return Cost(
        cpu_s=sum(_cpu_s(p) for p in pids) + sum(_waited_for_s(p) for p in pids),
        switches=sum(_switches(p) for p in pids),
        written_bytes=sum(_written(p) for p in pids),
        rss_bytes=sum(rss for rss, _ in memory),
        pss_bytes=sum(pss for _, pss in memory),
        threads=sum(len(list(Path(f"/proc/{p}/task").iterdir())) for p in pids),
        processes=len(pids),
    )


def _below(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            yield child
            yield from _below(child)


def _cpu_s(pid: int) -> float:
    """clock_getcpuclockid(3) makes the number of the clock the same way."""
    return time.clock_gettime(~pid << 3 | _CPU_OF_PROCESS)


def _waited_for_s(pid: int) -> float:
    """proc(5): cutime and cstime, in ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / _TICKS_S


def _switches(pid: int) -> int:
    return sum(
        _number(task / "status", "voluntary_ctxt_switches") for task in Path(f"/proc/{pid}/task").iterdir()
    )


def _written(pid: int) -> int:
    return _number(Path(f"/proc/{pid}/io"), "write_bytes")


def _memory(pid: int) -> tuple[int, int]:
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    return _number(rollup, "Rss") * 1024, _number(rollup, "Pss") * 1024


def _number(file: Path, name: str) -> int:
    """The number behind the name in a file of lines such as `Rss:  123 kB`."""
    for line in file.read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise LookupError(f"{file} says nothing of {name}")

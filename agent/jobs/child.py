"""Runs one program with fixed arguments as a child, bounded in time and in what is kept of its output. No shell, no
input."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event

from agent.clock import Clock

OUTPUT_BYTES = 40_000
"""The end of what it says; the beginning of a long complaint says less."""
FLOOD_BYTES = 8 << 20
"""A program that says more is stopped: its output lies on the till's disk."""
LOOK_S = 0.2
END_S = 2.0


@dataclass(frozen=True, slots=True)
class Ended:
    """`exit` is None where it had to be stopped; `why` says for what."""

    exit: int | None
    output: str
    why: str = ""


def run(arguments: Sequence[str], clock: Clock, stop: Event, limit_s: float, *, nice: bool = False) -> Ended:
    """OSError where it cannot be started."""
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            [*arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=_below_normal() if nice else 0,
        )
        if nice and sys.platform != "win32":
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, child.pid, 10)
        why = _watch(child, said.fileno(), clock, stop, limit_s)
        size = os.fstat(said.fileno()).st_size
        said.seek(max(0, size - OUTPUT_BYTES))
        output = said.read(OUTPUT_BYTES).decode("utf-8", "replace")
    return Ended(None if why else child.returncode, output, why)


def _watch(child: "subprocess.Popen[bytes]", said: int, clock: Clock, stop: Event, limit_s: float) -> str:
    """Until it ends; "" where it did so by itself."""
    end_s = clock.monotonic() + limit_s
    why = ""
    while child.poll() is None and not why:
        if clock.wait(stop, LOOK_S):
            why = "the agent stops"
        elif clock.monotonic() >= end_s:
            why = f"it took longer than {limit_s:.0f} s"
        elif os.fstat(said).st_size > FLOOD_BYTES:
            why = "its output had no end"
    if why:
        _end(child)
    return why


def _end(child: "subprocess.Popen[bytes]") -> None:
    """With what it started itself."""
    _signal(child, hard=False)
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        _signal(child, hard=True)
        child.wait(END_S)


def _signal(child: "subprocess.Popen[bytes]", *, hard: bool) -> None:
    with suppress(ProcessLookupError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL if hard else signal.SIGTERM)


def _below_normal() -> int:
    if sys.platform == "win32":
        return subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return 0

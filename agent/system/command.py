"""Runs the programs that a probe asks, such as smartctl: fixed arguments, no shell, bounded in time, and ended
at once when the agent stops. It understands no answer."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from agent.system.probe import NotKnown

TIMEOUT_S = 10.0
_OURS = ("LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
"""Meant for the agent and its own libraries, not for the programs of the system."""


@dataclass(frozen=True, slots=True)
class Answer:
    program: str
    code: int
    out: str
    err: str

    @property
    def good(self) -> str:
        """What it printed; NotKnown where it failed."""
        if self.code:
            raise NotKnown(f"{self.program}: {self.complaint or 'no answer'}")
        return self.out

    @property
    def complaint(self) -> str:
        """The first line of what it says is wrong."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return lines[0][:200] if lines else ""


class Commands:
    """One program at a time; `stop` from any thread ends it, and lets nothing more begin."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: subprocess.Popen[str] | None = None
        self._stopped = False

    @staticmethod
    def has(program: str) -> bool:
        return shutil.which(program) is not None

    def run(self, program: str, *arguments: str, timeout_s: float = TIMEOUT_S) -> Answer:
        """NotKnown where the program is not there, takes too long, or the agent is stopping. Its exit code is
        left to the caller. Words come in English wherever the program has them."""
        found = shutil.which(program)
        if found is None:
            raise NotKnown(f"{program} is not installed")
        process = self._start([found, *arguments], program)
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as e:
            process.kill()
            process.communicate()
            raise NotKnown(f"{program} did not answer within {timeout_s:.0f} s") from e
        finally:
            with self._lock:
                self._running = None
        if self._stopped:
            raise NotKnown("the agent is stopping")
        return Answer(program, process.returncode, out, err)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._running is not None:
                self._running.kill()

    def _start(self, command: list[str], program: str) -> "subprocess.Popen[str]":
        with self._lock:
            if self._stopped:
                raise NotKnown("the agent is stopping")
            try:
                self._running = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=environment(os.environ),
                    encoding="utf-8",
                    errors="replace",
                    creationflags=_flags(),
                )
            except OSError as e:
                raise NotKnown(f"{program} could not be started: {e.strerror}") from e
            return self._running


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Without what belongs to the agent alone. A bundled agent keeps the library path that the system had under
    a name ending in _ORIG (PyInstaller's manual, "LD_LIBRARY_PATH / LIBPATH considerations")."""
    theirs = {name: value for name, value in ours.items() if name not in _OURS}
    original = theirs.pop("LD_LIBRARY_PATH_ORIG", None)
    if original is not None:
        theirs["LD_LIBRARY_PATH"] = original
    return {**theirs, "LC_ALL": "C", "LANGUAGE": "C"}


def _flags() -> int:
    """No window may ever appear on a till."""
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW
    return 0

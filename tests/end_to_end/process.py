"""Starts programs, reads the line with which they say that they are ready, and ends exactly those."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


class Process:
    """One program of ours in its own log file. `kill` is `kill -9`."""

    def __init__(
        self, name: str, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None
    ):
        self.name = name
        self.log = log
        self._log: IO[bytes] = log.open("ab")
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def first_json(self) -> dict[str, object] | None:
        """The first line that is a JSON object, if it is there yet."""
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                found: dict[str, object] = json.loads(line)
                return found
        return None

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._end()

    def wait(self, timeout_s: float) -> int:
        """Until it ends by itself."""
        self._process.wait(timeout_s)
        return self._end()

    def stop(self) -> int:
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._end()

    def _end(self) -> int:
        code = self._process.wait(timeout=15)
        self._log.close()
        return code


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout_s: float = 120,
) -> str:
    """Run a command of ours to its end; its output, or an error that shows what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        raise AssertionError(
            f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return done.stdout

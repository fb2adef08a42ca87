"""Runs Windows programs on Wine, in a prefix of our own that no other Wine of this machine sees."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PureWindowsPath

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".windows"
PREFIX = HOME / "wine"
PYTHON = HOME / "python"
LOADER = Path("/usr/lib/wine/wine64")
COMPILER = "x86_64-w64-mingw32-gcc"


class Timeout(Exception):
    """A Windows program did not end in its time. It has been ended."""


def missing() -> list[str]:
    """What this machine lacks of what Wine needs; by the names of Debian's packages."""
    there = {
        "wine64": LOADER.exists(),
        "wine": shutil.which("wineserver"),
        "gcc-mingw-w64-x86-64": shutil.which(COMPILER),
    }
    return [name for name, found in there.items() if not found]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """No display, no Mono, no Gecko, and nothing of the caller's Python."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "WINEPREFIX": str(PREFIX),
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "mscoree=;mshtml=",
        "DISPLAY": "",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        **(more or {}),
    }


def windows(path: Path) -> str:
    """How a Windows program calls a file of this machine: drive Z: is the root."""
    return str(PureWindowsPath("Z:" + str(path.absolute())))


def start(command: Sequence[str], more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Its output comes through a pipe: Python for Windows does not start on Wine with a file as its output
    (init_sys_streams, WinError 6)."""
    return subprocess.Popen(
        [str(LOADER), *command],
        cwd=ROOT,
        env=environment(more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


def run(
    command: Sequence[str],
    *,
    limit_s: float,
    more: Mapping[str, str] | None = None,
    tell: Callable[[str], object] = sys.stdout.write,
) -> int:
    """Its exit code. `tell` gets each line as it comes. Timeout after `limit_s`, when all that runs in the prefix
    is ended: what the program started would hold on to its output for ever."""
    process = start(command, more)
    over = threading.Event()

    def stop() -> None:
        over.set()
        process.kill()
        end()

    watchdog = threading.Timer(limit_s, stop)
    watchdog.start()
    try:
        assert process.stdout
        for line in process.stdout:
            tell(line)
        code = process.wait()
    finally:
        watchdog.cancel()
        process.stdout.close() if process.stdout else None
    if over.is_set():
        raise Timeout(f"{command[0]} did not end within {limit_s:.0f} s")
    return code


def python(
    arguments: Sequence[str],
    *,
    limit_s: float,
    more: Mapping[str, str] | None = None,
    tell: Callable[[str], object] = sys.stdout.write,
) -> int:
    return run([windows(PYTHON / "python.exe"), *arguments], limit_s=limit_s, more=more, tell=tell)


def said(arguments: Sequence[str], *, limit_s: float = 120, more: Mapping[str, str] | None = None) -> str:
    """What a Python call wrote. AssertionError, with it, where it failed."""
    lines: list[str] = []
    code = python(arguments, limit_s=limit_s, more=more, tell=lines.append)
    text = "".join(lines)
    assert code == 0, text
    return text


def end() -> None:
    """Ends whatever still runs in our prefix, and only there."""
    if PREFIX.exists():
        subprocess.run(["wineserver", "-k"], env=environment(), timeout=60, check=False)

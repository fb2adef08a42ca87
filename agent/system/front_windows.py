"""The profiles of all accounts, and the folders of programs, as Windows lists them. The agent runs as a service
and has no profile of its own that matters."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import os
import winreg
from pathlib import Path

from agent.system.front import Roots
from agent.system.win_registry_windows import subkeys, texts

_PROFILES = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
_PROGRAMS = ("ProgramW6432", "ProgramFiles", "ProgramFiles(x86)")


def roots() -> Roots:
    named = (
        texts(winreg.HKEY_LOCAL_MACHINE, rf"{_PROFILES}\{sid}").get("ProfileImagePath")
        for sid in subkeys(winreg.HKEY_LOCAL_MACHINE, _PROFILES)
    )
    programs = dict.fromkeys(os.environ[name] for name in _PROGRAMS if os.environ.get(name))
    return Roots([Path(path) for path in named if path], [Path(path) for path in programs])

"""Who asks for a restart of Windows, from the places where its own parts write that down."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import winreg
from collections.abc import Sequence

from agent.system.win_registry_windows import exists, texts

_VERSION = r"SOFTWARE\Microsoft\Windows\CurrentVersion"
_KEYS = {
    "component servicing": rf"{_VERSION}\Component Based Servicing\RebootPending",
    "Windows Update": rf"{_VERSION}\WindowsUpdate\Auto Update\RebootRequired",
}
_SESSION = r"SYSTEM\CurrentControlSet\Control\Session Manager"


def look() -> Sequence[str]:
    why = [name for name, path in _KEYS.items() if exists(winreg.HKEY_LOCAL_MACHINE, path)]
    if texts(winreg.HKEY_LOCAL_MACHINE, _SESSION).get("PendingFileRenameOperations", "").strip():
        why.append("files to be replaced")
    return why

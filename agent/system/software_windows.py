"""The software that Windows lists under "Apps": for all accounts, of 64 and of 32 bits, and for single ones."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import winreg
from collections.abc import Iterator, Sequence

from agent.system.probe import Item
from agent.system.win_registry_windows import NATIVE, OF_32_BITS, subkeys, texts

_UNINSTALL = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"


def look() -> Sequence[Item]:
    return sorted(set(_found()), key=lambda item: (item.name, item.version))


def _found() -> Iterator[Item]:
    for view in (NATIVE, OF_32_BITS):
        yield from _under(winreg.HKEY_LOCAL_MACHINE, _UNINSTALL, view)
    for sid in subkeys(winreg.HKEY_USERS, ""):
        yield from _under(winreg.HKEY_USERS, rf"{sid}\{_UNINSTALL}", NATIVE)


def _under(hive: int, path: str, view: int) -> Iterator[Item]:
    """A part of another program (SystemComponent, or one with a parent) is not told by itself."""
    for name in subkeys(hive, path, view):
        values = texts(hive, rf"{path}\{name}", view)
        shown = values.get("DisplayName", "").strip()
        if shown and values.get("SystemComponent") != "1" and not values.get("ParentKeyName"):
            yield Item(shown, values.get("DisplayVersion", ""), values.get("Publisher", ""))

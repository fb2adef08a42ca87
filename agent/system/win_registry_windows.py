"""Reads the registry of Windows, and writes nothing there."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import winreg
from collections.abc import Iterator

NATIVE, OF_32_BITS = winreg.KEY_WOW64_64KEY, winreg.KEY_WOW64_32KEY
_MOST = 5000


def exists(hive: int, path: str) -> bool:
    try:
        with _opened(hive, path, NATIVE):
            return True
    except FileNotFoundError:
        return False


def subkeys(hive: int, path: str, view: int = NATIVE) -> list[str]:
    """Their names; none where there is no such key."""
    try:
        with _opened(hive, path, view) as key:
            return list(_names(key))
    except FileNotFoundError:
        return []


def texts(hive: int, path: str, view: int = NATIVE) -> dict[str, str]:
    """The values of a key as text, with what a list holds parted by spaces; none where there is no such key."""
    try:
        with _opened(hive, path, view) as key:
            return dict(_values(key))
    except FileNotFoundError:
        return {}


def _opened(hive: int, path: str, view: int) -> winreg.HKEYType:
    return winreg.OpenKey(hive, path, 0, winreg.KEY_READ | view)


def _names(key: winreg.HKEYType) -> Iterator[str]:
    for index in range(_MOST):
        try:
            yield winreg.EnumKey(key, index)
        except OSError:
            return


def _values(key: winreg.HKEYType) -> Iterator[tuple[str, str]]:
    for index in range(_MOST):
        try:
            name, value, _kind = winreg.EnumValue(key, index)
        except OSError:
            return
        if isinstance(value, list):
            yield name, " ".join(str(part) for part in value)
        elif isinstance(value, str | int):
            yield name, winreg.ExpandEnvironmentStrings(value) if isinstance(value, str) else str(value)

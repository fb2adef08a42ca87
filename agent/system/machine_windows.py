"""What Windows tells of disk, board and installation without WMI: two values of the registry, and one question to
the driver of the disk that needs no rights."""

# ruff: noqa: E402 - the platform is asked before all else
import sys

assert sys.platform == "win32"  # noqa: S101 - what type checkers understand

import ctypes
import winreg
from ctypes import wintypes
from pathlib import Path

_QUERY_PROPERTY = 0x2D1400  # ntddstor.h: IOCTL_STORAGE_QUERY_PROPERTY
_SHARE_READ_WRITE, _OPEN_EXISTING = 3, 3
_INVALID_HANDLE = ctypes.c_void_p(-1).value
_SMBIOS_HEADER = 8
"""Bytes before the table in SMBiosData: calling method, version, revision, length."""

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.CreateFileW.restype = ctypes.c_void_p
_kernel32.CloseHandle.argtypes = (ctypes.c_void_p,)
_kernel32.DeviceIoControl.argtypes = (
    ctypes.c_void_p,
    wintypes.DWORD,
    ctypes.c_void_p,
    wintypes.DWORD,
    ctypes.c_void_p,
    wintypes.DWORD,
    ctypes.POINTER(wintypes.DWORD),
    ctypes.c_void_p,
)


def machine_guid() -> str:
    value = _value(r"SOFTWARE\Microsoft\Cryptography", "MachineGuid")
    return value if isinstance(value, str) else ""


def smbios() -> bytes:
    """The SMBIOS table as the driver mssmbios keeps it."""
    value = _value(r"SYSTEM\CurrentControlSet\Services\mssmbios\Data", "SMBiosData")
    return value[_SMBIOS_HEADER:] if isinstance(value, bytes) else b""


def descriptor(folder: Path) -> bytes:
    """The STORAGE_DEVICE_DESCRIPTOR of the disk that holds the folder's drive; b"" where there is none."""
    drive = folder.resolve().drive
    handle = _kernel32.CreateFileW(
        rf"\\.\{drive}", 0, _SHARE_READ_WRITE, None, _OPEN_EXISTING, 0, None
    )  # no access is asked for: the question needs none
    if not drive or handle == _INVALID_HANDLE:
        return b""
    try:
        return _asked(handle)
    finally:
        _kernel32.CloseHandle(handle)


def _asked(handle: int) -> bytes:
    question = (ctypes.c_uint32 * 3)(0, 0, 0)  # StorageDeviceProperty, PropertyStandardQuery
    answer = ctypes.create_string_buffer(1024)
    size = wintypes.DWORD()
    done = _kernel32.DeviceIoControl(
        handle,
        _QUERY_PROPERTY,
        ctypes.byref(question),
        ctypes.sizeof(question),
        ctypes.byref(answer),
        ctypes.sizeof(answer),
        ctypes.byref(size),
        None,
    )
    return answer.raw[: size.value] if done else b""


def _value(path: str, name: str) -> object:
    try:
        with winreg.OpenKey(
            winreg.HKEY_LOCAL_MACHINE, path, 0, winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        ) as key:
            return winreg.QueryValueEx(key, name)[0]
    except OSError:
        return None

"""What Windows' spooler knows of one printer. Nothing is printed, no job is made, and nothing is changed."""

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from agent.ports.port import Closing
from protocols.errors import PortDenied, PortError, PortGone, UsageError


@dataclass(frozen=True, slots=True)
class Queue:
    """Of PRINTER_INFO_2."""

    status: int
    attributes: int
    driver: str


class SpoolerError(Exception):
    """`number`: Windows' error code. It never leaves this module."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Windows error {number}")
        self.number = number


Look = Callable[[str], Queue]
_ACCESS_DENIED, _INSUFFICIENT_BUFFER, _INVALID_PRINTER_NAME = 5, 122, 1801
_SERVER = {1722, 1723, 1727, 1062}
"""RPC_S_SERVER_UNAVAILABLE, _TOO_BUSY, _CALL_FAILED_DNE, ERROR_SERVICE_NOT_ACTIVE: the spooler does not run."""
_NAME_CHARACTERS = 200


class SpoolerPort(Closing):
    """A spooler that does not run is no fault of the printer: PortError. `look` asks Windows."""

    def __init__(self, printer: str, look: Look | None = None) -> None:
        self._printer = printer
        self._look = look or _windows()
        self._ask()

    def write(self, data: bytes) -> NoReturn:
        raise UsageError(f"{len(data)} bytes for the spooler, which is only looked at")

    def read(self, wait_s: float) -> bytes:  # noqa: ARG002 - what the spooler knows is known at once
        """Status and attributes, four bytes each, lowest first; then the driver's name in UTF-8, and 00h."""
        queue = self._ask()
        name = queue.driver[:_NAME_CHARACTERS].encode("utf-8", errors="replace")
        return struct.pack("<II", queue.status, queue.attributes) + name.replace(b"\0", b"") + b"\0"

    def _ask(self) -> Queue:
        try:
            return self._look(self._printer)
        except SpoolerError as e:
            raise _meaning(self._printer, e) from e

    def contended(self) -> bool:
        return False  # it serves all

    def close(self) -> None:
        """Nothing is kept open between two looks."""


def _meaning(printer: str, error: SpoolerError) -> PortError:
    if error.number == _INVALID_PRINTER_NAME:
        return PortGone(f"Windows has no printer {printer!r}")
    if error.number == _ACCESS_DENIED:
        return PortDenied(f"Windows does not let this account look at the printer {printer!r}")
    if error.number in _SERVER:
        return PortError(
            "the print spooler of Windows is not running", code="port.spooler_stopped", retriable=True
        )
    return PortError(f"Windows tells nothing of the printer {printer!r} ({error})", code="port.spooler")


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _PRINTER_ACCESS_USE = 0x00000008
    _LEVEL = 2

    class _Defaults(ctypes.Structure):
        """PRINTER_DEFAULTSW"""

        _fields_ = (
            ("pDatatype", wintypes.LPWSTR),
            ("pDevMode", wintypes.LPVOID),
            ("DesiredAccess", wintypes.DWORD),
        )

    class _Info(ctypes.Structure):
        """PRINTER_INFO_2W"""

        _fields_ = (
            ("pServerName", wintypes.LPWSTR),
            ("pPrinterName", wintypes.LPWSTR),
            ("pShareName", wintypes.LPWSTR),
            ("pPortName", wintypes.LPWSTR),
            ("pDriverName", wintypes.LPWSTR),
            ("pComment", wintypes.LPWSTR),
            ("pLocation", wintypes.LPWSTR),
            ("pDevMode", wintypes.LPVOID),
            ("pSepFile", wintypes.LPWSTR),
            ("pPrintProcessor", wintypes.LPWSTR),
            ("pDatatype", wintypes.LPWSTR),
            ("pParameters", wintypes.LPWSTR),
            ("pSecurityDescriptor", wintypes.LPVOID),
            ("Attributes", wintypes.DWORD),
            ("Priority", wintypes.DWORD),
            ("DefaultPriority", wintypes.DWORD),
            ("StartTime", wintypes.DWORD),
            ("UntilTime", wintypes.DWORD),
            ("Status", wintypes.DWORD),
            ("cJobs", wintypes.DWORD),
            ("AveragePPM", wintypes.DWORD),
        )

    _library = ctypes.WinDLL("winspool.drv", use_last_error=True)
    _library.OpenPrinterW.argtypes = (
        wintypes.LPCWSTR,
        ctypes.POINTER(wintypes.HANDLE),
        ctypes.POINTER(_Defaults),
    )
    _library.GetPrinterW.argtypes = (
        wintypes.HANDLE,
        wintypes.DWORD,
        wintypes.LPVOID,
        wintypes.DWORD,
        ctypes.POINTER(wintypes.DWORD),
    )
    _library.ClosePrinter.argtypes = (wintypes.HANDLE,)

    def _windows() -> Look:
        return _look

    def _look(printer: str) -> Queue:
        """With the least right that lets one look. SpoolerError."""
        handle = wintypes.HANDLE()
        wanted = _Defaults(None, None, _PRINTER_ACCESS_USE)
        if not _library.OpenPrinterW(printer, ctypes.byref(handle), ctypes.byref(wanted)):
            raise SpoolerError(ctypes.get_last_error())
        try:
            return _info(handle)
        finally:
            _library.ClosePrinter(handle)

    def _info(handle: wintypes.HANDLE) -> Queue:
        needed = wintypes.DWORD()
        size, room = 0, ctypes.create_string_buffer(1)
        for _ in range(3):  # it may grow between the two questions
            if _library.GetPrinterW(handle, _LEVEL, room, size, ctypes.byref(needed)):
                found = _Info.from_buffer(room)
                return Queue(found.Status, found.Attributes, found.pDriverName or "")
            if (number := ctypes.get_last_error()) != _INSUFFICIENT_BUFFER:
                raise SpoolerError(number)
            size = max(needed.value, ctypes.sizeof(_Info))
            room = ctypes.create_string_buffer(size)
        raise SpoolerError(_INSUFFICIENT_BUFFER)

else:

    def _windows() -> Look:
        raise PortError("the spooler of Windows can be read on Windows only", code="port.unsupported")

"""pyserial's failures told apart, at its own border: its Windows class runs here with the system calls of
Windows replaced."""

import ctypes
import importlib
import sys
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
import serial

from agent.ports import pyserial_line, serial_port
from agent.ports.serial_error import gone, opening, timed_out
from agent.ports.serial_port import SerialPort
from protocols.device.family import Serial
from protocols.errors import PortDenied, PortError, PortGone, PortHeld

LINE = Serial(bauds=(9600,))
LATVIAN = "Piekļuve liegta."


class WinError(OSError):
    """What ctypes.WinError gives on Windows, with its repr there."""

    def __init__(self, number: int, kind: str = "OSError", errno: int = 22) -> None:
        super().__init__(errno, LATVIAN)
        self.winerror = number
        self._shown = f"{kind}({errno}, {LATVIAN!r}, None, {number})"

    def __repr__(self) -> str:
        return self._shown


DENIED, MISSING = ("PermissionError", 13), ("FileNotFoundError", 2)

OPENING = [
    (5, DENIED, PortHeld),
    (32, DENIED, PortHeld),
    (33, DENIED, PortHeld),
    (170, ("OSError", 22), PortHeld),
    (1314, ("OSError", 22), PortDenied),
    (65, DENIED, PortDenied),
    (2, MISSING, PortGone),
    (3, MISSING, PortGone),
    (21, DENIED, PortGone),
    (31, ("OSError", 22), PortGone),
    (433, ("OSError", 22), PortGone),
    (1167, ("OSError", 22), PortGone),
    (121, ("OSError", 22), PortGone),
]
"""Windows' number, what Python makes of it, what it means when opening."""


@pytest.mark.parametrize(("number", "python", "kind"), OPENING)
def test_opening_on_windows(number: int, python: tuple[str, int], kind: type[PortError]) -> None:
    """Both as text, which is what pyserial keeps, and as an error of the system."""
    error = WinError(number, *python)
    text = serial.SerialException(f"could not open port 'COM3': {error!r}")
    assert {type(opening("COM3", e)) for e in (text, error)} == {kind}


def test_by_the_words_alone_a_missing_drive_would_be_a_port_in_use() -> None:
    """The control: Python calls NOT_READY a PermissionError too."""
    shown = f"could not open port 'COM3': {WinError(21, *DENIED)!r}"
    assert "PermissionError" in shown
    assert isinstance(opening("COM3", serial.SerialException(shown)), PortGone)


def test_line_settings_that_windows_refuses_are_named() -> None:
    text = f"Cannot configure port, something went wrong. Original message: {WinError(87)!r}"
    error = opening("COM3", serial.SerialException(text))
    assert isinstance(error, PortGone)
    assert "Cannot configure port" in str(error)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (serial.SerialException(2, "no such file"), PortGone),
        (serial.SerialException(6, "no such device or address"), PortGone),
        (serial.SerialException(13, "permission denied"), PortDenied),
        (serial.SerialException(1, "operation not permitted"), PortDenied),
        (serial.SerialException(16, "device or resource busy"), PortHeld),
        (serial.SerialException(11, "could not exclusively lock"), PortHeld),
        (serial.SerialException("Could not configure port: (5, 'Input/output error')"), PortGone),
        (ValueError("Not a valid baudrate"), PortGone),
    ],
)
def test_opening_on_linux(error: Exception, kind: type[PortError]) -> None:
    assert type(opening("/dev/ttyS0", error)) is kind


@pytest.mark.parametrize("number", [5, 22, 31, 433, 995, 1167])
def test_whatever_windows_calls_it_an_open_port_that_fails_is_gone(number: int) -> None:
    error = serial.SerialException(f"ClearCommError failed ({WinError(number, *DENIED)!r})")
    assert type(gone("COM3", error)) is PortGone
    assert not timed_out(error)


def test_no_byte_in_time_is_no_failure() -> None:
    assert timed_out(serial.SerialException(f"GetOverlappedResult failed ({WinError(1460)!r})"))


# pyserial's own Windows class


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Any:
    """serial.serialwin32 with every call of kernel32 replaced: all succeed until a test says otherwise."""
    kernel = MagicMock(name="win32", INVALID_HANDLE_VALUE=-1, ERROR_SUCCESS=0, ERROR_IO_PENDING=997)
    kernel.ERROR_OPERATION_ABORTED, kernel.DWORD = 995, ctypes.c_uint32
    for structure in ("OVERLAPPED", "COMSTAT", "DCB", "COMMTIMEOUTS"):
        setattr(kernel, structure, type(structure, (ctypes.Structure,), {"_fields_": []}))
    module = ModuleType("serial.win32")
    monkeypatch.setitem(sys.modules, "serial.win32", module)
    monkeypatch.setattr(serial, "win32", kernel, raising=False)
    monkeypatch.delitem(sys.modules, "serial.serialwin32", raising=False)
    loaded = importlib.import_module("serial.serialwin32")
    monkeypatch.setattr(pyserial_line.serial, "Serial", loaded.Serial)
    monkeypatch.setattr(serial_port, "Line", pyserial_line.PyserialLine)
    monkeypatch.setattr(serial_port, "held", lambda path: False)
    monkeypatch.setattr(serial_port, "opened_by_us", lambda path: None)
    yield kernel
    sys.modules.pop("serial.serialwin32", None)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("COM3", "COM3"),
        ("COM9", r"\\.\COM9"),
        ("COM10", r"\\.\COM10"),
        ("com256", r"\\.\com256"),
        (r"\\.\COM10", r"\\.\COM10"),
    ],
)
def test_ports_above_eight_are_asked_for_by_their_device_name(windows: Any, name: str, asked: str) -> None:
    SerialPort(name, LINE)
    assert windows.CreateFile.call_args.args[0] == asked


@pytest.mark.parametrize(("number", "python", "kind"), OPENING)
def test_what_pyserial_says_when_it_cannot_open(
    windows: Any, monkeypatch: pytest.MonkeyPatch, number: int, python: tuple[str, int], kind: type[PortError]
) -> None:
    monkeypatch.setattr(ctypes, "WinError", lambda: WinError(number, *python), raising=False)
    windows.CreateFile.return_value = windows.INVALID_HANDLE_VALUE
    with pytest.raises(kind):
        SerialPort("COM12", LINE)


def test_what_pyserial_says_when_the_adapter_is_pulled_out(
    windows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = SerialPort("COM12", LINE)
    monkeypatch.setattr(ctypes, "WinError", lambda: WinError(22, *DENIED), raising=False)
    windows.ClearCommError.return_value = 0
    with pytest.raises(PortGone, match="vanished"):
        port.read(0.1)


def test_a_write_that_was_broken_off_is_not_taken_for_done(windows: Any) -> None:
    """pyserial gives back how many bytes went out, and raises nothing, when Windows aborts a write."""
    port = SerialPort("COM12", LINE)
    windows.GetLastError.return_value = windows.ERROR_OPERATION_ABORTED
    with pytest.raises(PortGone, match="a write was broken off"):
        port.write(b"\x10\x04\x01")

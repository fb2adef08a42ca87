"""A HID device through hidapi: whole reports without their number, which is 0 for all devices read here."""

import errno
import os
import sys
from typing import Protocol, cast

from agent.config.address import HidAddress
from agent.ports.holder import held, opened_by_us
from agent.ports.port import Closing
from protocols.errors import PortDenied, PortError, PortGone, PortHeld

_REPORT_BYTES = 1024
_MAX_SHOWN = 40


class _Device(Protocol):
    """What is used of hidapi's device."""

    def open_path(self, path: bytes) -> None: ...

    def write(self, data: bytes) -> int: ...

    def read(self, max_length: int, timeout_ms: int = 0) -> list[int]: ...

    def close(self) -> None: ...


class _Hidapi(Protocol):
    def enumerate(self, vid: int, pid: int) -> list[dict[str, object]]: ...

    def device(self) -> _Device: ...


class HidPort(Closing):
    """On Linux through hidraw: it takes the device from nobody, and whoever else has it open is seen as for a
    serial port. On Windows the system says only that the device cannot be opened, which then counts as in use,
    for it is there."""

    def __init__(self, address: HidAddress) -> None:
        self._name = f"{address.vid:04x}:{address.pid:04x}"
        library = hidapi()
        self._path = _find(library, address, self._name)
        if held(self._path):
            raise PortHeld(f"{self._name} is in use by another program")
        self._device = library.device()
        try:
            self._device.open_path(os.fsencode(self._path))
        except OSError as e:
            raise _refused(self._path, self._name) from e
        opened_by_us(self._path)

    def write(self, data: bytes) -> None:
        try:
            written = self._device.write(b"\0" + data)
        except (OSError, ValueError) as e:
            raise self._gone() from e
        if written < len(data):
            raise self._gone()

    def read(self, wait_s: float) -> bytes:
        """One whole report."""
        try:
            return bytes(self._device.read(_REPORT_BYTES, timeout_ms=max(1, round(wait_s * 1000))))
        except (OSError, ValueError) as e:
            raise self._gone() from e

    def contended(self) -> bool:
        return held(self._path)

    def close(self) -> None:
        self._device.close()

    def _gone(self) -> PortGone:
        return PortGone(f"{self._name} vanished while it was in use")


def hidapi() -> _Hidapi:
    """Loaded when HID devices are first looked for: most tills have none. PortError where it is not there. On
    Linux hidraw: it lists what the kernel knows, where the other back end opens every device to ask."""
    try:
        if sys.platform == "linux":
            import hidraw as found  # type: ignore[import-not-found] # noqa: PLC0415 - loaded when needed
        else:
            import hid as found  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415
    except ImportError as e:
        raise PortError(f"HID devices cannot be read here ({e})", code="port.unsupported") from e
    return cast(_Hidapi, found)


def _find(library: _Hidapi, address: HidAddress, name: str) -> str:
    entries = library.enumerate(address.vid, address.pid)
    wanted = [e for e in entries if address.serial in ("", e["serial_number"])]
    paths = sorted({os.fsdecode(cast(bytes, entry["path"])) for entry in wanted})
    if not paths:
        raise PortGone(f"{name} does not exist" + f" with the serial number {address.serial}" * bool(entries))
    if len(paths) > 1:
        serials = ", ".join(sorted({str(e["serial_number"] or "none") for e in wanted}))[:_MAX_SHOWN]
        raise PortError(
            f"there are {len(paths)} devices {name}: name one by its serial number (seen: {serials})",
            code="port.ambiguous",
        )
    return paths[0]


def _refused(path: str, name: str) -> PortError:
    """Why hidapi, which does not say, could not open what is listed."""
    if sys.platform != "linux":
        return PortHeld(f"{name} is there and cannot be opened: another program has it")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as e:
        if e.errno in (errno.EACCES, errno.EPERM):
            return PortDenied(f"the system does not let this account open {path} ({name})")
        if e.errno == errno.EBUSY:
            return PortHeld(f"{name} is in use by another program")
    return PortGone(f"{name} cannot be opened")

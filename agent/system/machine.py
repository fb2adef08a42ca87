"""What this computer is known by: the disk that the agent lives on, the mother board, the installation. Read once
at the start, without starting a program; what the system does not tell is "". A number that every such board has
is none."""

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from protocols.wire import v1

_LETTERS = 80
_NO_NUMBER = {
    "to be filled by o.e.m.",
    "default string",
    "system serial number",
    "base board serial number",
    "not specified",
    "not applicable",
    "none",
    "n/a",
    "invalid",
    "unknown",
}
_HASH = b"plomba machine 1\n"
"""machine-id(5) asks programs to show only a keyed hash of it."""


def usable(text: str) -> str:
    """The number without what makers write where they have none."""
    plain = "".join(c for c in text if c.isprintable()).strip()[:_LETTERS]
    if plain.lower() in _NO_NUMBER or not set(plain) - set("0 .-_xX"):
        return ""
    return plain


def hashed(machine_id: str) -> str:
    plain = machine_id.strip().lower()
    return hashlib.sha256(_HASH + plain.encode()).hexdigest()[:32] if plain else ""


def smbios_strings(table: bytes, wanted: int) -> Iterator[tuple[bytes, list[str]]]:
    """The structures of one type in an SMBIOS table: their formatted part and their strings (DMTF DSP0134, section
    6.1). Ends early where the table is not whole."""
    at = 0
    while at + 4 <= len(table) and (length := table[at + 1]) >= 4:
        end = table.find(b"\0\0", at + length)
        if end < 0:
            return
        if table[at] == wanted:
            strings = table[at + length : end].split(b"\0")
            yield table[at : at + length], [part.decode("latin-1") for part in strings]
        at = end + 2


def board_serial_of(table: bytes) -> str:
    """Of the base board (type 2), else of the system (type 1): both have the number of the string at 07h."""
    for kind in (2, 1):
        for formatted, strings in smbios_strings(table, kind):
            index = formatted[7] if len(formatted) > 7 else 0
            if 0 < index <= len(strings) and (serial := usable(strings[index - 1])):
                return serial
    return ""


def disk_serial_of(descriptor: bytes) -> str:
    """Of a STORAGE_DEVICE_DESCRIPTOR (winioctl.h): SerialNumberOffset is the DWORD at 24, 0 where there is none."""
    offset = int.from_bytes(descriptor[24:28], "little")
    if not 0 < offset < len(descriptor):
        return ""
    return usable(descriptor[offset:].partition(b"\0")[0].decode("latin-1"))


if sys.platform == "win32":
    from agent.system import machine_windows

    def read(folder: Path) -> v1.Machine:
        """`folder` lies on the disk that is meant."""
        return v1.Machine(
            disk_serial=disk_serial_of(machine_windows.descriptor(folder)),
            board_serial=board_serial_of(machine_windows.smbios()),
            machine_id=hashed(machine_windows.machine_guid()),
        )

else:
    _SYS = Path("/sys")
    _VITAL_PRODUCT_DATA = 4
    """Bytes before the number on SCSI page 80h (SPC-4, section 7.8.13)."""

    def read(folder: Path, *, sysfs: Path = _SYS, machine_id: Path = Path("/etc/machine-id")) -> v1.Machine:
        """`folder` lies on the disk that is meant."""
        board = usable(_text(sysfs / "class/dmi/id/board_serial"))
        return v1.Machine(
            disk_serial=_disk_serial(folder, sysfs),
            board_serial=board or usable(_text(sysfs / "class/dmi/id/product_serial")),
            machine_id=hashed(_text(machine_id)),
        )

    def _disk_serial(folder: Path, sysfs: Path) -> str:
        try:
            number = folder.stat().st_dev
            device = (sysfs / f"dev/block/{os.major(number)}:{os.minor(number)}").resolve(strict=True)
        except OSError:  # a file system that lies on no disk of its own
            return ""
        for disk in _disks(device):
            page = _bytes(disk / "device/vpd_pg80")[_VITAL_PRODUCT_DATA:]
            found = (_text(disk / "device/serial"), _text(disk / "serial"), page.decode("latin-1"))
            for text in found:
                if serial := usable(text):
                    return serial
        return ""

    def _disks(device: Path, levels: int = 4) -> Iterator[Path]:
        """The whole disks under a partition, or under a volume of the device mapper."""
        if (device / "partition").exists():
            device = device.parent
        yield device
        slaves = device / "slaves"
        if levels and slaves.is_dir():
            for below in sorted(slaves.iterdir()):
                yield from _disks(below.resolve(), levels - 1)

    def _text(file: Path) -> str:
        return _bytes(file).decode("latin-1")

    def _bytes(file: Path) -> bytes:
        """b"" where the system has none, or does not let this account read it."""
        try:
            with file.open("rb") as f:
                return f.read(256)
        except OSError:
            return b""

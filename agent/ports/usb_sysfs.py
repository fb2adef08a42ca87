"""USB printers as the Linux kernel lists them. Reads files of sysfs; opens no device and sends nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

from agent.ports.ieee1284 import DeviceId, parse_text
from agent.ports.usb_printer import PRINTER_CLASS, PRINTER_SUBCLASS, UsbPrinter, preferred

ROOT = Path("/sys/bus/usb/devices")


def available() -> bool:
    return ROOT.is_dir()


def printers() -> list[UsbPrinter]:
    """One entry for each device that has a printer interface. What vanishes while it is read is left out."""
    found: dict[str, UsbPrinter] = {}
    for printer in _interfaces():
        known = found.get(printer.path)
        if known is None or preferred(printer.kind) < preferred(known.kind):
            found[printer.path] = printer
    return [found[path] for path in sorted(found)]


def _interfaces() -> Iterator[UsbPrinter]:
    for folder in sorted(ROOT.glob("*:*")):
        kind = (_hex(folder, "bInterfaceClass"), _hex(folder, "bInterfaceSubClass"))
        if kind != (PRINTER_CLASS, PRINTER_SUBCLASS):
            continue
        path = folder.name.partition(":")[0]
        device = ROOT / path
        if not (device / "idVendor").exists():
            continue
        yield UsbPrinter(
            vid=_hex(device, "idVendor"),
            pid=_hex(device, "idProduct"),
            serial=_text(device, "serial"),
            manufacturer=_text(device, "manufacturer"),
            product=_text(device, "product"),
            bus=_decimal(device, "busnum"),
            address=_decimal(device, "devnum"),
            path=path,
            interface=_hex(folder, "bInterfaceNumber"),
            kind=(*kind, _hex(folder, "bInterfaceProtocol")),
            device_id=_device_id(folder),
            driver=_driver(folder),
            lp=_lp(folder),
        )


def _driver(interface: Path) -> str:
    try:
        return (interface / "driver").readlink().name
    except OSError:
        return ""


def _lp(interface: Path) -> str:
    names = [child.name for child in interface.glob("usbmisc/lp*")]
    return f"/dev/usb/{names[0]}" if names else ""


def _device_id(interface: Path) -> DeviceId | None:
    """Kept by usblp, without its length."""
    return parse_text(_raw(interface, "ieee1284_id"))


def _raw(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError:
        return b""


def _text(folder: Path, name: str) -> str:
    return os.fsdecode(_raw(folder, name)).strip()


def _hex(folder: Path, name: str) -> int:
    """-1 where it is not there."""
    return _number(_raw(folder, name), 16)


def _decimal(folder: Path, name: str) -> int:
    return _number(_raw(folder, name), 10)


def _number(raw: bytes, base: int) -> int:
    try:
        return int(raw, base)
    except ValueError:
        return -1

"""What could be a way to a device: serial ports, USB printers and HID devices, as the operating system tells of
them. Opens and writes nothing unless it is told to ask, and decides nothing."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.config.address import SerialAddress, parse, place
from agent.ports import usb_bus
from agent.ports.hid_port import hidapi
from agent.ports.holder import held
from agent.ports.ieee1284 import DeviceId
from agent.ports.usb_printer import UsbPrinter
from protocols.device.family import Way
from protocols.errors import PortError

_log = logging.getLogger(__name__)
_LINKS = (Path("/dev/serial/by-id"), Path("/dev/serial/by-path"))
_PAGES = {0, *range(0xFF00, 0x10000)}
"""HID usages that a maker defines (HID usage tables 1.4, section 3), or that are not known: not a keyboard or a
mouse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """`address` is what the configuration should say: the name that stays the same. `names`: all names of the
    port, `address` and the one that people know among them. What the device says of itself is "" where it is
    silent. `location`: bus and sockets, such as 1-1.2. `interface`: its number among those of one USB device,
    None where it has only one. `held`: None where only opening would tell. `listed_only`: nothing is known but
    the name that somebody gave."""

    way: Way
    address: str
    names: tuple[str, ...]
    vid: int | None = None
    pid: int | None = None
    serial: str = ""
    maker: str = ""
    product: str = ""
    location: str = ""
    interface: int | None = None
    printer_class: bool = False
    device_id: DeviceId | None = None
    held: bool | None = None
    listed_only: bool = False

    @property
    def name(self) -> str:
        """The short name that a person knows the port by."""
        return self.names[0]


def look(listed: Sequence[str] = (), *, ask: bool = False) -> list[Sighting]:
    """Everything that is there, and the ports of `listed` (checked addresses) that the system does not list,
    such as a printer on the network. `ask`: a USB printer that nobody has, and whose IEEE 1284 id the system
    does not know, is asked for it by the standard request of its class; otherwise nothing is opened."""
    found = [*serial_ports(), *_usb_printers(ask), *_hid_devices()]
    more = [port for port in dict.fromkeys(listed) if not any(is_at(port, sighting) for sighting in found)]
    return [*found, *map(named, more)]


def is_at(port: str, sighting: Sighting) -> bool:
    """Whether a port of the configuration or the command line is this one, whatever link or spelling it goes
    by. A USB address without a serial number means every device with its ids."""
    names = {spelling for name in sighting.names for spelling in _spellings(name)}
    return any(_same(one, other) for one in _spellings(port) for other in names)


def _spellings(port: str) -> set[str]:
    named = place(port)
    return {named, os.path.realpath(named) if named.startswith("/") else named}


def _same(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    without_serial = shorter.startswith("usb:") and shorter.endswith(":")
    return one == other or (without_serial and longer.startswith(shorter))


def named(port: str) -> Sighting:
    """A port of which nothing is known but its (checked) address."""
    address = parse(port)
    taken = held(address.path) if isinstance(address, SerialAddress) and sys.platform != "win32" else None
    return Sighting(way=address.way, address=port, names=(port,), held=taken, listed_only=True)


def serial_ports() -> Iterator[Sighting]:
    """Those of this computer."""
    from serial.tools import list_ports  # noqa: PLC0415 - the agent runs without it

    for port in sorted(list_ports.comports(), key=lambda port: str(port.device)):
        links = _links(port.device)
        location = port.location or ""
        yield Sighting(
            way=Way.SERIAL,
            address=_stable(links, port.device, has_serial=bool(port.serial_number)),
            names=(port.device, *links),
            vid=port.vid,
            pid=port.pid,
            serial=port.serial_number or "",
            maker=port.manufacturer or "",
            product=port.product or (port.description if port.vid else "") or "",
            location=location.partition(":")[0],
            interface=_interface(location),
            held=held(port.device) if sys.platform == "linux" else None,
        )


def _links(device: str) -> list[str]:
    """Names that udev keeps for the port, by-id first."""
    found = [link for folder in _LINKS if folder.is_dir() for link in sorted(folder.iterdir())]
    return [str(link) for link in found if _leads_to(link, device)]


def _leads_to(link: Path, device: str) -> bool:
    try:
        return link.samefile(device)
    except OSError:
        return False  # it was unplugged in between


def _stable(links: Sequence[str], device: str, *, has_serial: bool) -> str:
    """By id where the device has a serial number, else by the socket that it is plugged into: two adapters
    without a number share one by-id name."""
    wanted = _LINKS if has_serial else _LINKS[::-1]
    named = [link for folder in wanted for link in links if Path(link).parent == folder]
    return named[0] if named else device


def _interface(location: str) -> int | None:
    """From 1-1.2:1.0, as the kernel names an interface."""
    number = location.rpartition(":")[2].rpartition(".")[2] if ":" in location else ""
    return int(number) if number.isdigit() else None


def _usb_printers(ask: bool) -> Iterator[Sighting]:
    for printer in _printers(ask):
        address = _address("usb", printer.vid, printer.pid, printer.serial or "")
        yield Sighting(
            way=Way.USB,
            address=address,
            names=(address, *((printer.lp,) if printer.lp else ())),
            vid=printer.vid,
            pid=printer.pid,
            serial=printer.serial or "",
            maker=printer.manufacturer,
            product=printer.product,
            location=printer.path,
            printer_class=True,
            device_id=printer.device_id,
            held=_taken(printer),
        )


def _printers(ask: bool) -> list[UsbPrinter]:
    try:
        return usb_bus.printers(ask=ask)
    except PortError as e:
        _log.warning("USB printers are not listed: %s", e)
        return []


def _address(kind: str, vid: int, pid: int, serial: str) -> str:
    """Without the serial number where it has letters that no address may have."""
    short = f"{kind}:{vid:04x}:{pid:04x}"
    try:
        parse(whole := f"{short}:{serial}")
    except ValueError:
        return short
    return whole


def _taken(printer: UsbPrinter) -> bool | None:
    if printer.driver == "usbfs":
        return True  # a program talks to it through libusb
    return held(printer.lp) if printer.lp else None if printer.driver is None else False


def _hid_devices() -> Iterator[Sighting]:
    """Those of makers' own kinds, each once."""
    found = [_hid(entry) for entry in _hid_entries() if entry["usage_page"] in _PAGES]
    yield from {sighting.address: sighting for sighting in reversed(found)}.values()


def _hid(entry: Mapping[str, object]) -> Sighting:
    vid, pid = int(str(entry["vendor_id"])), int(str(entry["product_id"]))
    serial = str(entry["serial_number"] or "")
    address, path = _address("hid", vid, pid, serial), entry["path"]
    file = os.fsdecode(path) if isinstance(path, bytes) and path.startswith(b"/dev/") else ""
    return Sighting(
        way=Way.HID,
        address=address,
        names=(address, file) if file else (address,),
        vid=vid,
        pid=pid,
        serial=serial,
        maker=str(entry["manufacturer_string"] or ""),
        product=str(entry["product_string"] or ""),
        held=held(file) if file else None,
    )


def _hid_entries() -> list[dict[str, object]]:
    try:
        return hidapi().enumerate(0, 0)
    except (PortError, OSError) as e:
        _log.warning("HID devices are not listed: %s", e)
        return []

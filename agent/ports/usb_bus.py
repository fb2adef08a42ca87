"""The USB printers of this machine, seen without taking any from the program that has it."""

from dataclasses import replace

from agent.ports import usb_library, usb_sysfs
from agent.ports.ieee1284 import DeviceId
from agent.ports.usb_printer import UsbPrinter
from protocols.errors import PortError, PortGone

__all__ = ["DeviceId", "UsbPrinter", "find", "present", "printers"]


def printers(*, ask: bool = False) -> list[UsbPrinter]:
    """In the order of their paths. On Linux from sysfs, and nothing is opened; elsewhere from libusb. `ask`:
    who has not said who he is is asked for his IEEE 1284 id, unless somebody has the interface. Nothing else
    is sent, ever. PortGone where the system cannot list USB at all."""
    found = _listed(None)
    return [_asked(printer) for printer in found] if ask else found


def find(vid: int, pid: int, serial: str = "") -> UsbPrinter:
    """The one printer with these numbers. PortGone where there is none; PortError `port.ambiguous`, with the
    places of all, where there are several, and `port.unreadable` where the only ones that could be it do not
    let their serial number be read: to read another printer than the one meant would be a guess."""
    name = f"usb:{vid:04x}:{pid:04x}" + (f":{serial}" if serial else "")
    same = _listed((vid, pid))
    found = [printer for printer in same if not serial or printer.serial == serial]
    if len(found) > 1:
        raise PortError(_several(name, found), code="port.ambiguous")
    if found:
        return found[0]
    if any(printer.serial is None for printer in same):
        text = f"{name} may be connected: the serial number of what is there cannot be read now"
        raise PortError(text, code="port.unreadable", retriable=True)
    if same:
        serials = ", ".join(printer.serial or "none" for printer in same)
        raise PortGone(f"{name} is not connected; connected with these numbers: serial {serials}")
    raise PortGone(f"{name} is not connected")


def present(vid: int, pid: int, serial: str = "") -> bool | None:
    """Whether such a printer is connected; None where that cannot be seen."""
    try:
        found = _listed((vid, pid))
    except PortError:
        return None
    if any(not serial or printer.serial == serial for printer in found):
        return True
    return None if any(printer.serial is None for printer in found) else False


def _listed(ids: tuple[int, int] | None) -> list[UsbPrinter]:
    if not usb_sysfs.available():
        return usb_library.printers(ids)
    found = usb_sysfs.printers()
    return [printer for printer in found if ids is None or (printer.vid, printer.pid) == ids]


def _asked(printer: UsbPrinter) -> UsbPrinter:
    if printer.device_id or printer.driver:
        return printer
    try:
        return replace(printer, device_id=usb_library.ask_device_id(printer))
    except (PortError, *usb_library.FAILURES):
        return printer  # somebody has it, or it does not like to be asked: then its id is unknown


def _several(name: str, found: list[UsbPrinter]) -> str:
    places = ", ".join(f"{p.path} (serial {p.serial or 'none'})" for p in found)
    advice = (
        "name one by its serial"
        if len({p.serial for p in found}) == len(found) and all(p.serial for p in found)
        else "they cannot be told apart; connect one of them another way"
    )
    return f"{name} fits several printers: {places}; {advice}"

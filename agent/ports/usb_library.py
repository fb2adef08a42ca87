"""libusb through pyusb: what it lists, and a claimed interface. The only file that knows pyusb; it is
imported when the first USB device needs it, for the agent's memory has no room for it otherwise."""

import errno
import sys
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Protocol, cast

from agent.ports.ieee1284 import DeviceId, parse_answer
from agent.ports.usb_printer import PRINTER_CLASS, PRINTER_SUBCLASS, UsbPrinter, preferred
from protocols.errors import PortDenied, PortError, PortGone, PortHeld

FAILURES = (OSError, NotImplementedError)
"""What pyusb raises: USBError is an OSError, LIBUSB_ERROR_NOT_SUPPORTED is NotImplementedError."""
_ACCESS, _NO_DEVICE, _NOT_FOUND, _BUSY = -3, -4, -5, -6  # libusb.h, enum libusb_error
_ASK_MS = 500
_GET_DESCRIPTOR, _STRING = 6, 0x0300  # USB 2.0, 9.4.3
_GET_DEVICE_ID = 0  # USB printer class 1.1, 4.2.1
_FROM_DEVICE, _CLASS_FROM_INTERFACE = 0x80, 0xA1
_IN, _BULK = 0x80, 2


class Descriptor(Protocol):
    """Fields of a device, configuration, interface or endpoint descriptor, under the names of USB 2.0, 9.6,
    and of a device its place."""

    idVendor: int  # noqa: N815
    idProduct: int  # noqa: N815
    iManufacturer: int  # noqa: N815
    iProduct: int  # noqa: N815
    iSerialNumber: int  # noqa: N815
    bNumConfigurations: int  # noqa: N815
    bNumInterfaces: int  # noqa: N815
    bInterfaceNumber: int  # noqa: N815
    bAlternateSetting: int  # noqa: N815
    bInterfaceClass: int  # noqa: N815
    bInterfaceSubClass: int  # noqa: N815
    bInterfaceProtocol: int  # noqa: N815
    bNumEndpoints: int  # noqa: N815
    bEndpointAddress: int  # noqa: N815
    bmAttributes: int  # noqa: N815
    bus: int
    address: int
    port_numbers: tuple[int, ...] | None


class Library(Protocol):
    """What is used of pyusb's `usb.backend.IBackend`; no other of its methods is ever called. It is used
    rather than `usb.core`, which claims whatever interface a control request seems to name."""

    def enumerate_devices(self) -> Iterable[object]: ...
    def get_device_descriptor(self, dev: object) -> Descriptor: ...
    def get_configuration_descriptor(self, dev: object, config: int) -> Descriptor: ...
    def get_interface_descriptor(self, dev: object, intf: int, alt: int, config: int) -> Descriptor: ...
    def get_endpoint_descriptor(
        self, dev: object, ep: int, intf: int, alt: int, config: int
    ) -> Descriptor: ...
    def open_device(self, dev: object) -> object: ...
    def close_device(self, dev_handle: object) -> None: ...
    def claim_interface(self, dev_handle: object, intf: int) -> None: ...
    def release_interface(self, dev_handle: object, intf: int) -> None: ...
    def set_interface_altsetting(self, dev_handle: object, intf: int, altsetting: int) -> None: ...
    def bulk_write(self, dev_handle: object, ep: int, intf: int, data: "array[int]", timeout: int) -> int: ...
    def bulk_read(self, dev_handle: object, ep: int, intf: int, buff: "array[int]", timeout: int) -> int: ...
    def ctrl_transfer(  # noqa: PLR0917 - pyusb's signature
        self,
        dev_handle: object,
        bmRequestType: int,  # noqa: N803
        bRequest: int,  # noqa: N803
        wValue: int,  # noqa: N803
        wIndex: int,  # noqa: N803
        data: "array[int]",
        timeout: int,
    ) -> int: ...


def library() -> Library:
    """The one libusb of this process. PortGone where it is not there."""
    import libusb_package  # type: ignore[import-untyped,unused-ignore] # noqa: PLC0415 - see the module

    found = libusb_package.get_libusb1_backend()
    if found is None:
        raise PortGone("USB devices cannot be reached: libusb does not start here", code="port.no_libusb")
    return cast(Library, found)


@dataclass(frozen=True, slots=True)
class Setting:
    """One printer interface as the descriptors show it. `config` is an index, `into` and `out_of` are the
    addresses of the bulk endpoints towards the host and from it, None where there is none."""

    device: object
    config: int
    interface: int
    alternate: int
    kind: tuple[int, int, int]
    into: int | None
    out_of: int | None


def printers(ids: tuple[int, int] | None = None) -> list[UsbPrinter]:
    """All USB printers, or those with these ids. Devices are opened only for their names, and none is
    claimed."""
    lib, found = library(), []
    for device in lib.enumerate_devices():
        head = lib.get_device_descriptor(device)
        if ids is None or (head.idVendor, head.idProduct) == ids:
            setting = best_setting(lib, device)
            if setting:
                found.append(_named(lib, device, _printer(head, setting)))
    return sorted(found, key=lambda printer: printer.path)


def best_setting(lib: Library, device: object) -> Setting | None:
    """The printer interface to talk over: one that answers before one that does not, of equals the first."""
    found = [s for s in _settings(lib, device) if s.kind[:2] == (PRINTER_CLASS, PRINTER_SUBCLASS)]
    return min(found, key=lambda s: (s.into is None, preferred(s.kind)), default=None)


def device_of(lib: Library, printer: UsbPrinter) -> object:
    """PortGone where it is no longer at its place."""
    for device in lib.enumerate_devices():
        head = lib.get_device_descriptor(device)
        if _place(head) == (printer.bus, printer.address, printer.vid, printer.pid):
            return device
    raise PortGone(f"{printer.name} at {printer.path} is no longer there")


def _place(head: Descriptor) -> tuple[int, int, int, int]:
    return head.bus, head.address, head.idVendor, head.idProduct


@contextmanager
def claimed(lib: Library, setting: Setting, name: str) -> Iterator[object]:
    """A handle with the interface claimed, released and closed afterwards. Whoever has the interface keeps
    it: PortHeld. No driver is ever detached."""
    handle = open_device(lib, setting, name)
    try:
        yield handle
    finally:
        close_device(lib, setting, handle)


def open_device(lib: Library, setting: Setting, name: str) -> object:
    try:
        handle = lib.open_device(setting.device)
    except FAILURES as e:
        raise failure(name, e) from e
    try:
        lib.claim_interface(handle, setting.interface)
        if setting.alternate:
            lib.set_interface_altsetting(handle, setting.interface, setting.alternate)
    except FAILURES as e:
        lib.close_device(handle)
        raise failure(name, e) from e
    return handle


def close_device(lib: Library, setting: Setting, handle: object) -> None:
    """Never raises: a device that vanished has nothing to release."""
    with suppress(*FAILURES):
        lib.release_interface(handle, setting.interface)
    with suppress(*FAILURES):
        lib.close_device(handle)


def ask_device_id(printer: UsbPrinter) -> DeviceId | None:
    """GET_DEVICE_ID. None where the printer does not say one. PortError; PortHeld where somebody has the
    interface: then nothing is asked."""
    lib = library()
    device = device_of(lib, printer)
    setting = best_setting(lib, device)
    if setting is None:
        return None
    with claimed(lib, setting, printer.name) as handle:
        place = setting.interface << 8 | setting.alternate
        answer = _request(lib, handle, (_CLASS_FROM_INTERFACE, _GET_DEVICE_ID, setting.config, place), 1024)
    return parse_answer(answer)


def request_byte(lib: Library, handle: object, request: int, interface: int) -> int | None:
    """A class request with an answer of one byte; None where the device does not know it."""
    answer = _request(lib, handle, (_CLASS_FROM_INTERFACE, request, 0, interface), 1)
    return answer[0] if answer else None


def failure(name: str, error: Exception) -> PortError:
    """What pyusb raised, in our words. On Windows WinUSB serves one program and refuses the next as if by
    right, and a device with the driver of its maker or of Windows is not supported at all."""
    number, code = getattr(error, "errno", None), getattr(error, "backend_error_code", None)
    refused = code == _ACCESS or number in {errno.EACCES, errno.EPERM}
    if code == _BUSY or number == errno.EBUSY or (refused and sys.platform == "win32"):
        return PortHeld(f"{name} is in use by another program")
    if refused:
        return PortDenied(f"the system does not let this account open {name}")
    if isinstance(error, NotImplementedError):
        return PortHeld(f"{name} belongs to the system's own printer driver")
    if code in {_NO_DEVICE, _NOT_FOUND} or number in {errno.ENODEV, errno.ENXIO, errno.ENOENT}:
        return PortGone(f"{name} is no longer there")
    return PortGone(f"{name} cannot be reached ({error or type(error).__name__})")


def _settings(lib: Library, device: object) -> Iterator[Setting]:
    """Of the first configuration, which the system sets and a printer has no other."""
    try:
        count = lib.get_configuration_descriptor(device, 0).bNumInterfaces
    except FAILURES:
        return
    for number in range(count):
        yield from _alternates(lib, device, 0, number)


def _alternates(lib: Library, device: object, config: int, number: int) -> Iterator[Setting]:
    for alternate in range(256):
        try:
            found = lib.get_interface_descriptor(device, number, alternate, config)
        except (*FAILURES, IndexError):
            return
        ends = [
            lib.get_endpoint_descriptor(device, end, number, alternate, config)
            for end in range(found.bNumEndpoints)
        ]
        bulk = [end.bEndpointAddress for end in ends if end.bmAttributes & 3 == _BULK]
        yield Setting(
            device,
            config,
            found.bInterfaceNumber,
            found.bAlternateSetting,
            (found.bInterfaceClass, found.bInterfaceSubClass, found.bInterfaceProtocol),
            next((end for end in bulk if end & _IN), None),
            next((end for end in bulk if not end & _IN), None),
        )


def _printer(head: Descriptor, setting: Setting) -> UsbPrinter:
    ports = head.port_numbers
    return UsbPrinter(
        vid=head.idVendor,
        pid=head.idProduct,
        serial=None if head.iSerialNumber else "",
        manufacturer="",
        product="",
        bus=head.bus,
        address=head.address,
        path=f"{head.bus}-{'.'.join(map(str, ports))}" if ports else f"{head.bus}:{head.address}",
        interface=setting.interface,
        kind=setting.kind,
    )


def _named(lib: Library, device: object, printer: UsbPrinter) -> UsbPrinter:
    """With its names, as far as they can be read."""
    head = lib.get_device_descriptor(device)
    try:
        handle = lib.open_device(device)
    except FAILURES:
        return printer
    try:
        return replace(
            printer,
            manufacturer=_string(lib, handle, head.iManufacturer),
            product=_string(lib, handle, head.iProduct),
            serial=_string(lib, handle, head.iSerialNumber),
        )
    except FAILURES:
        return printer
    finally:
        lib.close_device(handle)


def _string(lib: Library, handle: object, index: int) -> str:
    """USB 2.0, 9.6.7: in the first language that the device has."""
    if not index:
        return ""
    languages = _request(lib, handle, (_FROM_DEVICE, _GET_DESCRIPTOR, _STRING, 0), 255)
    language = int.from_bytes(languages[2:4], "little")
    answer = _request(lib, handle, (_FROM_DEVICE, _GET_DESCRIPTOR, _STRING | index, language), 255)
    return answer[2 : answer[0]].decode("utf-16-le", errors="replace").strip("\0 ") if answer else ""


def _request(lib: Library, handle: object, setup: tuple[int, int, int, int], size: int) -> bytes:
    """A control request from the device; b"" where it does not know it."""
    answer = array("B", bytes(size))
    try:
        count = lib.ctrl_transfer(handle, *setup, answer, _ASK_MS)
    except FAILURES as e:
        if getattr(e, "errno", None) in {errno.EPIPE, errno.ETIMEDOUT}:
            return b""
        raise
    return answer[:count].tobytes()

"""A printer on USB, by whichever way is free: libusb, or the device file of the kernel's printer driver. It
resets nothing and takes no printer from the program or the driver that has it."""

import errno
import sys
from array import array

from agent.config.address import UsbAddress
from agent.ports import usb_bus, usb_library
from agent.ports.patience import patient
from agent.ports.port import Closing, Port
from agent.ports.usb_library import FAILURES, failure
from agent.ports.usb_printer import UsbPrinter, status_words
from protocols.errors import PortError, PortGone, PortHeld

WRITE_MS = 1000
_PIECE = 1024
_GET_PORT_STATUS = 1  # USB printer class 1.1, 4.2.2
_KERNEL_DRIVER = "usblp"


def open_usb(address: UsbAddress) -> Port:
    """The kernel's printer driver has the interface: through its device file, which serves one program. Nobody
    has it: through libusb. Anybody else has it (usbfs is a program that uses libusb): PortHeld. PortError
    `port.ambiguous` where several printers fit."""
    printer = usb_bus.find(address.vid, address.pid, address.serial)
    if printer.driver == _KERNEL_DRIVER and printer.lp and sys.platform != "win32":
        from agent.ports.lp_port import LpPort  # noqa: PLC0415 - Linux only

        return LpPort(printer)
    if printer.driver:
        raise PortHeld(f"{printer.name} is in use ({printer.driver})")
    return UsbPort(printer)


class UsbPort(Closing):
    """The claimed printer interface, with the bulk endpoints that its descriptors name. PortHeld where another
    has claimed it."""

    def __init__(self, printer: UsbPrinter) -> None:
        self._name = printer.name
        self._library = usb_library.library()
        setting = usb_library.best_setting(self._library, usb_library.device_of(self._library, printer))
        if setting is None or setting.into is None or setting.out_of is None:
            raise PortError(f"{printer.name} gives no answers over USB", code="port.one_way")
        self._setting, self._into, self._out_of = setting, setting.into, setting.out_of
        self._handle: object | None = usb_library.open_device(self._library, setting, printer.name)

    def write(self, data: bytes) -> None:
        handle, sent = self._handle, 0
        while sent < len(data):
            try:
                count = self._library.bulk_write(
                    handle, self._out_of, self._setting.interface, array("B", data[sent:]), WRITE_MS
                )
            except FAILURES as e:
                raise self._gone(e) from e
            if count <= 0:
                raise PortGone(f"{self._name} takes no bytes", code="port.stuck")
            sent += count

    def read(self, wait_s: float) -> bytes:
        return patient(self._read, wait_s)

    def contended(self) -> bool:
        return False  # a claimed interface is refused to everybody else

    def tells(self) -> tuple[str, ...]:
        """GET_PORT_STATUS, in words; nothing where the printer does not know it."""
        try:
            status = usb_library.request_byte(
                self._library, self._handle, _GET_PORT_STATUS, self._setting.interface
            )
        except FAILURES as e:
            raise self._gone(e) from e
        return () if status is None else (status_words(status),)

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            usb_library.close_device(self._library, self._setting, handle)

    def _read(self, wait_s: float) -> bytes:
        """b"" when the time passed, and for an empty packet."""
        data = array("B", bytes(_PIECE))
        try:
            count = self._library.bulk_read(
                self._handle, self._into, self._setting.interface, data, max(1, round(wait_s * 1000))
            )
        except FAILURES as e:
            if getattr(e, "errno", None) == errno.ETIMEDOUT:
                return b""
            raise self._gone(e) from e
        return data[:count].tobytes()

    def _gone(self, error: Exception) -> PortError:
        """Once claimed, whatever fails means that the printer is not there any more."""
        found = failure(self._name, error)
        return found if isinstance(found, PortGone) else PortGone(f"{self._name} is no longer there")

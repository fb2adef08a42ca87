"""What is known of one USB printer before anybody talks to it."""

from dataclasses import dataclass

from agent.ports.ieee1284 import DeviceId

PRINTER_CLASS, PRINTER_SUBCLASS = 7, 1
PROTOCOLS = {1: "one way", 2: "both ways", 3: "both ways, IEEE 1284.4", 4: "printing over IP"}
"""USB printer class 1.1, 4.1 and the table of protocols of the USB-IF."""


@dataclass(frozen=True, slots=True)
class UsbPrinter:
    """`serial`: "" where the device has none, None where it could not be read. `path`: bus and ports, such as
    1-1.2; it stays the same for a socket of the machine. `kind`: class, subclass and protocol of the
    interface with the number `interface`. `driver`: the kernel driver that has the interface (usbfs: a
    program that uses it through libusb), "" for none, None where the system does not show it. `lp`: the
    device file of the kernel's printer driver, "" where there is none. `device_id`: None where it is not
    known without asking, or the device said none."""

    vid: int
    pid: int
    serial: str | None
    manufacturer: str
    product: str
    bus: int
    address: int
    path: str
    interface: int
    kind: tuple[int, int, int]
    device_id: DeviceId | None = None
    driver: str | None = None
    lp: str = ""

    @property
    def port(self) -> str:
        """Its address for the configuration."""
        serial = f":{self.serial}" if self.serial else ""
        return f"usb:{self.vid:04x}:{self.pid:04x}{serial}"

    @property
    def name(self) -> str:
        """For a person: what it calls itself, else its numbers."""
        spoken = " ".join(part for part in (self.manufacturer, self.product) if part)
        return spoken or f"{self.vid:04x}:{self.pid:04x}"


def preferred(kind: tuple[int, int, int]) -> int:
    """The order in which to take one of several printer interfaces of a device: one that answers first."""
    return {2: 0, 1: 1, 3: 2}.get(kind[2], 3)


_PAPER_EMPTY, _SELECTED, _NO_ERROR = 0x20, 0x10, 0x08  # USB printer class 1.1, 4.2.2


def status_words(status: int) -> str:
    """What GET_PORT_STATUS says, for a person. A hint and no more: many printers answer 18h whatever befalls
    them."""
    parts = (
        "paper end" if status & _PAPER_EMPTY else "paper",
        "selected" if status & _SELECTED else "not selected",
        "no error" if status & _NO_ERROR else "error",
    )
    return f"its USB port says ({status:02X}h): {', '.join(parts)}"

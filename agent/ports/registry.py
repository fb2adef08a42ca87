"""Which port answers to which kind of address, written by hand."""

import sys
from pathlib import Path

from agent.config.address import (
    Address,
    HidAddress,
    HttpAddress,
    SerialAddress,
    SignalAddress,
    SpoolerAddress,
    TcpAddress,
    UsbAddress,
    parse,
)
from agent.ports.port import Port
from agent.ports.serial_port import SerialPort
from agent.ports.tcp_port import TcpPort
from protocols.device.family import Serial
from protocols.errors import PortGone


def open_port(address: str, line: Serial) -> Port:  # noqa: PLR0911 - one line per kind of port
    """Open one port; of `line` the first baud rate counts, and only for serial ports. PortGone, PortHeld or
    PortDenied."""
    match _parsed(address):
        case SerialAddress(path):
            return SerialPort(path, line)
        case TcpAddress(host, port):
            return TcpPort(host, port)
        case SignalAddress(path):
            from agent.ports.signal_port import SignalPort  # noqa: PLC0415 - pyserial, few tills have one

            return SignalPort(path)
        case HidAddress() as device:
            from agent.ports.hid_port import HidPort  # noqa: PLC0415 - few tills have one

            return HidPort(device)
        case HttpAddress() as neighbour:
            from agent.ports.http_port import HttpPort  # noqa: PLC0415 - few tills have one

            return HttpPort(neighbour)
        case SpoolerAddress(printer):
            from agent.ports.spooler_port import SpoolerPort  # noqa: PLC0415 - loads a library of Windows

            return SpoolerPort(printer)
        case UsbAddress() as device:
            from agent.ports.usb_port import open_usb  # noqa: PLC0415 - libusb is dear, few tills have one

            return open_usb(device)


def exists(address: str) -> bool | None:
    """Whether the port is there, without opening it; None where only opening would tell."""
    match _parsed(address):
        case SerialAddress(path) | SignalAddress(path) if sys.platform != "win32":
            return Path(path).exists()
        case UsbAddress(vid, pid, serial):
            from agent.ports import usb_bus  # noqa: PLC0415 - see open_port

            return usb_bus.present(vid, pid, serial)
        case _:
            return None


def _parsed(address: str) -> Address:
    try:
        return parse(address)
    except ValueError as e:
        raise PortGone(f"{e}", code="port.address") from e

"""An emulated receipt printer of the USB printer class, served over USB/IP on loopback: the bytes of
tests.emulators.escpos behind bulk endpoints. Written from the USB printer class definition 1.1. By hand:
python -m tests.emulators.usb_printer --serial X4TJ012345"""

import argparse
import json
import socket
import sys
import threading
from collections.abc import Callable

from usbip import core
from usbip.device import In, Out, USBDevice
from usbip.transport import USBIP

from tests.emulators import stopping
from tests.emulators.escpos import EscPos
from tests.emulators.machine import Machine
from tests.emulators.runner import Control

VID, PID = 0x04B8, 0x0E15
INTO, OUT_OF = 4, 3
"""Numbers of the endpoints; not 2 and 1, which some programs take for granted."""
_CLASS_IN, _CLASS_OUT = 0xA1, 0x21
_GET_DEVICE_ID, _GET_PORT_STATUS = 0, 1


class UsbPrinter:
    """`one_way`: without an endpoint towards the host. Class requests other than the two that read
    are recorded as forbidden. `empty_first`: so many empty packets go before each answer."""

    def __init__(self, machine: Machine, serial: str, *, one_way: bool = False, empty_first: int = 0) -> None:
        self.machine = machine
        self._empty_first = empty_first
        self.device = USBDevice(
            VID, PID, product="TM-T20II", manufacturer="EPSON", serial=serial, bcdDevice=0x0100
        )
        group = self.device.add_group()
        number = group.claim_interface()
        group.add(bytes([9, 4, number, 0, 1 if one_way else 2, 7, 1, 1 if one_way else 2, 0]))
        self._into = None if one_way else group.add_endpoint(In(INTO))
        group.add_endpoint(Out(OUT_OF)).on_out = self._received
        self.device.on_control(number, self._asked)
        self.device.on_control(None, self._asked)
        machine.send = self._send

    def _received(self, _endpoint: object, data: bytes) -> None:
        answer = self.machine.receive(bytes(data))
        if answer:
            self._send(answer)

    def _send(self, data: bytes) -> None:
        if self._into is None:
            return
        for _ in range(self._empty_first):
            self._into.write(b"")
        self._into.write(data)

    def _asked(self, setup: core.Setup, _data: bytes = b"") -> bytes:
        if (setup.bmRequestType, setup.bRequest) == (_CLASS_IN, _GET_DEVICE_ID):
            text = f"MFG:EPSON;CMD:ESC/POS;MDL:{self.machine.model};CLS:PRINTER;".encode()
            return (len(text) + 2).to_bytes(2, "big") + text
        if (setup.bmRequestType, setup.bRequest) == (_CLASS_IN, _GET_PORT_STATUS):
            return bytes([0x30 if "paper_end" in self.machine.faults else 0x18])
        self.machine.forbidden.append(f"request {setup.bmRequestType:02X} {setup.bRequest:02X}")
        raise core.Stall


def main() -> int:
    """Prints one JSON line when ready; ends on SIGTERM or SIGINT, which is the unplugging."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulators.usb_printer", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=0, help="of the USB/IP server on loopback; default: a free one"
    )
    parser.add_argument("--serial", action="append", default=[], help="again for one more printer")
    parser.add_argument("--one-way", action="store_true")
    parser.add_argument("--empty-first", type=int, default=0, metavar="N")
    args = parser.parse_args()
    machines = [EscPos("TM-T20III") for _ in args.serial or [""]]
    printers = [
        UsbPrinter(machine, serial, one_way=args.one_way, empty_first=args.empty_first)
        for machine, serial in zip(machines, args.serial or [""], strict=True)
    ]
    port = args.port or _free_port()
    transport = USBIP("127.0.0.1", port)
    stopping.hold()
    for printer in printers:
        printer.device.plug(transport)
    controls = [Control(machine, ("127.0.0.1", 0)) for machine in machines]
    for control in controls:
        threading.Thread(target=control.serve_forever, args=(stopping.LOOKS_S,), daemon=True).start()
    sys.stdout.write(json.dumps({"port": port, "controls": [control.url for control in controls]}) + "\n")
    sys.stdout.flush()
    stopping.wait()
    _end([control.shutdown for control in controls])
    return 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _end(actions: list[Callable[[], None]]) -> None:
    for action in actions:
        action()


if __name__ == "__main__":
    sys.exit(main())

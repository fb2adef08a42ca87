"""Inside the guest: the agent's ports against the kernel's own USB drivers."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from agent.config import Device
from agent.devices import profile_store
from agent.devices.poller import Poller
from agent.devices.prober import probe
from agent.ports import Port, exists, open_port, usb_bus
from agent.runtime.clock import SystemClock
from protocols.device.family import Serial
from protocols.device.registry import FAMILIES
from protocols.errors import PortGone, PortHeld
from protocols.wire.v1 import Contact
from tests.usb.gadget import HidDrawer, PrinterGadget

LINE = Serial(bauds=(9600,))
PRINTER = "usb:04b8:0e15:S1"
DRAWER = "hid:0d3a:0207"
HOLD = "import os, sys; f = os.open(sys.argv[1], os.O_RDWR); print('held', flush=True); input()"
CLAIM = """
import sys
from agent.ports import usb_library
lib = usb_library.library()
device = next(d for d in lib.enumerate_devices() if lib.get_device_descriptor(d).idVendor == 0x04B8)
with usb_library.claimed(lib, usb_library.best_setting(lib, device), "it"):
    print("held", flush=True)
    input()
"""


def until(condition: Callable[[], bool], what: str, limit_s: float = 30.0) -> None:
    clock, pause = SystemClock(), Event()
    end_s = clock.monotonic() + limit_s
    while not condition():
        assert clock.monotonic() < end_s, what
        clock.wait(pause, 0.1)


class Holder:
    """Another program that has a device."""

    def __init__(self, code: str, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "held\n"

    def let_go(self) -> None:
        self.process.communicate("\n", timeout=30)


def ask_on(port: Port) -> None:
    """Some drivers tell at the second call only."""
    for _ in range(5):
        port.write(b"\x10\x04\x01")
        port.read(1.0)


def poller(family: str, port: str) -> Poller:
    device = Device(id="it", family=family, port=port, poll_s=0.5)
    own = FAMILIES[family].on(0x0207 if port == DRAWER else None)
    return Poller(device, own, profile_store.load()[family], SystemClock(), jitter=lambda low, _: low)


# A printer of the USB printer class, with the kernel's printer driver (usblp) on it


@pytest.fixture
def printer() -> Iterator[PrinterGadget]:
    with PrinterGadget() as made:
        until(lambda: bool(usb_bus.printers()), "the printer is not on the bus")
        until(lambda: Path("/dev/usb/lp0").exists(), "usblp made no file")
        yield made


def unbind() -> None:
    """Take the kernel's driver off, as on a till where usblp is not used."""
    (found,) = usb_bus.printers()
    name = f"{found.path}:1.{found.interface}"
    Path("/sys/bus/usb/drivers/usblp/unbind").write_text(name)
    until(lambda: not Path("/dev/usb/lp0").exists(), "usblp let not go")


def test_usblp_and_the_id_are_seen_without_opening(printer: PrinterGadget) -> None:
    (found,) = usb_bus.printers()
    assert (found.driver, found.lp, found.serial, found.kind) == ("usblp", "/dev/usb/lp0", "S1", (7, 1, 2))
    assert found.device_id
    assert found.device_id.commands == ("ESC/POS",)
    assert printer.machine.received == 0


def test_it_is_probed_through_the_file_of_usblp(printer: PrinterGadget) -> None:
    finding = probe(PRINTER, [FAMILIES["escpos"]], profile_store.load(), SystemClock())
    assert finding.identity.model == "TM-T20III"
    assert any(why.startswith("its USB port says (18h)") for why in finding.why)
    assert printer.machine.forbidden == []


def test_the_file_that_another_program_has_is_in_use(printer: PrinterGadget) -> None:
    holder = Holder(HOLD, "/dev/usb/lp0")
    with pytest.raises(PortHeld):
        open_port(PRINTER, LINE)
    assert printer.machine.received == 0
    holder.let_go()
    with open_port(PRINTER, LINE) as port:  # the control: once it is free, we get it
        port.write(b"\x10\x04\x01")
        assert port.read(5.0) == b"\x12"


def test_without_usblp_it_is_read_by_libusb(printer: PrinterGadget) -> None:
    unbind()
    (found,) = usb_bus.printers()
    assert found.driver == ""
    watch = poller("escpos", PRINTER)
    assert watch.poll().contact is Contact.OK
    printer.machine.set_faults({"paper_end": True})
    assert watch.poll().state.paper_end is True
    (found,) = usb_bus.printers()
    assert found.driver == ""  # and let go after each reading
    assert printer.machine.forbidden == []


def test_what_another_program_claimed_is_in_use(printer: PrinterGadget) -> None:
    unbind()
    holder = Holder(CLAIM)
    (found,) = usb_bus.printers()
    assert found.driver == "usbfs"
    with pytest.raises(PortHeld):
        open_port(PRINTER, LINE)
    holder.let_go()
    with open_port(PRINTER, LINE) as port:
        port.write(b"\x10\x04\x01")
        assert port.read(5.0) == b"\x12"


@pytest.mark.parametrize("by", ["usblp", "libusb"])
def test_a_printer_that_is_pulled_is_gone(printer: PrinterGadget, by: str) -> None:
    if by == "libusb":
        unbind()
    watch = poller("escpos", PRINTER)
    with open_port(PRINTER, LINE) as port:
        printer.unplug()
        with pytest.raises(PortGone):
            ask_on(port)
    assert watch.poll().contact is Contact.MISSING
    assert exists(PRINTER) is False


# A HID drawer on a hidraw file


def test_a_hid_drawer_is_read_and_told_nothing() -> None:
    with HidDrawer() as drawer:
        until(lambda: Path("/dev/hidraw0").exists(), "no hidraw file")
        watch = poller("posiflex_hid", DRAWER)
        until(lambda: watch.poll().contact is Contact.OK, "the drawer does not answer")
        assert watch.poll().state.drawer_open is False
        drawer.machine.set_faults({"drawer_open": True})
        assert watch.poll().state.drawer_open is True
        assert drawer.machine.forbidden == []
    until(lambda: not Path("/dev/hidraw0").exists(), "the hidraw file stays")
    assert watch.poll().contact is Contact.MISSING


def test_a_hid_drawer_that_another_program_has_is_in_use() -> None:
    with HidDrawer() as drawer:
        until(lambda: Path("/dev/hidraw0").exists(), "no hidraw file")
        holder = Holder(HOLD, "/dev/hidraw0")
        with pytest.raises(PortHeld):
            open_port(DRAWER, LINE)
        assert drawer.machine.received == 0
        holder.let_go()
        with open_port(DRAWER, LINE):
            pass


# An FTDI adapter that QEMU emulates, with an emulated printer behind it


ADAPTERS = Path("/sys/bus/usb-serial/devices")


def adapter() -> str:
    (found,) = ADAPTERS.iterdir()
    return f"/dev/{found.name}"


def tell(word: str) -> None:
    """To the rig outside, past what catches the output of tests."""
    Path("/dev/ttyS0").write_text(f"\n@@ {word}\n")


def present() -> bool:
    return any(ADAPTERS.iterdir())


def test_a_modem_line_of_a_real_driver_is_read_without_a_byte() -> None:
    until(present, "no adapter")
    with open_port(f"signals:{adapter()}", LINE) as port:
        (lines,) = port.read(1.0)
        assert lines & 0x10  # the emulated adapter says CTS


def test_a_serial_adapter_that_is_pulled_is_gone_and_comes_back() -> None:
    until(present, "no adapter")
    port = adapter()
    watch = poller("escpos", port)
    until(lambda: watch.poll().contact is Contact.OK, "the printer behind the adapter does not answer")
    with open_port(port, LINE) as opened:
        tell("unplug")
        until(lambda: not present(), "the adapter stays")
        with pytest.raises(PortGone):
            ask_on(opened)
    assert watch.poll().contact is Contact.MISSING
    tell("plug")
    until(present, "the adapter does not come back")
    until(lambda: watch.poll().contact is Contact.OK, "the printer does not come back")

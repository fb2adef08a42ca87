"""The USB port against an emulated printer of the USB printer class, over USB/IP on loopback."""

from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from usb.core import USBError

from agent.config import Device
from agent.devices import profile_store
from agent.devices.poller import Poller
from agent.devices.prober import probe
from agent.ports import exists, open_port, usb_bus, usb_library, usb_sysfs
from agent.runtime.clock import SystemClock
from protocols.device.family import Serial
from protocols.device.registry import FAMILIES
from protocols.errors import PortDenied, PortError, PortGone, PortHeld
from protocols.wire.v1 import Contact
from tests.agent.ports.virtual_usb import Bus

pytestmark = pytest.mark.xdist_group("usb")
LINE = Serial(bauds=(9600,))
ADDRESS = "usb:04b8:0e15"
SERIAL = "X4TJ012345"
ESCPOS = FAMILIES["escpos"]


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bus]:
    """Without sysfs, as on Windows: all is known by libusb alone."""
    made = Bus()
    monkeypatch.setattr(usb_library, "library", made.library)
    monkeypatch.setattr(usb_sysfs, "ROOT", tmp_path / "no-sysfs")
    yield made
    made.forget()
    made.unplug()


@pytest.fixture
def plugged(bus: Bus) -> Bus:
    bus.plug_in()
    return bus


def poller() -> Poller:
    device = Device(id="printer", family="escpos", port=f"{ADDRESS}:{SERIAL}", poll_s=0.5)
    return Poller(device, ESCPOS, profile_store.load()["escpos"], SystemClock(), jitter=lambda low, _: low)


def test_bytes_go_both_ways_over_the_endpoints_that_the_printer_names(plugged: Bus) -> None:
    with open_port(ADDRESS, LINE) as port:
        port.write(b"\x10\x04\x01")
        assert port.read(2.0) == b"\x12"
        assert not port.contended()
        assert plugged.backend
        assert plugged.backend.claims == 1
    assert plugged.backend.claims == 0
    assert plugged.call("/forbidden") == []


def test_an_empty_packet_is_no_answer(bus: Bus) -> None:
    bus.plug_in("--serial", SERIAL, "--empty-first", "3")
    with open_port(ADDRESS, LINE) as port:
        port.write(b"\x10\x04\x01")
        assert port.read(2.0) == b"\x12"


def test_empty_packets_without_end_do_not_make_the_wait_longer(bus: Bus) -> None:
    """Each comes at once; a wait of 0.2 s has room for ten of them, and two for a late timer."""
    bus.plug_in("--serial", SERIAL, "--empty-first", "200")
    assert bus.backend
    with open_port(ADDRESS, LINE) as port:
        port.write(b"\x10\x04\x01")
        before = bus.backend.reads
        assert port.read(0.2) == b""
        assert 2 <= bus.backend.reads - before <= 12


def test_silence_is_nothing(plugged: Bus) -> None:
    with open_port(ADDRESS, LINE) as port:
        assert port.read(0.05) == b""


def test_it_is_listed_with_what_it_says_of_itself(plugged: Bus) -> None:
    (found,) = usb_bus.printers(ask=True)
    assert (found.port, found.name, found.kind) == (f"{ADDRESS}:{SERIAL}", "EPSON TM-T20II", (7, 1, 2))
    assert found.device_id
    assert found.device_id.commands == ("ESC/POS",)
    assert found.device_id.maker == "EPSON"
    assert plugged.call("/forbidden") == []


def test_the_probe_reads_it_and_tells_what_the_port_says(plugged: Bus) -> None:
    plugged.call("/faults", {"paper_end": True})
    finding = probe(f"{ADDRESS}:{SERIAL}", [ESCPOS], profile_store.load(), SystemClock())
    assert finding.faults == ("printer.paper_end", "printer.offline")
    assert "its USB port says (30h): paper end, selected, error" in finding.why
    assert plugged.call("/forbidden") == []


def test_a_poller_follows_it_through_unplugging(bus: Bus) -> None:
    watch = poller()
    assert watch.poll().contact is Contact.MISSING
    bus.plug_in()
    assert watch.poll().contact is Contact.OK
    reading = watch.poll()
    assert (reading.identity.serial, reading.state.paper_end) == (SERIAL, False)
    bus.unplug()
    gone = watch.poll()  # the system has not noticed yet: its number cannot be read any more
    assert gone.contact in (Contact.MISSING, Contact.UNKNOWN)
    bus.forget()
    assert watch.poll().contact is Contact.MISSING
    bus.plug_in()
    back = watch.poll()
    assert back.contact is Contact.OK
    assert bus.call("/forbidden") == []


def test_a_printer_that_goes_while_it_is_read_is_gone(plugged: Bus) -> None:
    with open_port(ADDRESS, LINE) as port:
        plugged.unplug()
        with pytest.raises(PortGone):
            port.write(b"\x10\x04\x01")
        with pytest.raises(PortGone):
            port.read(0.1)


def test_a_printer_that_another_program_claimed_is_in_use(plugged: Bus) -> None:
    assert plugged.backend
    plugged.backend.taken = True
    before = plugged.call("/state")["received_bytes"]
    with pytest.raises(PortHeld):
        open_port(ADDRESS, LINE)
    assert poller().poll().contact is Contact.IN_USE
    assert plugged.call("/state")["received_bytes"] == before
    plugged.backend.taken = False  # the control: once it is free, we get it
    with open_port(ADDRESS, LINE):
        assert plugged.backend.claims == 1


@pytest.mark.parametrize("address", [f"{ADDRESS}:OTHER", "usb:04b8:0202"])
def test_another_serial_or_number_is_not_it(plugged: Bus, address: str) -> None:
    with pytest.raises(PortGone):
        open_port(address, LINE)
    assert exists(address) is False
    assert exists(ADDRESS) is True


def test_a_serial_number_that_cannot_be_read_is_not_taken_for_the_right_one(
    plugged: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    (seen,) = usb_bus.printers()
    monkeypatch.setattr(usb_library, "printers", lambda ids: [replace(seen, serial=None)])
    with pytest.raises(PortError) as caught:
        open_port(f"{ADDRESS}:{SERIAL}", LINE)
    assert caught.value.code == "port.unreadable"
    assert exists(f"{ADDRESS}:{SERIAL}") is None


def test_of_two_equal_printers_none_is_taken(bus: Bus) -> None:
    bus.plug_in("--serial", "A1", "--serial", "B2")
    with pytest.raises(PortError) as caught:
        open_port(ADDRESS, LINE)
    assert caught.value.code == "port.ambiguous"
    assert "serial A1" in str(caught.value)
    assert "serial B2" in str(caught.value)
    with open_port(f"{ADDRESS}:B2", LINE) as port:
        port.write(b"\x10\x04\x01")
        assert port.read(2.0) == b"\x12"
    assert [bus.call("/state", number=n)["received_bytes"] for n in (0, 1)] == [0, 3]


def test_a_printer_without_a_way_back_is_refused(bus: Bus) -> None:
    bus.plug_in("--serial", SERIAL, "--one-way")
    with pytest.raises(PortError) as caught:
        open_port(ADDRESS, LINE)
    assert caught.value.code == "port.one_way"


def test_the_emulator_records_a_reset(plugged: Bus) -> None:
    """The control of every empty list of forbidden things."""
    library = usb_library.library()
    (device,) = library.enumerate_devices()
    setting = usb_library.best_setting(library, device)
    assert setting
    with usb_library.claimed(library, setting, "it") as handle, pytest.raises(USBError):
        library.ctrl_transfer(handle, 0x21, 2, 0, 0, array("B"), 500)
    assert plugged.call("/forbidden") == ["request 21 02"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (USBError("busy", -6, 16), PortHeld),
        (USBError("access", -3, 13), PortDenied),
        (USBError("no device", -4, 19), PortGone),
        (USBError("not found", -5, 2), PortGone),
        (USBError("the device is dead"), PortGone),
        (NotImplementedError("not supported"), PortHeld),
    ],
)
def test_the_failures_of_libusb_are_told_apart(error: Exception, kind: type[PortError]) -> None:
    assert type(usb_library.failure("it", error)) is kind


def test_on_windows_a_refusal_is_a_port_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usb_library.sys, "platform", "win32")
    assert type(usb_library.failure("it", USBError("access", -3, 13))) is PortHeld

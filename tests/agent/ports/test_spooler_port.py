"""Windows' spooler: the look at it is replaced; what Windows itself answers stands in docs/limits.md."""

import struct
import sys
from collections.abc import Callable

import pytest

from agent.config import Device
from agent.devices import profile_store
from agent.devices.poller import Poller
from agent.ports import open_port, spooler_port
from agent.ports.spooler_port import Queue, SpoolerError, SpoolerPort
from protocols.device.family import Serial
from protocols.device.registry import FAMILIES
from protocols.errors import PortDenied, PortError, PortGone, UsageError
from protocols.wire.v1 import Contact
from tests.agent.devices.bench import SkewedClock
from tests.emulators.windows_spooler import WindowsSpooler

LINE = Serial(bauds=(9600,))
PRINTER = "EPSON TM-T20III Receipt"


def failing(number: int) -> Callable[[str], Queue]:
    def look(printer: str) -> Queue:
        raise SpoolerError(number)

    return look


def test_a_look_gives_status_attributes_and_driver() -> None:
    with SpoolerPort(PRINTER, lambda name: Queue(0x10, 0x840, f"driver of {name}")) as port:
        assert port.read(0.5) == struct.pack("<II", 0x10, 0x840) + f"driver of {PRINTER}\0".encode()
        assert not port.contended()


def test_a_long_name_is_cut_and_a_broken_one_does_no_harm() -> None:
    for name in ("ā" * 500, "x\ud800y", "a\0b"):
        read = SpoolerPort(PRINTER, lambda _, name=name: Queue(0, 0, name)).read(0)
        assert FAMILIES["windows_spooler"].codec.parse(read, direction="device_to_host")  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [b"", b"x"])
def test_nothing_can_be_printed(data: bytes) -> None:
    with SpoolerPort(PRINTER, lambda name: Queue(0, 0, "")) as port, pytest.raises(UsageError):
        port.write(data)


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (1801, PortGone, "port.gone"),
        (5, PortDenied, "port.denied"),
        (1722, PortError, "port.spooler_stopped"),
        (1062, PortError, "port.spooler_stopped"),
        (87, PortError, "port.spooler"),
    ],
)
def test_why_windows_tells_nothing_is_told_apart(number: int, kind: type[PortError], code: str) -> None:
    with pytest.raises(kind) as caught:
        SpoolerPort(PRINTER, failing(number))
    assert (type(caught.value), caught.value.code) == (kind, code)


@pytest.mark.skipif(sys.platform == "win32", reason="there it works")
def test_elsewhere_than_on_windows_the_reason_is_told() -> None:
    with pytest.raises(PortError, match="on Windows only") as caught:
        open_port(f"spooler:{PRINTER}", LINE)
    assert caught.value.code == "port.unsupported"


# From the configuration to the state


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> WindowsSpooler:
    machine = WindowsSpooler()

    def look(printer: str) -> Queue:
        if printer != PRINTER:
            raise SpoolerError(1801)
        raw = machine.receive(b"")
        status, attributes = struct.unpack("<II", raw[:8])
        return Queue(status, attributes, raw[8:-1].decode())

    monkeypatch.setattr(spooler_port, "_windows", lambda: look)
    return machine


def poller(printer: str = PRINTER) -> Poller:
    device = Device(id="receipt", family="windows_spooler", port=f"spooler:{printer}")
    profiles = profile_store.load()["windows_spooler"]
    return Poller(device, FAMILIES["windows_spooler"], profiles, SkewedClock())


def test_a_fault_and_its_end_come_through_the_spooler(queue: WindowsSpooler) -> None:
    watch = poller()
    for out in (False, True, False):
        queue.set_faults({"paper_end": out})
        reading = [watch.poll() for _ in range(3)][-1]
        assert (reading.contact, reading.state.paper_end) == (Contact.OK, out)
    assert queue.forbidden == []


def test_through_a_one_way_driver_what_is_not_said_is_unknown(queue: WindowsSpooler) -> None:
    queue.set_behaviour({"one_way": True})
    reading = [poller().poll() for _ in range(3)][-1]
    assert reading.contact is Contact.OK
    assert reading.state.paper_end is reading.state.cover_open is reading.state.online is None


def test_a_printer_that_was_removed_is_missing(queue: WindowsSpooler) -> None:
    assert poller("Another").poll().contact is Contact.MISSING

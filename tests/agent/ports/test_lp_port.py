"""The port over the device file of the kernel's printer driver: a pty stands in for the file, which shows what
the port does with it and not what the driver does."""

import errno
import os
import tty
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.config.address import UsbAddress
from agent.ports import usb_sysfs
from agent.ports.lp_port import LpPort
from agent.ports.usb_bus import find, present, printers
from agent.ports.usb_port import open_usb
from agent.ports.usb_printer import UsbPrinter, status_words
from protocols.errors import PortDenied, PortError, PortGone, PortHeld

KIND = (7, 1, 2)


def printer(lp: str, kind: tuple[int, int, int] = KIND) -> UsbPrinter:
    return UsbPrinter(0x04B8, 0x0E15, "S1", "EPSON", "TM-T20II", 1, 5, "1-1", 0, kind, driver="usblp", lp=lp)


@dataclass
class Peer:
    master: int
    path: str


@pytest.fixture
def peer() -> Iterator[Peer]:
    master, slave = os.openpty()
    tty.setraw(slave)
    yield Peer(master, os.ttyname(slave))
    os.close(slave)
    os.close(master)


def test_bytes_go_both_ways(peer: Peer) -> None:
    with LpPort(printer(peer.path)) as port:
        port.write(b"\x10\x04\x01")
        assert os.read(peer.master, 10) == b"\x10\x04\x01"
        os.write(peer.master, b"\x12")
        assert port.read(2.0) == b"\x12"
        assert port.read(0.01) == b""
        assert port.tells() == ()  # a pty has no port status
        port.close()
        port.close()


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.EBUSY, PortHeld), (errno.EACCES, PortDenied), (errno.ENODEV, PortGone), (errno.ENOENT, PortGone)],
)
def test_why_the_file_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch, number: int, kind: type[PortError]
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(kind):
        LpPort(printer("/dev/usb/lp0"))


def test_a_printer_that_went_is_gone() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    with LpPort(printer(os.ttyname(slave))) as port:
        os.close(slave)
        os.close(master)
        with pytest.raises(PortGone):
            port.read(0.1)


def test_a_one_way_interface_is_refused(peer: Peer) -> None:
    with pytest.raises(PortError) as caught:
        LpPort(printer(peer.path, (7, 1, 1)))
    assert caught.value.code == "port.one_way"


# What sysfs shows decides the way


@pytest.fixture
def sysfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "devices"
    device, interface = root / "1-1", root / "1-1:1.0"
    device.mkdir(parents=True)
    interface.mkdir()
    for name, text in {
        "idVendor": "04b8", "idProduct": "0e15", "serial": "S1", "manufacturer": "EPSON",
        "product": "TM-T20II", "busnum": "1", "devnum": "5",
    }.items():  # fmt: skip
        (device / name).write_text(text + "\n")
    for name, text in {
        "bInterfaceClass": "07", "bInterfaceSubClass": "01", "bInterfaceProtocol": "02",
        "bInterfaceNumber": "00",
    }.items():  # fmt: skip
        (interface / name).write_text(text + "\n")
    (interface / "ieee1284_id").write_text("MFG:EPSON;CMD:ESC/POS;MDL:TM-T20II;\n")
    monkeypatch.setattr(usb_sysfs, "ROOT", root)
    return interface


def drive(interface: Path, driver: str) -> None:
    (interface / "driver").symlink_to(f"../../bus/usb/drivers/{driver}")


def test_sysfs_tells_all_without_opening(sysfs: Path) -> None:
    (found,) = printers()
    assert (found.port, found.path, found.kind, found.driver) == ("usb:04b8:0e15:S1", "1-1", KIND, "")
    assert found.device_id
    assert found.device_id.commands == ("ESC/POS",)
    assert present(0x04B8, 0x0E15, "S1") is True
    assert present(0x04B8, 0x0E15, "S2") is False
    assert find(0x04B8, 0x0E15) == found


def test_the_file_of_the_kernels_driver_is_taken_where_there_is_one(
    sysfs: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive(sysfs, "usblp")
    (sysfs / "usbmisc" / "lp3").mkdir(parents=True)
    opened: list[str] = []
    original = os.open
    monkeypatch.setattr(
        os, "open", lambda path, flags: (opened.append(str(path)), original(peer.path, flags))[1]
    )
    with open_usb(UsbAddress(0x04B8, 0x0E15)) as port:
        assert opened == ["/dev/usb/lp3"]
        port.write(b"\x10\x04\x01")


@pytest.mark.parametrize("driver", ["usbfs", "ipp-usb"])
def test_whoever_has_the_interface_keeps_it(sysfs: Path, driver: str) -> None:
    """usbfs: another program through libusb."""
    drive(sysfs, driver)
    with pytest.raises(PortHeld):
        open_usb(UsbAddress(0x04B8, 0x0E15))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0x18, "paper, selected, no error"),
        (0x30, "paper end, selected, error"),
        (0x08, "paper, not selected, no error"),
    ],
)
def test_the_port_status_in_words(status: int, words: str) -> None:
    assert status_words(status) == f"its USB port says ({status:02X}h): {words}"

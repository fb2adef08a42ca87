"""What the operating system tells of pretended devices: each test is a program of its own under umockdev."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from agent.ports.discovery import Sighting, is_at
from protocols.device.family import Way
from tests.agent.ports import pretended

LOOK = """
import dataclasses, json, sys
from agent.ports.discovery import look
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
found = look(sys.argv[1:])
names = [field.name for field in dataclasses.fields(found[0])]
seen = [{name: getattr(s, name) for name in names} for s in found]
for s in seen:
    s["device_id"] = dict(s["device_id"].fields) if s["device_id"] else None
print(json.dumps({"seen": seen, "opened": [name for name in opened if name.startswith("/dev/")]}, default=str))
"""


def looked(devices: Sequence[str] = pretended.EVERYTHING, *listed: str) -> dict[str, Any]:
    done = pretended.run([sys.executable, "-c", LOOK, *listed], devices)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def seen(*devices: str) -> dict[str, Any]:
    """The one sighting of these devices."""
    found = [s for s in looked(devices)["seen"] if s["vid"]]
    assert len(found) == 1
    return dict(found[0])


def test_everything_is_seen_and_nothing_is_opened() -> None:
    found = looked()
    ids = {(s["way"], s["vid"], s["pid"]) for s in found["seen"] if s["vid"]}
    assert ids == {
        ("serial", 0x0403, 0x6001),
        ("serial", 0x1A86, 0x7523),
        ("serial", 0x1424, 0x100B),
        ("usb", 0x04B8, 0x0E15),
        ("hid", 0x0D3A, 0x0207),
    }
    assert found["opened"] == []


def test_a_serial_number_gives_a_name_by_id() -> None:
    port = seen("ftdi_fiscal")
    assert port["address"] == "/dev/serial/by-id/usb-Datecs_Fiscal_Printer_DT700001-if00-port0"
    assert port["names"][0] == "/dev/ttyUSB0"
    assert len(port["names"]) == 3
    assert (port["maker"], port["product"], port["serial"]) == ("Datecs", "Fiscal Printer", "DT700001")
    assert (port["location"], port["interface"], port["held"]) == ("1-1", None, False)


def test_without_a_serial_number_the_socket_gives_the_name() -> None:
    """Two such adapters would share one name by id."""
    port = seen("ch340")
    assert port["address"] == "/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0"
    assert "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0" in port["names"]


def test_an_interface_among_several_has_a_number() -> None:
    port = seen("posnet")
    assert (port["interface"], port["location"]) == (0, "1-5")


def test_a_usb_printer_tells_its_ieee_1284_id() -> None:
    printer = seen("epson_printer")
    assert printer["address"] == "usb:04b8:0e15:4E4C4B593132333435"
    assert "/dev/usb/lp0" in printer["names"]
    assert printer["printer_class"] is True
    assert printer["device_id"]["CMD"] == "ESC/POS"
    assert printer["held"] is False


def test_a_hid_drawer_is_seen_by_its_own_usage_page() -> None:
    drawer = seen("posiflex_drawer")
    assert (drawer["way"], drawer["names"]) == ("hid", ["hid:0d3a:0207", "/dev/hidraw0"])
    assert drawer["held"] is False
    assert "Cash Drawer" in drawer["product"]


def test_a_listed_port_is_seen_once_by_whatever_name() -> None:
    listed = (
        "/dev/ttyUSB0",
        "/dev/serial/by-id/usb-Datecs_Fiscal_Printer_DT700001-if00-port0",
        "socket://h:1",
    )
    ways = [s["way"] for s in looked(["ftdi_fiscal"], *listed)["seen"] if s["vid"] or s["listed_only"]]
    assert ways == ["serial", "tcp"]


@pytest.mark.parametrize(
    ("port", "name", "same"),
    [
        ("com3", "COM3", True),
        (r"\\.\COM12", "COM12", True),
        ("signals:COM3", "COM3", True),
        ("COM3", "COM30", False),
        ("usb:04B8:0E15", "usb:04b8:0e15:A1", True),
        ("usb:04b8:0e15:A", "usb:04b8:0e15:A1", False),
        ("socket://h:1", "socket://h:2", False),
    ],
)
def test_a_port_is_known_by_all_its_spellings(port: str, name: str, same: bool) -> None:
    assert is_at(port, Sighting(way=Way.SERIAL, address=name, names=(name,))) is same

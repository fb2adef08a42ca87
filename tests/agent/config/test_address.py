"""What a port address says, what it may not be, and which families a kind of port reaches."""

import re
from pathlib import Path

import pytest

from agent.config import load
from agent.config.address import (
    ALLOWED,
    Address,
    HidAddress,
    HttpAddress,
    SerialAddress,
    SignalAddress,
    SpoolerAddress,
    TcpAddress,
    UsbAddress,
    parse,
    place,
    product,
)
from protocols.device.family import Ports, Serial, Way
from protocols.errors import ConfigError

KNOWN: list[tuple[str, Address]] = [
    ("/dev/serial/by-id/usb-FTDI_FT232R-if00", SerialAddress("/dev/serial/by-id/usb-FTDI_FT232R-if00")),
    ("COM3", SerialAddress("COM3")),
    ("COM10", SerialAddress("COM10")),
    ("com256", SerialAddress("com256")),
    (r"\\.\COM10", SerialAddress(r"\\.\COM10")),
    ("socket://[::1]:9100", TcpAddress("::1", 9100)),
    ("usb:04B8:0e15", UsbAddress(0x04B8, 0x0E15)),
    ("usb:04b8:0e15:J3:41/2", UsbAddress(0x04B8, 0x0E15, "J3:41/2")),
    ("hid:0d3a:0207", HidAddress(0x0D3A, 0x0207)),
    ("hid:0d3a:0207:A1", HidAddress(0x0D3A, 0x0207, "A1")),
    ("signals:/dev/ttyS0", SignalAddress("/dev/ttyS0")),
    ("signals:COM12", SignalAddress("COM12")),
    ("spooler:EPSON TM-T20III Receipt", SpoolerAddress("EPSON TM-T20III Receipt")),
    (r"spooler:\\KASE1\Čeku printeris", SpoolerAddress(r"\\KASE1\Čeku printeris")),
    ("http://127.0.0.1:8001/printers/dt517985", HttpAddress("127.0.0.1", 8001, "/printers/dt517985")),
    ("http://localhost:8001/printers/a_1/", HttpAddress("localhost", 8001, "/printers/a_1")),
    ("http://[fe80::1]:8001/printers/a", HttpAddress("fe80::1", 8001, "/printers/a")),
    ("http://192.168.4.9:80/p", HttpAddress("192.168.4.9", 80, "/p")),
    ("http://172.31.0.1:8001/p", HttpAddress("172.31.0.1", 8001, "/p")),
]


@pytest.mark.parametrize(("text", "means"), KNOWN, ids=[text for text, _ in KNOWN])
def test_what_an_address_means(text: str, means: Address) -> None:
    assert parse(text) == means


@pytest.mark.parametrize(
    "text",
    [
        "", "ttyUSB0", "/dev/", "COM0", "COM1000", r"\\.\NUL", "socket://h", "socket://h:0",
        "usb:4b8:0202", "usb:04b8", "usb:04b8:0202:", "usb:04b8:0202:a b", "hid:0d3a:02g7",
        "signals:", "signals:ttyS0", "signals:socket://h:1", "spooler:", "spooler: x", "spooler:a\nb",
        "spooler:" + "x" * 221, "http://127.0.0.1/p", "http://127.0.0.1:8001", "http://127.0.0.1:8001/",
        "http://127.0.0.1:8001/a/../b?x=1", "http://127.0.0.1:8001/a/../b", "http://127.0.0.1:8001/..",
        "http://127.0.0.1:99999/p", "http://a@127.0.0.1:8001/p",
        "https://127.0.0.1:8001/p", "http:", "http://300.1.1.1:8001/p",
    ],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no port address|outside the shop"):
        parse(text)


@pytest.mark.parametrize("host", ["8.8.8.8", "172.32.0.1", "192.0.2.1", "[2001:db8::1]", "0.0.0.0"])
def test_plain_http_stays_in_the_shop(host: str) -> None:
    with pytest.raises(ValueError, match="plain http goes to a loopback or private address"):
        parse(f"http://{host}:8001/printers/a")


def test_a_name_is_no_neighbour() -> None:
    """Whoever answers for the name could answer."""
    with pytest.raises(ValueError, match="a neighbour is http://ADDRESS:PORT/PATH"):
        parse("http://till-2.example:8001/printers/a")


def test_every_kind_of_address_is_among_what_is_allowed() -> None:
    for way, text in {
        Way.SERIAL: "/dev/tty", Way.TCP: "socket:", Way.USB: "usb:", Way.HID: "hid:",
        Way.SIGNALS: "signals:", Way.SPOOLER: "spooler:", Way.HTTP: "http:",
    }.items():  # fmt: skip
        assert text in ALLOWED, way


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("COM10", r"\\.\com10"),
        ("COM3", "signals:com3"),
        ("/dev/ttyS0", "signals:/dev/ttyS0"),
        ("usb:04B8:0202", "usb:04b8:0202"),
        ("http://127.0.0.1:8001/p", "http://127.0.0.1:8001/p/"),
    ],
)
def test_one_port_is_one_place_however_it_is_written(one: str, other: str) -> None:
    assert place(one) == place(other)


def test_other_ports_are_other_places() -> None:
    addresses = ["COM1", "COM10", "/dev/ttyS0", "/dev/TTYS0", "usb:04b8:0202", "usb:04b8:0202:1", "spooler:a"]
    assert len({place(text) for text in addresses}) == len(addresses)


def test_the_product_is_that_of_a_usb_address() -> None:
    assert [product(text) for text in ("hid:0d3a:0203", "usb:04b8:0202", "COM3")] == [0x0203, 0x0202, None]


def test_a_family_is_reached_by_what_its_ports_say() -> None:
    line = Serial((9600,))
    assert Ports(serial=line).ways == (Way.SERIAL, Way.TCP)
    assert Ports(tcp=(9100,), usb_printer_class=True).ways == (Way.TCP, Way.USB)
    assert Ports(messages=(Way.HID,)).ways == (Way.HID,)
    assert Ports(messages=(Way.HID,)).whole_messages
    assert not Ports(serial=line, messages=(Way.HID,)).whole_messages


EXAMPLE = Path(__file__).parents[3] / "config" / "agent.example.toml"


def test_the_example_shows_every_other_kind_of_port(tmp_path: Path) -> None:
    """Each block, with its "# " taken away, is a device that the configuration takes."""
    text = EXAMPLE.read_text("utf-8")
    _, *blocks = re.split(r"^# \[\[device\]\]\n", text, flags=re.MULTILINE)
    ways = []
    for block in blocks:
        lines = re.match(r"(?:# .+ = .+\n)+", block)
        assert lines, block[:80]
        table = "".join(line[2:] for line in lines[0].splitlines(keepends=True))
        path = tmp_path / "agent.toml"
        path.write_text(f'[collector]\nurl = "https://c.example"\n[[device]]\n{table}', "utf-8")
        ways.append(parse(load(path).devices[0].port).way)
    assert ways == [Way.USB, Way.HID, Way.SIGNALS, Way.HTTP, Way.SPOOLER]


def device(family: str, port: str) -> str:
    return (
        '[collector]\nurl = "https://c.example"\n'
        f'[[device]]\nid = "x"\nfamily = "{family}"\nport = "{port}"\n'
    )


def test_a_family_on_a_port_that_does_not_reach_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(device("tremol_zfp", "usb:04b8:0202"), "utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    said = str(caught.value)
    assert (
        "device[x]: family 'tremol_zfp' is not reached by a port of the kind usb, but by serial, tcp" in said
    )
    assert "allowed: for usb: escpos" in said


def test_the_same_family_on_a_port_that_reaches_it_is_not(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    for port in ("/dev/ttyS0", "socket://192.0.2.1:4001"):
        path.write_text(device("tremol_zfp", port), "utf-8")
        assert load(path).devices[0].port == port


def test_two_devices_on_one_port_are_refused_however_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    second = '[[device]]\nid = "y"\nfamily = "escpos"\nport = "com3"\n'
    path.write_text(device("escpos", "COM3") + second, "utf-8")
    with pytest.raises(ConfigError, match="number 2 has the same port 'com3'"):
        load(path)

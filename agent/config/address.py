"""What a port address may look like. Says what is meant, not whether it exists."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import ClassVar

from protocols.device.family import Ports, Way

ALLOWED = (
    "/dev/ttyUSB0, COM3, socket://HOST:PORT, usb:VID:PID[:SERIAL], hid:VID:PID[:SERIAL], signals:/dev/ttyS0,"
    " spooler:PRINTER NAME, http://127.0.0.1:PORT/PATH"
)

_SOCKET = re.compile(r"socket://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
_HTTP = re.compile(
    r"http://(\[[0-9A-Fa-f:.]+\]|[0-9.]+|localhost):(\d{1,5})((?:/(?!\.+(?:/|$))[A-Za-z0-9._~-]+)+)/?"
)
_WINDOWS = re.compile(r"(?:\\\\\.\\)?COM[1-9]\d{0,2}", re.IGNORECASE)
_DEVICE = re.compile(r"([0-9A-Fa-f]{4}):([0-9A-Fa-f]{4})(?::([!-~]{1,126}))?")
_PRINTER = re.compile(r"[^\x00-\x1f\x7f]{1,220}")
_NEAR = tuple(
    map(
        ip_network,
        (
            "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
            "::1/128", "fc00::/7", "fe80::/10",
        ),
    )
)  # fmt: skip
"""Loopback (RFC 1122), private (RFC 1918, RFC 4193) and link-local (RFC 3927, RFC 4291) networks."""


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """`path`: a device file, or a Windows port name."""

    path: str
    way: ClassVar[Way] = Way.SERIAL


@dataclass(frozen=True, slots=True)
class TcpAddress:
    host: str
    port: int
    way: ClassVar[Way] = Way.TCP


@dataclass(frozen=True, slots=True)
class UsbAddress:
    """A printer of the USB printer class. `serial` "": whichever has these ids."""

    vid: int
    pid: int
    serial: str = ""
    way: ClassVar[Way] = Way.USB


@dataclass(frozen=True, slots=True)
class HidAddress:
    vid: int
    pid: int
    serial: str = ""
    way: ClassVar[Way] = Way.HID


@dataclass(frozen=True, slots=True)
class SignalAddress:
    """The modem lines of the serial port `path`; nothing is written to it."""

    path: str
    way: ClassVar[Way] = Way.SIGNALS


@dataclass(frozen=True, slots=True)
class SpoolerAddress:
    """A printer of the Windows spooler, by the name that Windows shows."""

    printer: str
    way: ClassVar[Way] = Way.SPOOLER


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """One printer at a neighbour program, `path` without a slash at its end. Plain HTTP is neither secret nor
    signed, so the host is an address of this computer or of the shop's own network: a name, or an address
    outside, could be answered by anybody."""

    host: str
    port: int
    path: str
    way: ClassVar[Way] = Way.HTTP


Address = SerialAddress | TcpAddress | UsbAddress | HidAddress | SignalAddress | SpoolerAddress | HttpAddress


@lru_cache(maxsize=64)
def parse(text: str) -> Address:
    """ValueError, with a text for a person, where the address is of no known kind."""
    found = _stream(text) or _messages(text)
    if found is None:
        raise ValueError(f"{text!r} is no port address")
    return found


def place(text: str) -> str:
    """What two addresses share that are one port: letter case, and the lines of a serial port, are no
    difference. ValueError as `parse`."""
    match parse(text):
        case SerialAddress(path) | SignalAddress(path):
            return path.upper().removeprefix("\\\\.\\") if _WINDOWS.fullmatch(path) else path
        case UsbAddress(vid, pid, serial) | HidAddress(vid, pid, serial):
            return f"usb:{vid:04x}:{pid:04x}:{serial}"
        case _:
            return text.rstrip("/")


def reaches(found: Address, ports: Ports) -> bool:
    """Whether a family with these ports may be asked at this address. Of HID devices only those that the family
    names: what a report does to another one, such as a keyboard, nobody knows."""
    known = not isinstance(found, HidAddress) or (found.vid, found.pid) in ports.vid_pids
    return found.way in ports.ways and known


def product(text: str) -> int | None:
    """The USB product id that the address names. ValueError as `parse`."""
    match parse(text):
        case UsbAddress(_, pid, _) | HidAddress(_, pid, _):
            return pid
        case _:
            return None


def _stream(text: str) -> Address | None:
    """Bytes come and go as they like."""
    kind, _, rest = text.partition(":")
    if _is_serial(text):
        return SerialAddress(text)
    if match := _SOCKET.fullmatch(text):
        port = _port(match[2])
        return TcpAddress(match[1].strip("[]"), port) if port else None
    if kind == "usb" and (match := _DEVICE.fullmatch(rest)):
        return UsbAddress(int(match[1], 16), int(match[2], 16), match[3] or "")
    return None


def _messages(text: str) -> Address | None:
    """Whole messages come and go."""
    kind, _, rest = text.partition(":")
    if kind == "hid" and (match := _DEVICE.fullmatch(rest)):
        return HidAddress(int(match[1], 16), int(match[2], 16), match[3] or "")
    if kind == "signals" and _is_serial(rest):
        return SignalAddress(rest)
    if kind == "spooler" and _PRINTER.fullmatch(rest) and rest == rest.strip():
        return SpoolerAddress(rest)
    return _http(text) if kind == "http" else None


def _is_serial(text: str) -> bool:
    return bool((text.startswith("/") and not text.endswith("/")) or _WINDOWS.fullmatch(text))


def _port(digits: str) -> int | None:
    return int(digits) if 0 < int(digits) < 65536 else None


def _http(text: str) -> Address | None:
    match = _HTTP.fullmatch(text)
    port = _port(match[2]) if match else None
    if match is None or port is None:
        raise ValueError(f"{text!r} is no port address: a neighbour is http://ADDRESS:PORT/PATH")
    host = match[1].strip("[]")
    if host != "localhost" and not is_near(host):
        raise ValueError(f"{text!r} is outside the shop: plain http goes to a loopback or private address")
    return HttpAddress(host, port, match[3])


def is_ipv4(host: str) -> bool:
    try:
        return ip_address(host).version == 4
    except ValueError:
        return False


def is_near(host: str) -> bool:
    """Whether this is an address (no name) of this computer or of a private network."""
    try:
        found = ip_address(host)
    except ValueError:
        return False
    return any(found in network for network in _NEAR if network.version == found.version)

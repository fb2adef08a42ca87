"""What a port address may look like. Says what is meant, not whether it exists."""

import re
from dataclasses import dataclass

ALLOWED = "/dev/ttyUSB0, COM3, socket://HOST:PORT"

_SOCKET = re.compile(r"socket://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
_WINDOWS = re.compile(r"COM[1-9]\d{0,2}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """`path`: a device file, or a Windows port name."""

    path: str


@dataclass(frozen=True, slots=True)
class TcpAddress:
    host: str
    port: int


Address = SerialAddress | TcpAddress


def parse(text: str) -> Address:
    """ValueError, with a text for a person, where the address is of no known kind."""
    if (text.startswith("/") and not text.endswith("/")) or _WINDOWS.fullmatch(text):
        return SerialAddress(text)
    match = _SOCKET.fullmatch(text)
    if match and 0 < int(match[2]) < 65536:
        return TcpAddress(match[1].strip("[]"), int(match[2]))
    raise ValueError(f"{text!r} is no port address")

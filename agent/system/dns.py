"""Asks a name server one question, to see whether it answers at all. What it answers does not matter here."""

import secrets
import socket
import struct
from time import perf_counter

_PORT = 53
_FAILED = {2, 5}
"""SERVFAIL and REFUSED: it is there and answers nothing (RFC 1035, section 4.1.1)."""


def question(name: str, number: int) -> bytes:
    """For an A record, recursion wanted (RFC 1035, section 4.1). ValueError for what is no host name."""
    labels = [label.encode("idna") for label in name.rstrip(".").split(".")]
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError(f"{name!r} is no host name")
    packed = b"".join(bytes([len(label)]) + label for label in labels)
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + packed + struct.pack(">BHH", 0, 1, 1)


def answers(data: bytes, number: int) -> bool | None:
    """Whether these bytes are an answer to the question of that number, and one that helps; None: something
    else that came to this port."""
    if len(data) < 12 or struct.unpack_from(">H", data)[0] != number or not data[2] & 0x80:
        return None
    return data[3] & 0x0F not in _FAILED


def ask(server: str, name: str, timeout_s: float, port: int = _PORT) -> float | None:
    """Seconds until `server` (a numeric address) answered; None where it did not, or `name` is none to ask for."""
    number = secrets.randbelow(1 << 16)
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    began = perf_counter()
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((server, port))
            sock.send(question(name, number))
            while (left_s := began + timeout_s - perf_counter()) > 0:
                sock.settimeout(left_s)
                helped = answers(sock.recv(4096), number)
                if helped is not None:
                    return perf_counter() - began if helped else None
    except (OSError, ValueError):
        return None
    return None

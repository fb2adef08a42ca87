"""Tries to reach something on the network, within a bounded time. It sends nothing but the opening of a
connection."""

import ipaddress
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

CONNECT_S = 3.0
_GATEWAY_PORT = 53
"""Whether anybody listens there does not matter: a refusal comes from a router that is alive, too."""
_ROUTES, _NEIGHBOURS, _RESOLVERS = Path("/proc/net/route"), Path("/proc/net/arp"), Path("/etc/resolv.conf")
_UP_AND_GATEWAY = 0x3
_COMPLETE = 0x2


@dataclass(frozen=True, slots=True)
class Way:
    """The way out: the router's address, "" where there is none, and the name servers, as numbers."""

    gateway: str
    resolvers: tuple[str, ...]


def way() -> Way:
    """OSError where the system does not tell."""
    if sys.platform == "win32":
        from agent.system.reach_windows import way as windows  # noqa: PLC0415 - Windows only

        return windows()
    return Way(gateway_of(_ROUTES.read_text("ascii")), resolvers_of(_RESOLVERS.read_text("utf-8", "replace")))


def gateway_of(routes: str) -> str:
    """From /proc/net/route (proc(5)): hexadecimal numbers in the byte order of the machine. Of several default
    routes, the one with the lowest metric."""
    found: list[tuple[int, str]] = []
    for line in routes.splitlines()[1:]:
        fields = line.split()
        default = len(fields) > 7 and fields[1] == fields[7] == "00000000"
        if default and int(fields[3], 16) & _UP_AND_GATEWAY == _UP_AND_GATEWAY:
            raw = int(fields[2], 16).to_bytes(4, sys.byteorder)
            found.append((int(fields[6]), str(ipaddress.IPv4Address(raw))))
    return min(found)[1] if found else ""


def resolvers_of(text: str) -> tuple[str, ...]:
    """From resolv.conf(5); at most three count there."""
    words = (line.split() for line in text.splitlines())
    named = [line[1].partition("%")[0] for line in words if len(line) > 1 and line[0] == "nameserver"]
    return tuple(name for name in named if _is_address(name))[:3]


def gateway(address: str) -> bool | None:
    """Whether the router is there. It answers the question for its hardware address before any other packet;
    what it thinks of a connection says as much. None where it is silent and the system does not tell more."""
    if sys.platform == "win32":
        from agent.system.reach_windows import neighbour  # noqa: PLC0415 - Windows only

        return neighbour(address)
    if connects(address, _GATEWAY_PORT, timeout_s=1.0, refusal_counts=True):
        return True
    return neighbour_of(_NEIGHBOURS.read_text("ascii"), address)


def neighbour_of(table: str, address: str) -> bool | None:
    """From /proc/net/arp (proc(5)), just after something was sent there."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[0] == address:
            return bool(int(fields[2], 16) & _COMPLETE)
    return None


def server(host: str, port: int, known: dict[str, Sequence[str]]) -> tuple[bool | None, bool]:
    """Whether it takes a connection, and whether it is in a private network. `known` remembers the addresses of
    names, so that a dead name server hides no line that works. None where the name never had an answer: that says
    nothing about the server."""
    addresses = known[host] = resolved(host) or known.get(host, ())
    if not addresses:
        return None, False
    near = all(ipaddress.ip_address(address.partition("%")[0]).is_private for address in addresses)
    return any(connects(address, port) for address in addresses[:2]), near


def connects(address: str, port: int, *, timeout_s: float = CONNECT_S, refusal_counts: bool = False) -> bool:
    try:
        with socket.create_connection((address, port), timeout_s):
            return True
    except ConnectionRefusedError:
        return refusal_counts
    except OSError:
        return False


def resolved(host: str, timeout_s: float = CONNECT_S) -> Sequence[str]:
    """Addresses of a name, () where none is known in time. The system's own resolver cannot be interrupted, so it
    works in a thread that may end later."""
    if _is_address(host):
        return (host,)
    found: SimpleQueue[Sequence[str]] = SimpleQueue()

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.put(list(dict.fromkeys(str(row[4][0]) for row in rows)))
        except (OSError, UnicodeError):
            found.put(())

    Thread(target=ask, name="resolver", daemon=True).start()
    try:
        return found.get(timeout=timeout_s)
    except Empty:
        return ()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

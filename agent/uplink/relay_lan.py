"""Asks the LAN who can carry this till to the collector: by UDP, one question and what answers come in time. IPv4
only."""

import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.clock import Clock
from agent.config.address import is_near
from agent.uplink.relay_election import Heard
from protocols.wire import relay as wire
from protocols.wire.relay import Keys

WAIT_S = 1.0
MOST = 200
"""More datagrams than that are not read."""


@dataclass(frozen=True, slots=True)
class Lan:
    """Where to ask: listed peers (host, port), and the group ("" for none) on `port`."""

    peers: Sequence[tuple[str, int]]
    group: str
    port: int
    wait_s: float = WAIT_S

    def ask(
        self, terminal: str, key: Ed25519PrivateKey, collector: str, keys: Keys, clock: Clock
    ) -> list[Heard]:
        """What the relays of this site say, one word each. Who is no member is not heard; nor is this till itself. No
        error: a LAN that takes no question answers none."""
        nonce = secrets.token_urlsafe(16)
        question = wire.sealed(wire.Question(terminal=terminal, collector=collector, nonce=nonce), key)
        heard: dict[str, Heard] = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            self._send(line, question)
            end_s = clock.monotonic() + self.wait_s
            for _ in range(MOST):
                left_s = end_s - clock.monotonic()
                if left_s <= 0:
                    break
                line.settimeout(left_s)
                try:
                    datagram, address = line.recvfrom(wire.DATAGRAM_BYTES + 1)
                except TimeoutError:
                    break
                except OSError:  # a peer where nobody listens (ICMP), told at the next call
                    continue
                word = wire.opened(wire.Word, datagram, keys)
                if word and word.nonce == nonce and word.terminal != terminal and is_near(address[0]):
                    heard[word.terminal] = _heard(word, address[0])
        return list(heard.values())

    def _send(self, line: socket.socket, question: bytes) -> None:
        for peer in self.peers:
            with suppress(OSError):
                line.sendto(question, peer)
        if not self.group:
            return
        line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        for own in own_addresses():
            with suppress(OSError):
                line.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, IPv4Address(own).packed)
                line.sendto(question, (self.group, self.port))


def receiver(listen: str, port: int) -> socket.socket:
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        line.bind((listen, port))
    except OSError:
        line.close()
        raise
    return line


def own_addresses() -> set[str]:
    """This computer's private IPv4 addresses; loopback is none of the LAN's."""
    import psutil  # noqa: PLC0415 - only where the relay is used

    found = {
        address.address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == socket.AF_INET
    }
    return {own for own in found if is_near(own) and not own.startswith("127.")}


def _heard(word: wire.Word, host: str) -> Heard:
    return Heard(word.terminal, (host, word.port), word.reach, word.steady_s, word.load, word.rank)

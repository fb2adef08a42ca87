"""A shop on loopback: real relays, tills whose own way is a closed port, and the collector behind."""

import base64
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.runtime.clock import SystemClock
from agent.uplink.client import Client
from agent.uplink.connection import trust_only
from agent.uplink.relay_course import Course, Passed
from agent.uplink.relay_lan import Lan
from agent.uplink.relay_members import Members
from agent.uplink.relay_passage import Me
from agent.uplink.relay_server import Bounds, Offer, RelayServer
from agent.uplink.relay_way import Patience, SiteConnection
from protocols.wire.relay import Neighbour, Neighbours, Reach
from tests.agent.uplink.collector import Collector

PATIENCE = Patience(connect_s=30, read_s=30, probe_s=0, probe_connect_s=30, probe_read_s=30)
"""The own way is tried before every request."""
CLOCK = SystemClock()


class Heard:
    """What a SiteConnection says."""

    def __init__(self) -> None:
        self.reaches: list[Reach] = []
        self.courses: list[Course] = []
        self.news: list[Passed] = []

    def seen(self, reach: Reach) -> None:
        self.reaches.append(reach)

    def changed(self, course: Course) -> None:
        self.courses.append(course)

    def passed(self, what: Passed) -> None:
        self.news.append(what)


class Shop:
    """`dead` is the port that nobody listens on: the collector's address as everybody has it configured. `collector`
    is where relays really connect to. Use as a context manager."""

    def __init__(self, collector: Collector, members: Sequence[str]) -> None:
        self._stack = ExitStack()
        self.collector = collector
        self.keys = {name: Ed25519PrivateKey.generate() for name in members}
        for name, key in self.keys.items():
            collector.keys[name] = key.public_key()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.dead = int(probe.getsockname()[1])
        self.members = self._members(members)

    def __enter__(self) -> "Shop":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.dead}"

    def me(self, name: str) -> Me:
        return Me(name, lambda: self.keys[name], self.address)

    def relay(
        self,
        name: str,
        *,
        reach: Reach = Reach.REACHED,
        to: int | None = None,
        bounds: Bounds | None = None,
        steady_s: float = 1000.0,
        **more: Any,
    ) -> RelayServer:
        """`to`: the port that it takes for the collector's."""
        made = RelayServer(self.me(name), CLOCK, listen="127.0.0.1", port=0, group="", bounds=bounds, **more)
        self.offer(made, reach, to=to, steady_s=steady_s)
        made.start()
        self._stack.callback(made.stop)
        return made

    def offer(
        self, relay: RelayServer, reach: Reach, *, to: int | None = None, steady_s: float = 1000.0
    ) -> None:
        now_s = CLOCK.monotonic()
        place = socket.AF_INET, ("127.0.0.1", to or self.collector.port)
        relay.offer = Offer(reach, now_s - steady_s, now_s, (place,), self.members.keys)

    def till(
        self,
        name: str,
        *relays: RelayServer,
        heard: Heard | None = None,
        lan: bool = True,
        patience: Patience = PATIENCE,
    ) -> Client:
        peers = [("127.0.0.1", relay.port) for relay in relays]
        connection = SiteConnection(
            f"https://{self.address}",
            trust_only(self.collector.authority.pem.decode()),
            CLOCK,
            me=self.me(name),
            members=self.members,
            listener=heard or Heard(),
            lan=Lan(peers, group="", port=1, wait_s=0.5) if lan else None,
            patience=patience,
        )
        client = Client(connection, self.keys[name], name, CLOCK)
        self._stack.callback(client.close)
        return client

    def _members(self, names: Sequence[str]) -> Members:
        listed = tuple(
            Neighbour(terminal=name, name=f"Kase {name}", public_key=_text(self.keys[name])) for name in names
        )
        kept = Neighbours(neighbours=listed).model_dump(mode="json")
        return Members(CLOCK, kept, lambda _: None)


def _text(key: Ed25519PrivateKey) -> str:
    return base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")

"""Wires the site relay into the agent: the way to the collector, the relay for neighbours, what is kept for `status`
and what the collector is told. Loaded only where the configuration asks for it."""

import logging
import socket
from collections.abc import Callable
from dataclasses import replace

from agent.clock import Clock
from agent.config.model import Relay
from agent.runtime.status import COURSE
from agent.spool import Json, Spool, SpoolError
from agent.uplink.client import Client
from agent.uplink.connection import trust_only
from agent.uplink.identity import Identity
from agent.uplink.relay_course import Course, Passed
from agent.uplink.relay_lan import Lan
from agent.uplink.relay_members import STATE as NEIGHBOURS
from agent.uplink.relay_members import Members
from agent.uplink.relay_passage import Me
from agent.uplink.relay_reach import host_port
from agent.uplink.relay_server import Bounds, Place, RelayServer
from agent.uplink.relay_way import SiteConnection
from protocols.wire import v1
from protocols.wire.relay import Reach

FACT = "uplink.way_changed"
_TEXT = 400
_TERMINAL = v1.Subject(kind=v1.SubjectKind.TERMINAL)

log = logging.getLogger(__name__)

Tell = Callable[[list[v1.AnyMessage], dict[str, Json]], None]
"""Puts messages and state into the spool (agent.runtime.outgoing.Outgoing.tell)."""


class SiteRelay:
    """`connection` is the sender's. `begin` before the sender starts; `heard` in its thread after each receipt."""

    def __init__(self, config: Relay, who: Identity, spool: Spool, clock: Clock) -> None:
        self._clock = clock
        self._tell: Tell = lambda _messages, _state: None
        self._key = who.key
        me = Me(who.terminal, lambda: self._key, host_port(who.collector))
        self._collector = me.collector
        kept = spool.read_state(NEIGHBOURS)
        self._members = Members(clock, kept, lambda told: self._put([], {NEIGHBOURS: told}))
        self._server = _server(config, me, clock) if config.serve else None
        self.connection = SiteConnection(
            who.collector,
            trust_only(who.ca_file.read_text("ascii")),
            clock,
            me=me,
            members=self._members,
            listener=self,
            lan=_lan(config) if config.use else None,
            asking=self._server.asking if self._server else set,
        )

    def begin(self, tell: Tell, wake: Callable[[], None]) -> None:
        """A port that is taken is no reason for an agent not to run."""
        self._tell = tell
        if not self._server:
            return
        try:
            self._server.start(wake)
        except OSError as e:
            log.error("this till cannot serve its neighbours: %s", e)
            self._server = None

    def stop(self) -> None:
        if self._server:
            self._server.stop()

    def heard(self, client: Client) -> None:
        """Who the neighbours are is asked now and then, while the collector listens anyway."""
        self._key = client.key
        server = self._server
        due = self._members.is_due(stranger=bool(server and server.met_stranger))
        if due:
            self._members.fetch(client)
        if server and (due or server.met_dead_end):
            server.met_stranger = server.met_dead_end = False
            server.offer = replace(server.offer, keys=self._members.keys, places=_places(self._collector))

    def seen(self, reach: Reach) -> None:
        if not self._server:
            return
        offer, now_s = self._server.offer, self._clock.monotonic()
        since_s = offer.since_s if offer.reach is reach else now_s
        self._server.offer = replace(
            offer, reach=reach, since_s=since_s, seen_s=now_s, keys=self._members.keys
        )

    def changed(self, course: Course) -> None:
        self._put([], {COURSE: _kept(course)})

    def passed(self, what: Passed) -> None:
        detail: dict[str, v1.Scalar] = {
            "way": "relay" if what.relay else "own",
            "relay": what.name[:_TEXT],
            "relay_terminal": what.relay,
            "dead": what.finding.verdict.value,
            "reason": what.finding.reason[:_TEXT],
            "dead_since": what.dead_since.isoformat(),
            "dead_s": round(what.lasted_s),
        }
        self._put([v1.Fact(seq=1, at=self._clock.now(), subject=_TERMINAL, name=FACT, detail=detail)], {})

    def _put(self, messages: list[v1.AnyMessage], state: dict[str, Json]) -> None:
        """The way to the collector does not hang on the disk."""
        try:
            self._tell(messages, state)
        except SpoolError as e:
            log.warning("what became of the way to the collector is not kept: %s", e)


def _server(config: Relay, me: Me, clock: Clock) -> RelayServer:
    return RelayServer(
        me,
        clock,
        listen=config.listen,
        port=config.port,
        group=config.group,
        rank=config.rank,
        bounds=Bounds(tunnels=config.tunnels, bytes_s=config.kib_s << 10),
    )


def _lan(config: Relay) -> Lan:
    parted = [peer.partition(":") for peer in config.peers]
    peers = [(host, int(port) if port else config.port) for host, _, port in parted]
    return Lan(peers, config.group, config.port)


def _places(collector: str) -> tuple[Place, ...]:
    """Where the collector is: asked of the system here, so that no neighbour makes the relay ask."""
    host, _, port = collector.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except OSError as e:
        log.warning("the collector's name has no address now: %s", e)
        return ()
    places: list[Place] = []
    for family, _, _, _, (address, *more) in found:
        if family == socket.AF_INET:
            places.append((family, (str(address), int(port))))
        elif family == socket.AF_INET6:
            places.append((family, (str(address), int(port), int(more[1]), int(more[2]))))
    return tuple(places)


def _kept(course: Course) -> Json:
    finding = course.finding
    return {
        "way": "relay" if course.relay else "own",
        "relay": course.name,
        "relay_terminal": course.relay,
        "address": course.address,
        "since": course.since.isoformat() if course.since else None,
        "dead": finding.verdict.value if finding else None,
        "reason": finding.reason if finding else None,
        "dead_since": course.dead_since.isoformat() if course.dead_since and finding else None,
    }

"""The relay's side: tells neighbours who ask whether this till reaches the collector, and tunnels them to it, to
nowhere else, within bounds. It can neither read nor change what it carries."""

import errno
import logging
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from threading import Event, Lock, Thread

from agent.clock import Clock
from agent.config.address import is_near
from agent.uplink.relay_lan import own_addresses, receiver
from agent.uplink.relay_passage import Guard, Line, Me, Refused
from agent.uplink.relay_tunnel import Throttle, Tunnel
from protocols.wire import relay as wire
from protocols.wire.relay import Keys, Reach

STALE_S = 60.0
"""A neighbour that asks when the relay's own knowledge is older makes it look again."""
ASKED_S = 120.0
"""So long a neighbour that asked counts as one that has no way."""
_JOIN_S = 60.0
_JOIN_LATE_S = 5.0
_TROUBLE_S = 0.1
_END_S = 1.0

log = logging.getLogger(__name__)

Place = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What all neighbours together may cost this till."""

    tunnels: int = 16
    opening: int = 8
    per_address: int = 4
    opening_s: float = 15.0
    idle_s: float = 300.0
    life_s: float = 3600.0
    bytes_s: float = 128 << 10
    questions_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Offer:
    """What the relay has just now: how its own way ended, since when it has ended so, when that was last seen (both of
    the steady clock), where the collector is, and who are members."""

    reach: Reach
    since_s: float
    seen_s: float
    places: tuple[Place, ...]
    keys: Keys


class RelayServer:
    """`offer` may be set by any thread. `start` takes the ports (OSError) and begins a thread; each tunnel has one
    more while it lasts."""

    def __init__(
        self,
        me: Me,
        clock: Clock,
        *,
        listen: str,
        port: int,
        group: str,
        rank: int = 100,
        bounds: Bounds | None = None,
    ) -> None:
        """Port 0: any free one."""
        self._me = me
        self._clock = clock
        self._listen = listen
        self._port = port
        self._rank = rank
        self._group = group
        self._bounds = bounds or Bounds()
        self.offer = Offer(Reach.UNKNOWN, clock.monotonic(), clock.monotonic(), (), {})
        self.carried_bytes = 0
        self.met_stranger = False
        """Somebody asked who is no member that we know: new, with a new key, or nobody. Whoever reads it resets it."""
        self.met_dead_end = False
        """The collector was not where it is thought to be. Whoever reads it resets it."""
        self._asked_s: dict[str, float] = {}
        self._failed: tuple[Offer, Reach, float] | None = None
        self._guard = Guard(me.terminal, me.collector, lambda: self.offer.keys)
        self._throttle = Throttle(self._bounds.bytes_s, clock)
        self._questions = Throttle(self._bounds.questions_s, clock)
        self._arrivals = Throttle(self._bounds.questions_s, clock)
        self._lock = Lock()
        self._guests: dict[socket.socket, str] = {}
        self._through: set[socket.socket] = set()
        self._far: set[socket.socket] = set()
        self._stop = Event()

    @property
    def port(self) -> int:
        return self._port

    @property
    def tunnels(self) -> int:
        return len(self._through)

    def start(self, stale: Callable[[], None] = lambda: None) -> None:
        """`stale` is called where a neighbour asks and what is known of the own way is old."""
        self._stale = stale
        self._door = socket.create_server((self._listen, self._port), backlog=16)
        self._port = self._door.getsockname()[1]
        try:
            self._ear = receiver(self._listen, self._port)
        except OSError:
            self._door.close()
            raise
        for ready in (self._door, self._ear):
            ready.setblocking(False)
        self._thread = Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def asking(self) -> set[str]:
        """The members that asked for a way lately. Any thread may call."""
        now_s = self._clock.monotonic()
        return {terminal for terminal, at_s in list(self._asked_s.items()) if now_s - at_s <= ASKED_S}

    def stop(self) -> None:
        """Ends every tunnel at once."""
        self._stop.set()
        self._wake()
        with self._lock:
            for line in (*self._guests, *self._far):
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
        self._thread.join(_END_S)

    def _wake(self) -> None:
        """A datagram to ourselves: the thread waits for nothing else."""
        host = "127.0.0.1" if IPv4Address(self._listen).is_unspecified else self._listen
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(b"", (host, self._port))

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector, self._door, self._ear:
            selector.register(self._door, selectors.EVENT_READ, self._arrival)
            selector.register(self._ear, selectors.EVENT_READ, self._question)
            join_s = self._clock.monotonic()
            while not self._stop.is_set():
                if self._clock.monotonic() >= join_s:
                    join_s = self._clock.monotonic() + (_JOIN_S if self._join() else _JOIN_LATE_S)
                for event, _ in selector.select(max(join_s - self._clock.monotonic(), 0)):
                    try:
                        event.data()
                    except OSError as e:
                        log.debug("a neighbour came to nothing: %s", e)
                        self._clock.wait(self._stop, _TROUBLE_S)
                    except Exception:  # nothing that a neighbour sends may end the relay
                        log.exception("the relay met a bug")
                        self._clock.wait(self._stop, _TROUBLE_S)

    def _join(self) -> bool:
        """Hear the group on every address of the LAN, which may come late, go and come again; whether there is any."""
        if not self._group:
            return True
        found = own_addresses()
        for own in found:
            membership = IPv4Address(self._group).packed + IPv4Address(own).packed
            try:
                self._ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            except OSError as e:
                if e.errno != errno.EADDRINUSE:  # which says that it hears already
                    log.debug("%s hears no group: %s", own, e)
        return bool(found)

    def _question(self) -> None:
        try:
            datagram, address = self._ear.recvfrom(wire.DATAGRAM_BYTES + 1)
        except OSError:  # Windows: it was longer, or nobody listened where the last answer went
            return
        if not is_near(address[0]) or not self._questions.try_take():
            return
        offer = self.offer
        asked = wire.opened(wire.Question, datagram, offer.keys)
        self.met_stranger = self.met_stranger or asked is None
        if not asked or asked.collector.lower() != self._me.collector.lower():
            return
        if asked.terminal == self._me.terminal:
            return
        self._asked_s[asked.terminal] = self._clock.monotonic()
        if self._clock.monotonic() - offer.seen_s > STALE_S:
            self._stale()
        self._ear.sendto(wire.sealed(self._word(asked.nonce), self._me.key()), address)

    def _word(self, nonce: str) -> wire.Word:
        offer = self.offer
        reach, since_s = offer.reach, offer.since_s
        if self._failed and self._failed[0] is offer:
            _, reach, since_s = self._failed
        return wire.Word(
            terminal=self._me.terminal,
            nonce=nonce,
            reach=reach,
            steady_s=max(self._clock.monotonic() - since_s, 0.0),
            load=min(self.tunnels / self._bounds.tunnels, 1.0),
            rank=self._rank,
            port=self._port,
        )

    def _arrival(self) -> None:
        near, address = self._door.accept()
        host = str(address[0])
        with self._lock:
            opening = len(self._guests) - len(self._through)
            alike = sum(known == host for known in self._guests.values())
            room = opening < self._bounds.opening and alike < self._bounds.per_address
            if self._stop.is_set() or not room or not is_near(host) or not self._arrivals.try_take():
                near.close()
                return
            self._guests[near] = host
        Thread(target=self._serve, args=(near,), name="tunnel", daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        line = Line(near, self._clock, self._clock.monotonic() + self._bounds.opening_s)
        try:
            with near:
                try:
                    terminal = self._guard.admit(line)
                    self._enter(near)
                    self._carry(line, terminal)
                except Refused as e:
                    log.debug("a neighbour was not let through: %s", e)
                    line.answer(e.status)
        except OSError as e:
            log.debug("a tunnel ended: %s", e)
        finally:
            with self._lock:
                self._through.discard(near)
                self._guests.pop(near, None)

    def _enter(self, near: socket.socket) -> None:
        with self._lock:
            if len(self._through) >= self._bounds.tunnels:
                raise Refused(503, "all tunnels are in use")
            self._through.add(near)

    def _carry(self, line: Line, terminal: str) -> None:
        with self._collector(line) as far:
            with self._lock:
                self._far.add(far)
            tunnel = Tunnel(line.socket, far, self._throttle, self._clock, self._stop)
            try:
                line.answer(200)
                log.debug("%s goes through this till", terminal)
                tunnel.run(self._bounds.idle_s, self._bounds.life_s)
            finally:
                with self._lock:
                    self._far.discard(far)
                    self.carried_bytes += tunnel.carried_bytes

    def _collector(self, line: Line) -> socket.socket:
        """TCP to the collector. Refused with 502 where there is no way; neighbours that ask are told so, too."""
        offer, why = self.offer, OSError("the collector's address is not known yet")
        for family, place in offer.places:
            try:
                return _connected(family, place, line.left_s() / 2)
            except OSError as e:
                why = e
        if offer.places:
            self.met_dead_end = True
            reach = Reach.REFUSED if isinstance(why, ConnectionRefusedError) else Reach.SILENT
            self._failed = offer, reach, self._clock.monotonic()
        raise Refused(502, f"this till has no way to the collector: {why}")


def _connected(
    family: socket.AddressFamily, place: tuple[str, int] | tuple[str, int, int, int], within_s: float
) -> socket.socket:
    line = socket.socket(family, socket.SOCK_STREAM)
    try:
        line.settimeout(within_s)
        line.connect(place)
    except OSError:
        line.close()
        raise
    return line

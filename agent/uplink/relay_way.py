"""A connection to the collector that goes through a neighbour while this till has no way of its own, and finds out
which side of the line is dead. A request that failed is never sent again here: it may have arrived."""

import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.clock import Clock
from agent.uplink.connection import Answer, Connection
from agent.uplink.relay_course import Listener, Logbook
from agent.uplink.relay_diagnosis import Sight, diagnose
from agent.uplink.relay_election import Heard, elect
from agent.uplink.relay_lan import Lan
from agent.uplink.relay_members import Members
from agent.uplink.relay_passage import Me, dial
from agent.uplink.relay_reach import reach_of
from protocols.errors import CollectorUnreachable
from protocols.wire import v1
from protocols.wire.relay import Reach

FAILURES = 2
"""So many requests in a row must fail before the own way counts as dead: one may have met a connection that was kept
for too long."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. A till that goes through a relay tries its own way every `probe_s`, asks the LAN anew then, and goes
    back after `probes` good tries in a row."""

    connect_s: float = 10.0
    read_s: float = 30.0
    probe_s: float = 60.0
    probe_connect_s: float = 4.0
    probe_read_s: float = 8.0
    probes: int = 2


class SiteConnection(Connection):
    """As Connection. `lan` None: this till never goes through another, and knows only of its own way. `asking`:
    the neighbours that asked this till for a way lately."""

    def __init__(
        self,
        url: str,
        context: ssl.SSLContext,
        clock: Clock,
        *,
        me: Me,
        members: Members,
        listener: Listener,
        lan: Lan | None,
        asking: Callable[[], set[str]] = set,
        patience: Patience | None = None,
    ) -> None:
        self._patience = patience or Patience()
        super().__init__(url, context, connect_s=self._patience.connect_s, read_s=self._patience.read_s)
        self._url = url
        self._context = context
        self._clock = clock
        self._me = me
        self._members = members
        self._listener = listener
        self._lan = lan
        self._asking = asking
        self._logbook = Logbook(clock, listener)
        self._own = Reach.UNKNOWN
        self._failures = 0
        self._carrier: tuple[Heard, Connection] | None = None
        self._probe_s = 0.0
        self._probes = 0
        self._failed_s: dict[str, float] = {}
        self._met = bool(lan and lan.peers)

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if self._carrier and self._clock.monotonic() >= self._probe_s:
            self._look_around()
        if self._carrier:
            relay, through = self._carrier
            before = through.sent_bytes
            try:
                answer = through.request(method, path, body, headers)
            except CollectorUnreachable as e:
                self._not_carried(relay, e)
                raise
            finally:
                self.sent_bytes += through.sent_bytes - before
            self._logbook.over(relay, self._name(relay))
            return answer
        try:
            answer = super().request(method, path, body, headers)
        except CollectorUnreachable as e:
            self._missed(reach_of(e))
            raise
        if answer.status >= 500:
            self._missed(Reach.REFUSED)
        else:
            self._reached()
        return answer

    @property
    def goes_around(self) -> bool:
        """A neighbour carries. Any thread may ask."""
        return self._carrier is not None

    def close(self) -> None:
        self._leave()
        super().close()

    def _reached(self) -> None:
        self._failures = 0
        self._own = Reach.REACHED
        self._listener.seen(Reach.REACHED)
        self._logbook.own()

    def _missed(self, reach: Reach) -> None:
        self._failures += 1
        self._own = reach
        if self._failures >= FAILURES:
            self._listener.seen(reach)
            self._elect(self._hear())

    def _not_carried(self, relay: Heard, error: CollectorUnreachable) -> None:
        log.warning("the neighbour %s does not carry this till any more: %s", self._name(relay), error)
        self._failed_s[relay.terminal] = self._clock.monotonic()
        self._elect(self._hear())

    def _look_around(self) -> None:
        """Is the own way back? And who would carry us now?"""
        self._own = self._probe()
        self._listener.seen(self._own)
        self._probes = self._probes + 1 if self._own is Reach.REACHED else 0
        if self._probes < self._patience.probes:
            self._elect(self._hear())
        else:
            self._failures = 0
            self._leave()

    def _probe(self) -> Reach:
        """Asks over the own way for something that is neither signed nor secret."""
        connection = self._connection(self._patience.probe_connect_s, self._patience.probe_read_s)
        try:
            answer = connection.request("GET", v1.PATH_AUTHORITY, b"", {})
        except CollectorUnreachable as e:
            return reach_of(e)
        finally:
            connection.close()
        return Reach.REFUSED if answer.status >= 500 else Reach.REACHED

    def _hear(self) -> list[Heard]:
        """What the relays say; and what follows for which side is dead."""
        if not self._lan:
            return []
        me = self._me
        heard = self._lan.ask(me.terminal, me.key(), me.collector, self._members.keys, self._clock)
        self._met = self._met or bool(heard)
        if self._own is not Reach.REACHED:
            others = self._asking() - {h.terminal for h in heard}
            sight = Sight(self._own, [h.reach for h in heard], self._met, asking=bool(others))
            self._logbook.dead(diagnose(sight))
        return heard

    def _elect(self, heard: list[Heard]) -> None:
        now_s = self._clock.monotonic()
        failed = {terminal: now_s - at_s for terminal, at_s in self._failed_s.items()}
        current = self._carrier[0] if self._carrier else None
        elected = elect(heard, current.terminal if current else None, failed)
        self._probe_s = now_s + self._patience.probe_s
        if elected is None:
            self._leave()
        elif current and (current.terminal, current.address) == (elected.terminal, elected.address):
            return
        else:
            self._leave()
            self._probes = 0
            through = self._connection(self._patience.connect_s, self._patience.read_s, elected)
            self._carrier = elected, through

    def _leave(self) -> None:
        if self._carrier:
            self._carrier[1].close()
        self._carrier = None

    def _connection(self, connect_s: float, read_s: float, relay: Heard | None = None) -> Connection:
        over = dial(relay.address, relay.terminal, self._me, self._clock) if relay else None
        return Connection(self._url, self._context, connect_s=connect_s, read_s=read_s, dial=over)

    def _name(self, relay: Heard) -> str:
        return self._members.names.get(relay.terminal, relay.terminal)

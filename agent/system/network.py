"""Asks the router, a name server, the collector's line and the servers of the cash program, and says which side
is down."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from agent.system import dns, reach
from agent.system.line import Line, Reached, decide
from agent.system.probe import Measured, Scalar

EVERY_S = 60.0
_DNS_S = 2.0


Server = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Targets:
    """By name, each a host and a port. `known` remembers addresses of hosts, see agent.system.reach."""

    collector: Server | None = None
    servers: Mapping[str, Server] = field(default_factory=dict)
    known: dict[str, Sequence[str]] = field(default_factory=dict)


Look = Callable[[Targets, bool], tuple[Reached, float | None]]


def look(targets: Targets, heard: bool) -> tuple[Reached, float | None]:
    """What is reached just now, and how long a name server took, in seconds. A collector that was `heard` lately is
    not asked anew."""
    out = reach.way()
    took_s = None
    for resolver in out.resolvers:
        took_s = took_s or dns.ask(
            resolver, targets.collector[0] if targets.collector else "localhost", _DNS_S
        )
    servers = {name: reach.server(*server, targets.known) for name, server in targets.servers.items()}
    collector: bool | None = heard or None
    if targets.collector and not heard:
        collector = reach.server(*targets.collector, targets.known)[0]
    reached = Reached(
        routed=bool(out.gateway),
        gateway=reach.gateway(out.gateway) if out.gateway else None,
        dns=took_s is not None if out.resolvers else None,
        collector=collector,
        servers={name: answer for name, (answer, _near) in servers.items()},
        near=frozenset(name for name, (_answer, near) in servers.items() if near),
    )
    return reached, took_s


@dataclass(slots=True)
class Network:
    """A change of what is told must be seen twice: a packet lost once is no broken line."""

    targets: Targets
    heard: Callable[[], bool]
    look: Look = look
    name: str = "network"
    every_s: float = EVERY_S
    _last: Line | None = None
    _told: Mapping[str, Scalar] | None = None

    def measure(self) -> Measured:
        reached, took_s = self.look(self.targets, self.heard())
        line, reason = decide(reached)
        if line is self._last or self._told is None:
            self._told = {"line": line.value, "reason": reason, **_asked(reached)}
        self._last = line
        return Measured(_figures(reached, took_s), facts={"host.network": self._told})


def targets(collector: str, servers: Mapping[str, str]) -> Targets:
    """`collector`: an address such as https://HOST:PORT; `servers`: HOST:PORT by name, "" for none."""
    url = urlsplit(collector)
    return Targets(
        (url.hostname, url.port or 443) if url.hostname else None,
        {name: _server(text) for name, text in servers.items() if text},
    )


def _server(text: str) -> Server:
    host, _colon, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _asked(found: Reached) -> dict[str, Scalar]:
    named = {"gateway": found.gateway, "dns": found.dns, "collector": found.collector, **found.servers}
    return {name: answer for name, answer in named.items() if answer is not None}


def _figures(found: Reached, took_s: float | None) -> dict[str, float]:
    figures = {f"network_{name}_reached": float(bool(answer)) for name, answer in _asked(found).items()}
    return figures | ({"network_dns_ms": round(took_s * 1000, 1)} if took_s is not None else {})

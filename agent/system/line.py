"""Which side of the network is down, decided from what was reached and what was not. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Line(StrEnum):
    """`no_network`: the computer has no way out at all. `lan_down`: what stands in the shop is not reached.
    `line_down`: the shop's network is there, the way out of it is not. `dns_down`: names are not answered.
    `collector_down`, `server_down`: only that one is not reached, so it is neither the line nor the network."""

    OK = "ok"
    NO_NETWORK = "no_network"
    LAN_DOWN = "lan_down"
    LINE_DOWN = "line_down"
    DNS_DOWN = "dns_down"
    COLLECTOR_DOWN = "collector_down"
    SERVER_DOWN = "server_down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reached:
    """True: it answered; False: it did not; None: not asked, or an answer would prove nothing. `servers`: what
    the cash program talks to, by name. `near`: the names of those in the shop's own network. `routed`: whether
    the computer knows a way out."""

    routed: bool | None
    gateway: bool | None
    dns: bool | None
    collector: bool | None
    servers: Mapping[str, bool | None]
    near: frozenset[str] = frozenset()

    @property
    def lan(self) -> bool | None:
        """Whether anything in the shop answered; None where nothing there was asked."""
        asked = [self.gateway, *(self.servers[name] for name in self.near)]
        if any(asked):
            return True
        return False if False in asked else None


def decide(found: Reached) -> tuple[Line, str]:
    """The side that is down, and why. What answers proves more than what does not: a router may well be silent
    while all behind it is reached."""
    direct = [found.collector, *(v for k, v in found.servers.items() if k not in found.near)]
    if not any([found.dns, *direct]):
        return _nothing_far(found, asked=False in direct)
    if found.collector is False:
        if found.dns is False:
            return (
                Line.DNS_DOWN,
                "names are not answered, and the collector is not reached; other servers are",
            )
        return Line.COLLECTOR_DOWN, "the line works; the collector is not reached"
    if found.dns is False:
        return Line.DNS_DOWN, "names are not answered; the collector is reached all the same"
    return _servers(found) or (Line.OK, "all that was asked is reached")


def _nothing_far(found: Reached, *, asked: bool) -> tuple[Line, str]:
    if found.routed is False and found.lan is not True:
        return Line.NO_NETWORK, "the computer has no way out: no cable, no address, or no network card"
    if found.lan is False:
        return Line.LAN_DOWN, "neither the router nor anything else in the shop answers"
    if not asked:
        return _unclear(found)
    if found.lan is None:
        return (
            Line.UNKNOWN,
            "nothing is reached, and the router was not asked: the line or the shop's network",
        )
    if found.routed is False:
        return Line.LINE_DOWN, "the shop's network works, but the computer knows no way out of it"
    return Line.LINE_DOWN, "the shop's network works; nothing behind the router is reached"


def _unclear(found: Reached) -> tuple[Line, str]:
    if found.dns is False:
        return (
            Line.UNKNOWN,
            "names are not answered, and nothing could be asked without: the line or the name server",
        )
    return _servers(found) or (Line.UNKNOWN, "nothing was asked that could tell")


def _servers(found: Reached) -> tuple[Line, str] | None:
    lost = sorted(name for name, reached in found.servers.items() if reached is False)
    return (Line.SERVER_DOWN, f"not reached, though the rest is: {', '.join(lost)}") if lost else None

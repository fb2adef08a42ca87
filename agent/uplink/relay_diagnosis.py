"""Which side of the line is dead, from what this till and its neighbours see. Pure; what they cannot tell apart is
said to be so."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from protocols.wire.relay import Reach


class Verdict(StrEnum):
    """What is dead. `own_way`: between this till and the line (its gateway, DNS or firewall) while LAN, line and
    collector work. `lan`: the LAN, or this till's cable or adapter."""

    NOTHING = "nothing"
    OWN_WAY = "own_way"
    LAN = "lan"
    LINE = "line"
    COLLECTOR = "collector"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """`reason` is for a person: what was seen, and what it cannot tell apart."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Sight:
    """`own`: how this till's own way ended. `neighbours`: how those of the relays that answered ended. `known`:
    whether this till knows that there are relays: one was heard before, or is listed. `asking`: whether another
    neighbour asked this till for a way lately, so that it has none and the LAN carries."""

    own: Reach
    neighbours: Sequence[Reach]
    known: bool
    asking: bool = False


_SEEN = {
    Reach.REFUSED: "something refuses for the collector",
    Reach.SILENT: "the collector gives no answer",
    Reach.NO_NAME: "the collector's name has no address here",
    Reach.NO_ROUTE: "the network knows no way to it",
    Reach.UNKNOWN: "this till's own way has not been tried",
}
_DEAD = {Reach.SILENT, Reach.NO_NAME, Reach.NO_ROUTE}


def diagnose(sight: Sight) -> Finding:
    own = sight.own
    heard: set[Reach] = {reach for reach in sight.neighbours if reach is not Reach.UNKNOWN}
    if sight.asking:
        heard.add(Reach.SILENT)
    if own is Reach.REACHED:
        return Finding(Verdict.NOTHING, "the collector answers this till itself")
    if own is Reach.UNKNOWN:
        return Finding(Verdict.UNKNOWN, _SEEN[own])
    if Reach.REACHED in heard:
        return Finding(
            Verdict.OWN_WAY,
            f"{_SEEN[own]}, while a neighbour reaches it: look at this till's gateway, DNS and firewall",
        )
    if heard:
        return _compared(own, heard)
    return _alone(own, sight)


def _compared(own: Reach, heard: set[Reach]) -> Finding:
    """Neighbours answer, so the LAN works; none of them has a way."""
    if Reach.REFUSED in heard:
        return Finding(
            Verdict.COLLECTOR, "a neighbour's line carries, and something refuses there for the collector"
        )
    if own is Reach.REFUSED:
        return Finding(
            Verdict.UNKNOWN,
            "something refuses this till for the collector, and neighbours get no answer at all: a firewall of this"
            " till would look like this",
        )
    if heard | {own} == {Reach.SILENT}:
        return Finding(
            Verdict.LINE,
            "neighbours are heard over the LAN, and neither they nor this till get anything back from the collector; a"
            " collector whose computer is off would look the same from here",
        )
    return Finding(
        Verdict.LINE,
        f"neighbours are heard over the LAN and have no way to the collector either; {_SEEN[own]}",
    )


def _alone(own: Reach, sight: Sight) -> Finding:
    """No neighbour told of its way."""
    if own is Reach.REFUSED:
        return Finding(
            Verdict.COLLECTOR,
            "something refuses for the collector; no neighbour is there to rule out a firewall of this till",
        )
    if sight.neighbours:
        return Finding(
            Verdict.UNKNOWN, f"{_SEEN[own]}; neighbours answer and have not tried their own way yet"
        )
    if sight.known:
        return Finding(
            Verdict.LAN,
            f"{_SEEN[own]}, and no neighbour answers; neighbours that are all switched off would look the same",
        )
    return Finding(Verdict.UNKNOWN, f"{_SEEN[own]}, and no neighbour is known to compare with")


@dataclass(slots=True)
class Outage:
    """A time without an own way. While the line comes back its last looks are of a half-mended thing: what was seen
    for the longest counts. `began_s` and `at_s` are of the steady clock."""

    began_s: float
    _spent_s: dict[Finding, float] = field(default_factory=dict)
    _last: tuple[Finding, float] | None = None

    def see(self, finding: Finding, at_s: float) -> None:
        """From now on this is what is seen."""
        self._spend(at_s)
        self._spent_s.setdefault(finding, 0.0)
        self._last = finding, at_s

    def finding(self, at_s: float) -> Finding | None:
        """What was seen for the longest until `at_s`; something that says more goes before *unknown*."""
        self._spend(at_s)
        known = {f: s for f, s in self._spent_s.items() if f.verdict is not Verdict.UNKNOWN} or self._spent_s
        return max(known, key=lambda f: known[f], default=None)

    def _spend(self, at_s: float) -> None:
        if self._last:
            finding, since_s = self._last
            self._spent_s[finding] += at_s - since_s
            self._last = finding, at_s

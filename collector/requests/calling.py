"""Who of the desk is told of a turn of a request. Pure: people with their wishes in, calls out. The wishes are those
for incidents: a request is as grave as its priority."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.notify.deciding import RANK, Desire
from collector.notify.hours import next_open

SEVERITIES: Mapping[int, str] = {1: "critical", 2: "error", 3: "warning", 4: "info"}
URGENT = 2
WAKES = frozenset({"email", "sms", "push"})
"""Ways by which who is on call is reached; a web hook wakes nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An address of a person, and what is wished for it."""

    channel: str
    address: str
    desires: tuple[Desire, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who works at the queue. `present`: in the working hours, or on call. `mail`: of the account, for who
    wrote down no other way."""

    person: int
    mail: str = ""
    ways: tuple[Way, ...] = ()
    on_call: bool = False
    present: bool = True

    @property
    def wakes(self) -> Sequence[Way]:
        """Every way in which the person is reached at once."""
        own = [way for way in self.ways if way.channel in WAKES]
        return own or self.by_mail

    @property
    def by_mail(self) -> Sequence[Way]:
        own = [way for way in self.ways if way.channel == "email"]
        return own or [Way(channel="email", address=self.mail)] * bool(self.mail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """`knows`: addresses (channel and address) that were told of the same by its incident."""

    priority: int
    customer: int
    site: int | None = None
    knows: frozenset[tuple[str, str]] = frozenset()

    @property
    def severity(self) -> str:
        return SEVERITIES.get(self.priority, "warning")

    def is_wished(self, desire: Desire) -> bool:
        somewhere = not (desire.customers or desire.sites)
        return RANK[self.severity] >= RANK[desire.severity] and (
            somewhere or self.customer in desire.customers or self.site in desire.sites
        )


@dataclass(frozen=True, slots=True)
class Ring:
    person: int
    channel: str
    address: str
    due_at: datetime


def for_queue(
    matter: Matter, readers: Sequence[Reader], others: Sequence[Sequence[Reader]], at: datetime
) -> list[Ring]:
    """Of the queue everybody who wished it, in their hours. Of what is urgent also whoever is on call, at once, in
    every way. Where that reaches nobody: by mail the first of who is on call, who is there, and `others` (leads,
    managers): a request that reaches nobody is none. `at`: the first moment at which it may be told."""
    found = [ring for reader in readers for ring in _wished(reader, matter, at)]
    if matter.priority <= URGENT:
        found += [_now(one.person, way, at) for one in readers if one.on_call for way in one.wakes]
    if not found:
        found = _anybody(readers, others, at)
    return [ring for ring in _earliest(found) if (ring.channel, ring.address) not in matter.knows]


def for_one(reader: Reader, at: datetime) -> list[Ring]:
    """Whose it is: whatever the gravity and the place, in the hours of the wishes; by mail where nothing is wished."""
    found = []
    for way in reader.ways:
        due = _due(way.desires, at)
        found += [Ring(reader.person, way.channel, way.address, due)] if due else []
    return _earliest(found or [_now(reader.person, way, at) for way in reader.by_mail])


def still_true(phase: str, *, is_open: bool, assignee: int | None, person: int) -> str:
    """Why a call is not true any more when its time has come; empty where it is."""
    if not is_open:
        return "over"
    if phase == "new":
        return "" if assignee is None else "taken"
    if phase == "reopened":
        return "" if assignee in (None, person) else "taken"
    return "" if assignee == person else "reassigned"


def _wished(reader: Reader, matter: Matter, at: datetime) -> list[Ring]:
    found = []
    for way in reader.ways:
        due = _due([one for one in way.desires if matter.is_wished(one)], at)
        found += [Ring(reader.person, way.channel, way.address, due)] if due else []
    return found


def _anybody(readers: Sequence[Reader], others: Sequence[Sequence[Reader]], at: datetime) -> list[Ring]:
    groups = [
        [one for one in readers if one.on_call],
        [one for one in readers if one.present],
        *others,
        readers,
    ]
    for group in groups:
        found = [_now(one.person, way, at) for one in group for way in one.by_mail]
        if found:
            return found
    return []


def _now(person: int, way: Way, at: datetime) -> Ring:
    return Ring(person, way.channel, way.address, at)


def _due(desires: Iterable[Desire], at: datetime) -> datetime | None:
    moments = [next_open(desire.hours, desire.zone, at) for desire in desires]
    return min((moment for moment in moments if moment), default=None)


def _earliest(rings: Iterable[Ring]) -> list[Ring]:
    """One of each address."""
    found: dict[tuple[str, str], Ring] = {}
    for ring in rings:
        kept = found.get((ring.channel, ring.address))
        if kept is None or ring.due_at < kept.due_at:
            found[ring.channel, ring.address] = ring
    return list(found.values())


DOUBLE = timedelta(hours=1)
"""So long the same shop that asks the same of the same till again is one matter, while nobody has the first."""

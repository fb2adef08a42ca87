"""Reads new transitions exactly once, and has it decided who is told. `speaking` writes the messages when their time
has come. One transaction at a time in all processes: it holds the row of its reading."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from collector.core import clock
from collector.core.models import STAFF
from collector.incidents.models import Transition
from collector.notify import reading, speaking
from collector.notify.deciding import HEARD, Belief, Desire, Drop, Tell, Turn, decide
from collector.notify.models import Address, Phase, Reading, Telling, Wish

NAME = "incidents"
BATCH = 200
AT_ONCE_S = 0.5


def tell(now: datetime) -> int:
    """A duty. How many messages were written. In short transactions, for half a second or so: who reports and who works
    waits for none of them."""
    until, written = clock.monotonic() + AT_ONCE_S, 0
    while _is_something_to_do(now):
        more = _listen(now)
        for address in speaking.due(now):
            written += _speak_to(address, now)
            if clock.monotonic() >= until:
                return written
        if not more or clock.monotonic() >= until:
            break
    return written


def _place() -> Reading | None:
    """Held until the transaction ends; None where another process has it."""
    Reading.objects.get_or_create(name=NAME)
    return Reading.objects.select_for_update(skip_locked=True).filter(name=NAME).first()


def _is_something_to_do(now: datetime) -> bool:
    """So that an idle collector takes no lock every second."""
    place = Reading.objects.filter(name=NAME).first() or Reading()
    new = bool(place.gaps) or Transition.objects.filter(pk__gt=place.position).exists()
    return new or Telling.objects.filter(outgoing=None, dropped="", due_at__lte=now).exists()


def _listen(now: datetime) -> bool:
    """True where there may be more to read."""
    with transaction.atomic():
        place = _place()
        if place is None:
            return False
        new = reading.unread(place, BATCH)
        turns = [row for row in new if row.kind in HEARD]
        if turns:
            desires = _desires()
            beliefs = _beliefs({row.incident_id for row in turns})
            for row in turns:
                _follow(row, desires, beliefs[row.incident_id], now)
        reading.read(place, [row.pk for row in new], now)
        return len(new) == BATCH


def _follow(row: Transition, desires: Sequence[Desire], beliefs: dict[int, Belief], now: datetime) -> None:
    turn = _turn(row)
    decisions = decide(turn, desires, beliefs, now, speaking.limits().group)
    for dropped in (one for one in decisions if isinstance(one, Drop)):
        Telling.objects.filter(pk=dropped.waiting, outgoing=None).update(dropped=dropped.why)
        for address, belief in beliefs.items():
            beliefs[address] = _without(belief, dropped.waiting)
    new = [_telling(one, row, turn.severity, now) for one in decisions if isinstance(one, Tell)]
    for telling in Telling.objects.bulk_create(new):
        before = beliefs.get(telling.address_id, Belief())
        beliefs[telling.address_id] = _after(before, telling)


def _telling(decision: Tell, row: Transition, severity: str, now: datetime) -> Telling:
    return Telling(
        address_id=decision.address,
        incident_id=row.incident_id,
        phase=decision.phase,
        severity=severity,
        transition=row.pk,
        made_at=now,
        due_at=decision.due_at,
    )


def _turn(row: Transition) -> Turn:
    incident = row.incident
    return Turn(
        transition=row.pk,
        kind=row.kind,
        severity=incident.severity,
        customer=incident.site.customer_id if incident.site else None,
        site=incident.site_id,
        open=incident.is_open,
        suppressed=incident.suppressed_since is not None,
        assignee=incident.assignee_id,
        by=row.by_id,
    )


def _desires() -> list[Desire]:
    wishes = Wish.objects.filter(address__person__is_active=True, address__person__role__in=STAFF)
    rows = wishes.select_related("address").prefetch_related("customers", "sites")
    return [desire(row, row.address) for row in rows]


def desire(wish: Wish, address: Address) -> Desire:
    return Desire(
        address=address.pk,
        person=address.person_id,
        severity=wish.severity,
        zone=wish.time_zone,
        hours=wish.hours,
        customers=frozenset(customer.pk for customer in wish.customers.all()),
        sites=frozenset(site.pk for site in wish.sites.all()),
        tells_end=wish.tells_end,
    )


def _beliefs(incidents: Iterable[int]) -> dict[int, dict[int, Belief]]:
    found: dict[int, dict[int, Belief]] = defaultdict(dict)
    for telling in Telling.objects.filter(incident__in=incidents, dropped="").order_by("id"):
        own = found[telling.incident_id]
        own[telling.address_id] = _after(own.get(telling.address_id, Belief()), telling)
    return found


def _after(belief: Belief, telling: Telling) -> Belief:
    """What the address believes with one more telling."""
    waits = telling.pk if telling.outgoing_id is None else 0
    if telling.phase == Phase.ENDED:
        return Belief(knows=bool(waits), severity=belief.severity if waits else "", end_waits=waits)
    knows = belief.knows if waits else True
    return Belief(knows=knows, severity=telling.severity, begin_waits=waits)


def _without(belief: Belief, telling: int) -> Belief:
    return Belief(
        belief.knows,
        belief.severity if belief.knows else "",
        0 if belief.begin_waits == telling else belief.begin_waits,
        0 if belief.end_waits == telling else belief.end_waits,
    )


def _speak_to(address: Address, now: datetime) -> bool:
    with transaction.atomic():
        return _place() is not None and speaking.speak(address, now)

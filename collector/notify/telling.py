"""Reads new transitions exactly once, has it decided who is told, and writes the messages when their time has come. One
transaction at a time in all processes: it holds the row of its reading."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from collector.core.config import Config
from collector.core.models import STAFF
from collector.incidents.models import Incident, Transition
from collector.notify import outbox, reading, wording
from collector.notify.deciding import (
    HEARD,
    Belief,
    Desire,
    Drop,
    Limits,
    Tell,
    Turn,
    decide,
    is_last,
    room_at,
    still_true,
)
from collector.notify.models import Address, Outgoing, Phase, Reading, Telling, Wish
from collector.notify.wording import Told

NAME = "incidents"
BATCH = 1000
ADDRESSES = 200


def tell(now: datetime) -> int:
    """A duty. How many messages were written."""
    if not _is_something_to_do(now):
        return 0
    with transaction.atomic():
        Reading.objects.get_or_create(name=NAME)
        place = Reading.objects.select_for_update(skip_locked=True).filter(name=NAME).first()
        if place is None:
            return 0
        _listen(place, now)
        return _speak(now)


def _is_something_to_do(now: datetime) -> bool:
    """So that an idle collector takes no lock every second."""
    place = Reading.objects.filter(name=NAME).first() or Reading()
    new = bool(place.gaps) or Transition.objects.filter(pk__gt=place.position).exists()
    return new or Telling.objects.filter(outgoing=None, dropped="", due_at__lte=now).exists()


def limits() -> Limits:
    given: Config = settings.CONFIG
    return Limits(
        timedelta(seconds=given.notify.group_s), given.notify.most, timedelta(seconds=given.notify.most_s)
    )


def _listen(place: Reading, now: datetime) -> None:
    new = reading.unread(place, BATCH)
    turns = [row for row in new if row.kind in HEARD]
    if turns:
        desires = _desires()
        beliefs = _beliefs({row.incident_id for row in turns})
        for row in turns:
            _follow(row, desires, beliefs[row.incident_id], now)
    reading.read(place, [row.pk for row in new], now)


def _follow(row: Transition, desires: Sequence[Desire], beliefs: dict[int, Belief], now: datetime) -> None:
    turn = _turn(row)
    for decision in decide(turn, desires, beliefs, now, limits().group):
        match decision:
            case Tell():
                telling = Telling.objects.create(
                    address_id=decision.address, incident_id=row.incident_id, phase=decision.phase,
                    severity=turn.severity, transition=row.pk, made_at=now, due_at=decision.due_at,
                )  # fmt: skip
                before = beliefs.get(decision.address, Belief())
                beliefs[decision.address] = _after(before, telling)
            case Drop():
                Telling.objects.filter(pk=decision.waiting, outgoing=None).update(dropped=decision.why)
                for address, belief in beliefs.items():
                    beliefs[address] = _without(belief, decision.waiting)


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
    return [
        Desire(
            address=wish.address_id,
            person=wish.address.person_id,
            severity=wish.severity,
            zone=wish.time_zone,
            hours=wish.hours,
            customers=frozenset(customer.pk for customer in wish.customers.all()),
            sites=frozenset(site.pk for site in wish.sites.all()),
            tells_end=wish.tells_end,
        )
        for wish in wishes.select_related("address").prefetch_related("customers", "sites")
    ]


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


def _speak(now: datetime) -> int:
    due = Telling.objects.filter(outgoing=None, dropped="", due_at__lte=now)
    addresses = list(due.order_by("address_id").values_list("address_id", flat=True).distinct()[:ADDRESSES])
    found = Address.objects.filter(pk__in=addresses).select_related("person")
    return sum(_speak_to(address, now) for address in found)


def _speak_to(address: Address, now: datetime) -> bool:
    """One message with all that waits and lies within the person's hours, or none before the address has room."""
    bounds = limits()
    sent = list(
        Outgoing.objects.filter(
            channel=address.channel,
            address=address.address,
            made_at__gt=now - bounds.window,
            key__startswith="told:",
        ).values_list("made_at", flat=True)
    )
    waiting = address.tellings.filter(outgoing=None, dropped="", due_at__lte=now + bounds.group)
    if (free_at := room_at(sent, bounds, now)) > now:
        waiting.update(due_at=free_at)
        return False
    rows = waiting.select_related("incident__site__customer", "incident__terminal").order_by("pk")
    true = _still_true(rows, address.person_id)
    if not true:
        return False
    last = is_last(sent, bounds, now)
    _write(address, true, now, now + bounds.window if last else None)
    return True


def _still_true(waiting: Iterable[Telling], person: int) -> list[Telling]:
    true = []
    for telling in waiting:
        incident = telling.incident
        why = still_true(
            telling.phase,
            is_open=incident.is_open,
            suppressed=incident.suppressed_since is not None,
            is_mine=incident.assignee_id == person,
        )
        if why:
            Telling.objects.filter(pk=telling.pk).update(dropped=why)
        else:
            true.append(telling)
    return true


def _write(
    address: Address, tellings: Sequence[Telling], now: datetime, pause_until: datetime | None
) -> None:
    incidents = {telling.incident_id for telling in tellings}
    effects = _effects(incidents)
    told = [_told(telling, effects.get(telling.incident_id, 0)) for telling in tellings]
    alone = incidents.pop() if len(incidents) == 1 else None
    newest = max(telling.pk for telling in tellings)
    letter = wording.letter(address, told, key=f"told:{address.pk}:{newest}", pause_until=pause_until)
    if alone:
        letter = wording.about_one(letter, alone, _thread(address, alone) or letter.key)
    outbox.put(letter, now)
    kept = Outgoing.objects.get(key=letter.key)
    Telling.objects.filter(pk__in=[telling.pk for telling in tellings]).update(outgoing=kept)


def _thread(address: Address, incident: int) -> str:
    """The first message about this incident alone."""
    before = Outgoing.objects.filter(
        tellings__address=address, tellings__incident=incident, about=f"incident:{incident}"
    )
    return before.order_by("id").values_list("key", flat=True).first() or ""


def _effects(incidents: Iterable[int]) -> dict[int, int]:
    """How many are silent because of each."""
    silent = Incident.objects.filter(cause__in=incidents, suppressed_since__isnull=False).order_by()
    return dict(silent.values_list("cause").annotate(n=Count("pk")))


def _told(telling: Telling, effects: int) -> Told:
    incident = telling.incident
    site = incident.site
    return Told(
        incident=incident.pk,
        phase=telling.phase,
        code=incident.code,
        severity=incident.severity,
        place=_place(incident),
        customer=site.customer.name if site else "",
        site=site.pk if site else None,
        zone=site.time_zone if site else settings.CONFIG.time_zone,
        since=incident.since,
        ended_at=incident.resolved_at,
        reason=incident.reason,
        effects=effects,
        major=incident.major_since is not None,
    )


def _place(incident: Incident) -> str:
    parts = [
        incident.site.name if incident.site else incident.area,
        incident.terminal.name if incident.terminal else "",
        incident.subject_id,
    ]
    return ", ".join(part for part in parts if part)

"""Writes the messages whose time has come: one for all that waits for an address, as far as it is still true."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count

from collector.core.config import Config
from collector.incidents.models import Incident
from collector.notify import outbox, wording
from collector.notify.deciding import Limits, is_last, room_at, still_true
from collector.notify.models import Address, Outgoing, Telling
from collector.notify.wording import Told

ADDRESSES = 200


def limits() -> Limits:
    given: Config = settings.CONFIG
    return Limits(
        timedelta(seconds=given.notify.group_s), given.notify.most, timedelta(seconds=given.notify.most_s)
    )


def due(now: datetime) -> list[Address]:
    waiting = Telling.objects.filter(outgoing=None, dropped="", due_at__lte=now)
    numbers = waiting.order_by("address_id").values_list("address_id", flat=True).distinct()[:ADDRESSES]
    return list(Address.objects.filter(pk__in=list(numbers)).select_related("person"))


def speak(address: Address, now: datetime) -> bool:
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
        place=_where(incident),
        customer=site.customer.name if site else "",
        site=site.pk if site else None,
        zone=site.time_zone if site else settings.CONFIG.time_zone,
        since=incident.since,
        ended_at=incident.resolved_at,
        reason=incident.reason,
        effects=effects,
        major=incident.major_since is not None,
    )


def _where(incident: Incident) -> str:
    parts = [
        incident.site.name if incident.site else incident.area,
        incident.terminal.name if incident.terminal else "",
        incident.subject_id,
    ]
    return ", ".join(part for part in parts if part)

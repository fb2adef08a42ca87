"""Writes the messages about requests whose time has come: one for all that waits for an address, as far as it is still
true. Shares the cap of an address with the messages about incidents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from collector.core.models import User
from collector.notify import outbox, speaking
from collector.notify.deciding import is_last, room_at
from collector.notify.models import Outgoing
from collector.requests import acts, calling, wake_words
from collector.requests.calling_models import Call
from collector.requests.models import Request
from collector.requests.wake_words import Told
from collector.service.telling import short

ADDRESSES = 100


@dataclass(frozen=True, slots=True)
class Ear:
    """An address of a person."""

    person: User
    channel: str
    address: str


class TakenByAnother(Exception):
    """Another worker wrote the message meanwhile; this one is rolled back."""


def ring(now: datetime) -> int:
    """A duty. How many messages were written."""
    waiting = Call.objects.filter(outgoing=None, dropped="", due_at__lte=now).order_by()
    ears = list(waiting.values_list("person", "channel", "address").distinct()[:ADDRESSES])
    people = User.objects.in_bulk({person for person, _channel, _address in ears})
    return sum(_ring(Ear(people[person], channel, address), now) for person, channel, address in ears)


def _ring(ear: Ear, now: datetime) -> bool:
    try:
        with transaction.atomic():
            return speak(ear, now)
    except TakenByAnother:
        return False


def speak(ear: Ear, now: datetime) -> bool:
    """One message with all that waits for it and may be told now, or none before the address has room."""
    bounds = speaking.limits()
    waiting = Call.objects.filter(
        person=ear.person, channel=ear.channel, address=ear.address, outgoing=None, dropped=""
    ).filter(due_at__lte=now + bounds.group)
    recent = Outgoing.objects.filter(
        channel=ear.channel, address=ear.address, made_at__gt=now - bounds.window, key__startswith="told:"
    )
    sent = list(recent.values_list("made_at", flat=True))
    if (free_at := room_at(sent, bounds, now)) > now:
        waiting.update(due_at=free_at)
        return False
    rows = waiting.select_related(
        "turn__entry", "turn__request__customer", "turn__request__site", "turn__request__terminal",
        "turn__request__contact",
    )  # fmt: skip
    true = _still_true(rows.order_by("pk"), ear.person.pk)
    if not true:
        return False
    pause_until = now + bounds.window if is_last(sent, bounds, now) else None
    _write(ear, true, now, pause_until)
    return True


def _still_true(waiting: Iterable[Call], person: int) -> list[Call]:
    true = []
    for call in waiting:
        one = call.turn.request
        why = calling.still_true(
            call.turn.phase,
            is_open=acts.request_is_open(one),
            assignee=one.assignee_id,
            person=person,
        )
        if why:
            Call.objects.filter(pk=call.pk).update(dropped=why)
        else:
            true.append(call)
    return true


def _write(ear: Ear, calls: Sequence[Call], now: datetime, pause_until: datetime | None) -> None:
    told = _told(calls)
    newest = max(call.pk for call in calls)
    key = f"told:request:{ear.person.pk}:{short(ear.address)}:{newest}"
    letter = wake_words.letter(ear.person, ear.channel, ear.address, told, key=key, pause_until=pause_until)
    if not outbox.put(letter, now):
        raise TakenByAnother
    kept = Outgoing.objects.get(key=key)
    numbers = [call.pk for call in calls]
    hit = Call.objects.filter(pk__in=numbers, outgoing=None, dropped="").update(outgoing=kept)
    if hit != len(numbers):
        raise TakenByAnother


def _told(calls: Sequence[Call]) -> list[Told]:
    """A request that has two turns in one message is told of by the later one."""
    by_request = {call.turn.request_id: call for call in calls}
    return [_one(call) for call in by_request.values()]


def _one(call: Call) -> Told:
    one, turn = call.turn.request, call.turn
    return Told(
        request=one.pk,
        number=str(one),
        phase=turn.phase,
        title=one.title,
        priority=one.priority,
        place=where(one),
        customer=one.customer.name,
        asker=asker(one),
        text=turn.entry.text or one.text,
        zone=one.site.time_zone if one.site else settings.CONFIG.time_zone,
        since=turn.made_at,
        promised_at=one.promised_at,
    )


def where(one: Request) -> str:
    return ", ".join(part.name for part in (one.site, one.terminal) if part)


def asker(one: Request) -> str:
    """Name and telephone, so that whoever reads it can call at once."""
    given = (one.contact.name, one.contact.phone) if one.contact else (one.asker_name, one.asker_phone)
    return ", ".join(part for part in given if part)

"""Chains of the desk for requests: who hears when time runs out, or nobody takes one. The chains are those of
incidents; the row that only one worker can write decides who tells."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from collector.incidents.life import WAITING
from collector.incidents.models import State
from collector.requests import promise, ringing, wake_words
from collector.requests.calling_models import Escalation, Watch
from collector.requests.models import Request
from collector.service import chain, escalating, rounds, telling
from collector.service.chain import Due, Standing, Trigger

EVERY = timedelta(seconds=15)
BATCH = 200
_DONE = (State.RESOLVED, State.CLOSED, State.CANCELLED, State.MERGED)
_HANDS = (Trigger.NOBODY, Trigger.SILENCE)


def escalate(now: datetime) -> int:
    """A duty: tell what is due. How many were told."""
    if not rounds.mine("escalate_requests", now, EVERY):
        return 0
    return tell_due(now)


def tell_due(now: datetime) -> int:
    """Only requests to which something happened, or whose time has come, are worked out."""
    chains = escalating.chains_in_use()
    if not chains:
        return 0
    count = 0
    for one in list(_to_look_at(now)):
        standing = _standing(one, now)
        found = _chain_of(one, standing, chains)
        told = set(one.escalations.values_list("rung_id", "occurrence"))
        for due in chain.due(standing, found, now, told) if found else ():
            count += tell(one, due, now)
        look_at = chain.look_again(standing, found, now) if found else None
        Watch.objects.update_or_create(
            request=one, defaults={"touched_at": one.touched_at, "look_at": look_at}
        )
    return count


def tell(one: Request, due: Due, now: datetime) -> bool:
    """Claim it and tell it, in one transaction: told once, or not at all. False where another worker has it."""
    try:
        with transaction.atomic():
            row = Escalation.objects.create(
                request=one, rung_id=due.rung.id, occurrence=due.occurrence, at=now, percent=due.percent
            )
            found = escalating.reached(one.queue, one.assignee_id, due.rung.targets, now)
            row.told = [person.pk for person in found]
            row.save(update_fields=["told"])
            for person in found:
                telling.tell(
                    person, partial(_words, one, due), now,
                    key=f"request-escalation:{one.pk}:{due.rung.id}:{due.occurrence}",
                    about=f"request:{one.pk}", thread=f"request:{one.pk}:{person.pk}",
                )  # fmt: skip
    except IntegrityError:
        return False
    return True


def _to_look_at(now: datetime) -> QuerySet[Request]:
    """The gravest first."""
    wanted = Q(watch=None) | Q(watch__look_at__lte=now) | Q(watch__touched_at__lt=F("touched_at"))
    rows = Request.objects.exclude(state__in=_DONE).filter(wanted)
    rows = rows.select_related("customer", "site", "terminal", "contact", "incident")
    return rows.order_by("priority", "pk")[:BATCH]


def _chain_of(one: Request, standing: Standing, chains: Sequence[chain.Chain]) -> chain.Chain | None:
    """Of a request that has an open incident, the incident's chain tells that nobody does anything: one message per
    cause. What the customer was promised stays the request's."""
    found = chain.chain_of(standing, chains)
    if found is None or one.incident is None or not one.incident.is_open:
        return found
    return replace(found, rungs=tuple(rung for rung in found.rungs if rung.trigger not in _HANDS))


def _standing(one: Request, now: datetime) -> Standing:
    """Silence counts from the last thing that the staff did, or from its opening."""
    last = one.entries.exclude(by=None).exclude(kind="opened").order_by("-pk").first()
    found = promise.clocks(one, now)
    return Standing(
        queue=one.queue,
        priority=one.priority,
        assignee=one.assignee_id,
        opened_at=one.opened_at,
        quiet_since=last.at if last else one.opened_at,
        last_step=last.pk if last else 0,
        waits=one.state in WAITING,
        again=one.reopen_count,
        reaction=escalating.spent(found.reaction),
        solution=escalating.spent(found.solution),
    )


def _words(one: Request, due: Due, language: str) -> tuple[str, str]:
    why = escalating.why_of(due, language)
    parts: Iterable[str] = (ringing.where(one), one.customer.name, ringing.asker(one))
    lines = [f"{one} {one.title}", *(part for part in parts if part)]
    where = ringing.where(one) or one.customer.name
    return f"{one} {one.title}: {where}", "\n".join([why, "", *lines, "", wake_words.link(one.pk), ""])

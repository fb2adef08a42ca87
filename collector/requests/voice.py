"""What a customer does to a request in the portal. Who may see it was decided before; here is what may be done."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from collector.incidents.life import Stimulus, can
from collector.incidents.models import State
from collector.inventory.models import ContactPerson
from collector.requests import acts, files
from collector.requests.acts import ActRefused, locked
from collector.requests.log import PLOMBA, Actor, step, write
from collector.requests.models import Kind, Request


@transaction.atomic
def say(
    request_pk: int,
    actor: Actor,
    text: str,
    now: datetime,
    *,
    attached: Iterable[files.File] = (),
    left_out: int = 0,
) -> Request:
    """An answer ends the wait for the customer, and opens again what was resolved. What is closed for good only takes
    a line. Also what came by mail: then files may be missing."""
    request = locked(request_pk)
    said = text.strip()
    kept = tuple(attached)
    if not said and not kept:
        raise ActRefused("say it in some words", code="request.text_missing")
    public = bool(actor.contact)
    write(request, Kind.SAID, actor, now, text=said, public=public, attached=kept, left_out=left_out)
    if not public:
        return request
    if request.state == State.PENDING_CUSTOMER and can(request.state, _after(request)):
        step(request, _after(request), Kind.WOKEN, PLOMBA, now)
    elif request.state == State.RESOLVED:
        acts.reopen(request_pk, actor, said or "—", now)
    return request


def _after(request: Request) -> Stimulus:
    """Back to who had it; to the queue where nobody had it."""
    return Stimulus.WAKE if request.assignee_id else Stimulus.RETURN


def confirm_step(request_pk: int, contact: ContactPerson, name: str, now: datetime) -> None:
    acts.do_step(request_pk, name, Actor(contact=contact), now)


def decide(
    request_pk: int, contact: ContactPerson, approval: int, agreed: bool, *, comment: str, now: datetime
) -> None:
    """Paid work is agreed to by who may. `request.not_allowed`."""
    if not contact.approves_paid_work:
        raise ActRefused("this person may not agree to paid work", code="request.not_allowed")
    if not Request.objects.filter(
        pk=request_pk, approvals__pk=approval, approvals__by_customer=True
    ).exists():
        raise ActRefused("this question is not the customer's", code="request.not_allowed")
    acts.decide(request_pk, approval, Actor(contact=contact), agreed, comment=comment, now=now)


@transaction.atomic
def rate(request_pk: int, contact: ContactPerson, stars: int, text: str, now: datetime) -> None:
    """Once it is resolved or closed; a later rating takes the place of an earlier one."""
    request = locked(request_pk)
    if request.state not in (State.RESOLVED, State.CLOSED) or not 1 <= stars <= 5:
        raise ActRefused("what is solved can be rated, with one to five stars", code="request.not_solved")
    request.rating, request.rating_text, request.rated_at = stars, text.strip()[:1000], now
    write(
        request, Kind.RATED, Actor(contact=contact), now, text=request.rating_text, public=True, stars=stars
    )


def reopen(request_pk: int, contact: ContactPerson, reason: str, now: datetime) -> None:
    acts.reopen(request_pk, Actor(contact=contact), reason, now)


def settle(request_pk: int, contact: ContactPerson, now: datetime) -> None:
    """Yes, it is solved."""
    acts.close(request_pk, Actor(contact=contact), now)


def withdraw(request_pk: int, contact: ContactPerson, reason: str, now: datetime) -> None:
    acts.cancel(request_pk, Actor(contact=contact), reason, now)

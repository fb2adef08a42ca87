"""What the staff does to a request. Each act is one transaction and leaves one line in the log; what concerns the
customer is told by a letter."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from collector.core.models import User
from collector.incidents import opening
from collector.incidents.life import Stimulus
from collector.incidents.models import Incident, Source, State
from collector.requests import catalogue, files, fulfilment, letters, promise
from collector.requests.log import Actor, step, write
from collector.requests.models import Approval, Kind, Request
from protocols.errors import PlombaError

NOTE, REASON = 20_000, 400
WAITS = {
    "customer": Stimulus.WAIT_CUSTOMER,
    "supplier": Stimulus.WAIT_SUPPLIER,
    "legal": Stimulus.WAIT_LEGAL,
}


class ActRefused(PlombaError):
    """`request.text_missing`, `request.time_missing`, `request.not_open`, `request.merge`, `request.approval_open`,
    `request.steps_open`, `request.incident_foreign`."""

    code = "request.refused"


def locked(pk: int) -> Request:
    """Inside a transaction. Request.DoesNotExist."""
    return Request.objects.select_for_update().get(pk=pk)


def _said(text: str, most: int = NOTE) -> str:
    found = text.strip()
    if not found:
        raise ActRefused("say it in some words", code="request.text_missing")
    return found[:most]


@transaction.atomic
def take(pk: int, by: User, worker: User, now: datetime) -> None:
    request = locked(pk)
    request.assignee = worker
    step(request, Stimulus.TAKE, Kind.ASSIGNED, Actor(by), now, assignee=worker.pk)


@transaction.atomic
def start(pk: int, by: User, now: datetime) -> None:
    """Who begins has it."""
    request = locked(pk)
    request.assignee = request.assignee or by
    step(request, Stimulus.START, Kind.STARTED, Actor(by), now)


@transaction.atomic
def give_back(pk: int, by: User, queue: str, now: datetime) -> None:
    """To a queue; nobody has it any more."""
    request = locked(pk)
    request.queue, request.assignee = queue or request.queue, None
    if request.state == State.NEW:
        write(request, Kind.QUEUED, Actor(by), now, queue=request.queue)
        return
    step(request, Stimulus.RETURN, Kind.QUEUED, Actor(by), now, queue=request.queue)


@transaction.atomic
def say(
    pk: int, by: User, text: str, now: datetime, *, public: bool, attached: Iterable[files.File] = ()
) -> None:
    """To the customer, or a note for the staff."""
    request, kept = locked(pk), files.accept(attached)
    if public and request.answered_at is None:
        request.answered_at = now
    kind = Kind.SAID if public else Kind.NOTED
    entry = write(request, kind, Actor(by), now, text=_said(text), public=public, attached=kept)
    letters.said(request, entry, Actor(by))


@transaction.atomic
def wait(pk: int, by: User, for_whom: str, until: datetime | None, *, reason: str, now: datetime) -> None:
    """`for_whom`: customer, supplier or legal. The customer reads a reason that concerns him."""
    request, text = locked(pk), _said(reason, REASON)
    if until is None or until <= now:
        raise ActRefused("say until when it waits; the moment must be to come", code="request.time_missing")
    entry = step(
        request, WAITS[for_whom], Kind.PENDING, Actor(by), now,
        text=text, public=for_whom != "supplier", until=until.isoformat(), for_whom=for_whom,
    )  # fmt: skip
    request.pending_until, request.pending_reason = until, text
    request.save(update_fields=["pending_until", "pending_reason"])
    if for_whom == "customer":
        letters.said(request, entry, Actor(by), "pending")


@transaction.atomic
def wake(pk: int, by: User | None, now: datetime) -> None:
    """What it waited for has come, or its time has."""
    step(locked(pk), Stimulus.WAKE, Kind.WOKEN, Actor(by), now)


@transaction.atomic
def agree_visit(pk: int, by: User, at: datetime | None, text: str, now: datetime) -> None:
    """`at`: when the technician comes."""
    request = locked(pk)
    if at is None or at <= now:
        raise ActRefused(
            "say when the technician comes; the moment must be to come", code="request.time_missing"
        )
    entry = step(
        request, Stimulus.VISIT, Kind.VISIT, Actor(by), now,
        text=text.strip(), public=True, until=at.isoformat(),
    )  # fmt: skip
    request.pending_until = at
    request.save(update_fields=["pending_until"])
    letters.said(request, entry, Actor(by), "visit", until=at)


@transaction.atomic
def prioritise(pk: int, by: User, impact: int, urgency: int, now: datetime) -> None:
    request = locked(pk)
    request.impact, request.urgency = impact, urgency
    request.priority = promise.priority(impact, urgency)
    write(request, Kind.PRIORITISED, Actor(by), now, priority=request.priority)


@transaction.atomic
def ask_approval(
    pk: int, by: User, question: str, cents: int | None, now: datetime, *, by_customer: bool = True
) -> Approval:
    """The question stands until it is answered; a newer one takes the place of an open one of the same side."""
    request = locked(pk)
    if not request_is_open(request):
        raise ActRefused("the request is not open", code="request.not_open")
    request.approvals.filter(by_customer=by_customer, agreed=None).delete()
    asked = Approval.objects.create(
        request=request,
        by_customer=by_customer,
        question=_said(question),
        cents=cents,
        asked_at=now,
        asked_by=by,
    )
    write(
        request, Kind.APPROVAL_ASKED, Actor(by), now,
        text=asked.question, public=by_customer, approval=asked.pk, cents=cents,
    )  # fmt: skip
    if by_customer:
        letters.approval(request, asked, now)
    return asked


@transaction.atomic
def decide(pk: int, approval: int, actor: Actor, agreed: bool, *, comment: str, now: datetime) -> None:
    """A manager or the customer answers. One that is answered already stays as it is: request.approval_done."""
    request = locked(pk)
    asked = request.approvals.select_for_update().filter(pk=approval, agreed=None).first()
    if asked is None:
        raise ActRefused("this question is answered already, or withdrawn", code="request.approval_done")
    asked.agreed, asked.decided_at, asked.comment = agreed, now, comment.strip()[:1000]
    asked.decided_by, asked.contact = actor.user, actor.contact
    asked.save()
    kind = Kind.APPROVED if agreed else Kind.DECLINED
    write(
        request,
        kind,
        actor,
        now,
        text=asked.comment,
        public=asked.by_customer,
        approval=asked.pk,
        cents=asked.cents,
    )


def is_for_managers(pk: int, approval: int) -> bool:
    """Whether a manager, not the customer, answers this question."""
    return Approval.objects.filter(pk=approval, request=pk, by_customer=False).exists()


@transaction.atomic
def do_step(pk: int, name: str, actor: Actor, now: datetime) -> None:
    fulfilment.do(locked(pk), name, actor, now)


@transaction.atomic
def resolve(pk: int, by: User, text: str, code: str, now: datetime) -> None:
    """Told to the customer. Open questions and steps are done first; a request that is not to be done is cancelled."""
    request, said = locked(pk), _said(text, REASON)
    if request.approvals.filter(agreed=None).exists():
        raise ActRefused("a question is not answered yet", code="request.approval_open")
    if request.steps.filter(done_at=None).exists():
        raise ActRefused("not all steps are done", code="request.steps_open")
    request.assignee = request.assignee or by
    request.resolution, request.resolution_code, request.resolved_at = said, code[:40], now
    request.answered_at = request.answered_at or now
    entry = step(request, Stimulus.RESOLVE, Kind.RESOLVED, Actor(by), now, text=said, public=True)
    letters.said(request, entry, Actor(by), "resolved")


@transaction.atomic
def cancel(pk: int, actor: Actor, reason: str, now: datetime) -> None:
    request, said = locked(pk), _said(reason, REASON)
    entry = step(request, Stimulus.CANCEL, Kind.CANCELLED, actor, now, text=said, public=True)
    letters.said(request, entry, actor, "cancelled")


@transaction.atomic
def reopen(pk: int, actor: Actor, reason: str, now: datetime) -> None:
    """It was not solved after all; the clock goes on where it stood."""
    request, said = locked(pk), _said(reason)
    request.reopen_count += 1
    request.resolved_at = None
    stimulus = Stimulus.REOPEN if request.assignee_id else Stimulus.RETURN
    step(request, stimulus, Kind.REOPENED, actor, now, text=said, public=True)


@transaction.atomic
def close(pk: int, actor: Actor, now: datetime) -> None:
    """For good."""
    step(locked(pk), Stimulus.CLOSE, Kind.CLOSED, actor, now, public=True)


@transaction.atomic
def merge(pk: int, by: User, into: int, now: datetime) -> None:
    """Into another open one of the same customer. Who asked is told where it goes on."""
    request, other = locked(pk), Request.objects.filter(pk=into).first()
    if (
        other is None
        or other.pk == pk
        or other.customer_id != request.customer_id
        or not request_is_open(other)
    ):
        raise ActRefused(
            "it can be merged with another open request of the customer only", code="request.merge"
        )
    request.merged_into = other
    entry = step(
        request, Stimulus.MERGE, Kind.MERGED, Actor(by), now, text=str(other), public=True, into=other.pk
    )
    write(other, Kind.LINKED, Actor(by), now, text=f"{request}: {request.text}", merged=pk)
    letters.said(request, entry, Actor(by), "merged")


@transaction.atomic
def open_incident(pk: int, by: User, now: datetime) -> Incident:
    """Of what the request tells, so that it has an incident's clock, chain and people. Once: refused where it is
    linked to one that is open."""
    request = locked(pk)
    if request.incident and request.incident.is_open:
        raise ActRefused("it has an incident already", code="request.incident_there")
    if request.site is None:
        raise ActRefused("say first which till or shop it is about", code="request.place_missing")
    told = opening.Report(
        title=request.title,
        text=request.text,
        terminal=request.terminal_id or "",
        site=request.site_id,
        source=Source(request.source),
        impact=request.impact,
        urgency=request.urgency,
        queue=request.queue,
    )
    request.incident = opening.report(told, by)
    write(request, Kind.LINKED, Actor(by), now, incident=request.incident.pk)
    return request.incident


@transaction.atomic
def link(pk: int, by: User, incident: Incident, now: datetime) -> None:
    """To an incident of the same customer."""
    request = locked(pk)
    place = incident.terminal.site if incident.terminal else incident.site
    if place is None or place.customer_id != request.customer_id:
        raise ActRefused("the incident is of another customer", code="request.incident_foreign")
    request.incident = incident
    write(request, Kind.LINKED, Actor(by), now, incident=incident.pk, code=incident.code)


def request_is_open(request: Request) -> bool:
    return request.state not in (State.RESOLVED, State.CLOSED, State.CANCELLED, State.MERGED)


def type_of(request: Request) -> catalogue.RequestType:
    return catalogue.pinned(request.definition)

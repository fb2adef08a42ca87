"""Incidents come to a queue by its rules, and to a person by skills, presence and load."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from pydantic import BaseModel, ConfigDict, ValidationError

from collector.core.models import User
from collector.incidents.models import OPEN, Incident, Kind, State
from collector.incidents.steps import step
from collector.service import assigning, people, rounds, routing
from collector.service.assigning import Candidate, Need, Ranked
from collector.service.desk_models import Queue, QueueRule
from collector.service.refusing import ServiceRefused
from collector.service.routing import Facts, Rule

BATCH = 200
ROUTE_EVERY = timedelta(seconds=2)
_URGENT = 2


class Match(BaseModel):
    """What a rule narrows by, as it is kept and as the pages and the REST API take it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    codes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    priorities: tuple[int, ...] = ()
    customers: tuple[int, ...] = ()
    regions: tuple[str, ...] = ()


def rule_of(row: QueueRule) -> Rule:
    return Rule(
        queue=row.queue_id,
        name=row.name,
        skills=tuple(row.skills),
        **Match.model_validate(row.match).model_dump(),
    )


def rules() -> list[Rule]:
    """Those in use, in order. One that cannot be read is passed over, never guessed."""
    found = []
    for row in QueueRule.objects.filter(active=True):
        try:
            found.append(rule_of(row))
        except ValidationError:
            continue
    return found


def facts_of(incident: Incident) -> Facts:
    site = incident.site
    return Facts(
        code=incident.code,
        source=incident.source,
        severity=incident.severity,
        subject=incident.subject_kind,
        priority=incident.priority or 0,
        customer=site.customer_id if site else 0,
        region=site.region if site else "",
    )


def waiting_for_a_queue() -> QuerySet[Incident]:
    """Effects of a known cause and what is expected stay out of the queues."""
    return Incident.objects.filter(queue="", state__in=OPEN, suppressed_since=None)


def route_new(now: datetime) -> int:
    """A duty: every incident that stands on its own goes to a queue. How many."""
    if not rounds.mine("route", now, ROUTE_EVERY):
        return 0
    waiting = list(waiting_for_a_queue().order_by("pk").values_list("pk", flat=True)[:BATCH])
    known = rules() if waiting else []
    return sum(_route(pk, known, now) for pk in waiting)


def _route(pk: int, known: list[Rule], now: datetime) -> bool:
    with transaction.atomic():
        rows = Incident.objects.select_for_update(skip_locked=True, of=("self",)).select_related("site")
        found = rows.filter(pk=pk, queue="", state__in=OPEN).first()
        rule = routing.route(facts_of(found), known) if found else None
        if found is None or rule is None:
            return False
        _into(found, rule.queue, now, None, rule.name)
    if Queue.objects.filter(pk=rule.queue, automatic=True).exists():
        give(pk, now)
    return True


def move(pk: int, queue: str, by: User, now: datetime, note: str = "") -> Incident:
    """By hand, to another queue. ServiceRefused queue.unknown, incident.state."""
    if not by.may_work:
        raise ServiceRefused("only technicians and managers work on incidents", code="incident.not_allowed")
    if not Queue.objects.filter(pk=queue).exists():
        raise ServiceRefused("there is no such queue", code="queue.unknown")
    with transaction.atomic():
        found = Incident.objects.select_for_update(of=("self",)).filter(pk=pk, state__in=OPEN).first()
        if found is None:
            raise ServiceRefused("the incident is not open", code="incident.state")
        if found.queue != queue:
            _into(found, queue, now, by, note)
        return found


def give(pk: int, now: datetime) -> Ranked | None:
    """To whoever is best, has every skill, can be reached and has a hand free; None where nobody is, and where
    somebody has it already."""
    with transaction.atomic():
        rows = Incident.objects.select_for_update(of=("self",)).select_related("site")
        found = rows.filter(pk=pk, assignee=None, state__in=OPEN).first()
        if found is None:
            return None
        queue = Queue.objects.filter(pk=found.queue).first()
        chosen = assigning.choose(need_of(found), people.candidates(queue, now))
        if chosen is None:
            return None
        person = User.objects.get(pk=chosen.person)
        found.assignee = person
        to = State.ASSIGNED if found.state == State.NEW else found.state
        step(found, Kind.ASSIGNED, now, now, to=to, note=person.get_username())
        return chosen


def suggestions(incident: Incident, now: datetime) -> list[Ranked]:
    """Whom to ask, the best first."""
    queue = Queue.objects.filter(pk=incident.queue).first()
    return assigning.ranking(need_of(incident), people.candidates(queue, now))


def need_of(incident: Incident, known: Sequence[Rule] | None = None) -> Need:
    mine = [one for one in (rules() if known is None else known) if one.queue == incident.queue]
    rule = routing.route(facts_of(incident), mine)
    return Need(
        skills=frozenset(rule.skills if rule else ()),
        town=incident.site.city if incident.site else "",
        urgent=bool(incident.priority and incident.priority <= _URGENT),
    )


def ranked(incident: Incident, candidates: Sequence[Candidate], known: Sequence[Rule]) -> list[Ranked]:
    """As `suggestions`, for many incidents with what was read once."""
    return assigning.ranking(need_of(incident, known), candidates)


def _into(incident: Incident, queue: str, now: datetime, by: User | None, note: str) -> None:
    incident.queue = queue
    step(incident, Kind.QUEUED, now, now, by=by.pk if by else None, note=note or queue)

"""The queues with what waits in them, and the people who work them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q, QuerySet

from collector.core.models import User
from collector.incidents.models import OPEN, Incident
from collector.service import desk, oncall, people, routing
from collector.service.assigning import Candidate, Ranked
from collector.service.models import Absence, Queue, QueueRule, Worker

WAITING_SHOWN = 30
SUGGESTED = 2
TRIED = timedelta(days=30)
TRIED_MOST = 5000


@dataclass(frozen=True, slots=True)
class Waiting:
    """An incident that nobody has, and whom to ask."""

    incident: Incident
    suggested: Sequence[tuple[User, Ranked]]


@dataclass(frozen=True, slots=True)
class Counted:
    open: int = 0
    nobody: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Board:
    queue: Queue
    counted: Counted
    called: Sequence[User]
    waiting: Sequence[Waiting]


@dataclass(frozen=True, slots=True)
class Person:
    user: User
    worker: Worker
    load: float
    open: int
    away: bool
    called: bool
    queues: Sequence[str]

    @property
    def share(self) -> int:
        """Per cent of what is enough, at most 100: the length of a bar."""
        return min(100, round(100 * self.load / self.worker.capacity)) if self.worker.capacity else 100

    @property
    def full(self) -> bool:
        return self.load >= self.worker.capacity


def open_incidents() -> QuerySet[Incident]:
    return Incident.objects.filter(state__in=OPEN, suppressed_since=None)


def boards(now: datetime) -> list[Board]:
    known = {one.pk: one for one in people.workers()}
    nobody, late = Count("pk", filter=Q(assignee=None)), Count("pk", filter=Q(due_at__lte=now))
    rows = (
        open_incidents().order_by().values_list("queue").annotate(open=Count("pk"), nobody=nobody, late=late)
    )
    counted = {str(queue): Counted(*numbers) for queue, *numbers in rows}
    return [_board(queue, counted.get(queue.key, Counted()), known, now) for queue in Queue.objects.all()]


def _board(queue: Queue, counted: Counted, known: dict[int, User], now: datetime) -> Board:
    rows = open_incidents().filter(queue=queue.key, assignee=None)
    rows = rows.select_related("terminal__site", "site__customer").order_by(
        F("due_at").asc(nulls_last=True), "priority", "pk"
    )
    called = [known[pk] for pk in oncall.called(queue.key, now) if pk in known]
    candidates = people.candidates(queue, now) if counted.nobody else []
    rules = desk.rules()
    waiting = [Waiting(row, _suggested(row, candidates, rules, known)) for row in rows[:WAITING_SHOWN]]
    return Board(queue, counted, called, waiting)


def _suggested(
    row: Incident, candidates: Sequence[Candidate], rules: Sequence[routing.Rule], known: dict[int, User]
) -> list[tuple[User, Ranked]]:
    ranked = desk.ranked(row, candidates, rules)
    return [(known[one.person], one) for one in ranked[:SUGGESTED] if one.person in known]


def persons(now: datetime) -> list[Person]:
    users = list(people.workers())
    kept = {one.user_id: one for one in Worker.objects.filter(user__in=users)}
    load = people.loads(one.pk for one in users)
    counted = open_incidents().order_by().values_list("assignee_id").annotate(count=Count("pk"))
    opened = dict(counted)
    away = people.away_at(now)
    called = {pk for row in oncall.rotas() for pk in oncall.called(row.queue_id or "", now, row.level)}
    queues: dict[int, list[str]] = defaultdict(list)
    for queue in Queue.objects.prefetch_related("members"):
        for member in queue.members.all():
            queues[member.user_id].append(str(queue))
    return [
        Person(
            user=one,
            worker=kept.get(one.pk) or Worker(user=one),
            load=load.get(one.pk, 0),
            open=opened.get(one.pk, 0),
            away=one.pk in away,
            called=one.pk in called,
            queues=queues[one.pk],
        )
        for one in users
    ]


def absences(now: datetime) -> QuerySet[Absence]:
    return Absence.objects.filter(ends_at__gt=now).select_related("user")


def tried(rows: Sequence[QueueRule], now: datetime) -> list[tuple[Queue, int, int]]:
    """A dry run: where the incidents of thirty days would have gone by these rules, and how many of them did."""
    rules = [desk.rule_of(row) for row in rows if row.active]
    found, moved = Counter[str](), Counter[str]()
    seen = (
        Incident.objects.filter(opened_at__gte=now - TRIED)
        .select_related("site")
        .order_by("-id")[:TRIED_MOST]
    )
    for incident in seen:
        rule = routing.route(desk.facts_of(incident), rules)
        if rule is not None:
            found[rule.queue] += 1
            moved[rule.queue] += incident.queue != rule.queue
    return [(queue, found[queue.key], moved[queue.key]) for queue in Queue.objects.all()]


def skills_known() -> list[str]:
    kept = [skill for row in Worker.objects.all() for skill in row.skills]
    asked = [skill for row in QueueRule.objects.all() for skill in row.skills]
    return sorted({str(one) for one in (*kept, *asked)})

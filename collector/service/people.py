"""Who works at the desk, as the pure rooms want it: skills, load, presence."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, QuerySet

from collector.core.models import Role, User
from collector.incidents.models import OPEN, Incident
from collector.service import assigning, oncall
from collector.service.assigning import Candidate
from collector.service.desk_models import Absence, Member, Queue, Worker
from collector.service.rota import at_clock

WORKING = (Role.TECHNICIAN, Role.MANAGER)


def workers() -> QuerySet[User]:
    return User.objects.filter(is_active=True, role__in=WORKING).order_by("first_name", "username")


def worker_of(user: User) -> Worker:
    """What is kept of a person; somebody of whom nothing is kept has no skill and the usual capacity."""
    return Worker.objects.filter(user=user).first() or Worker(user=user)


def loads(people: Iterable[int]) -> dict[int, float]:
    """The weight of what each has open. What only waits for others weighs as well: it comes back."""
    found: dict[int, float] = defaultdict(float)
    rows = Incident.objects.filter(assignee_id__in=list(people), state__in=OPEN).order_by()
    counted = rows.values_list("assignee_id", "priority").annotate(count=Count("pk"))
    for person, priority, count in counted:
        found[person] += count * assigning.weight(priority)
    return found


def candidates(queue: Queue | None, now: datetime) -> list[Candidate]:
    """The members of the queue; all who work where it has none."""
    people = list(workers())
    if queue is not None and (members := set(queue.members.values_list("user_id", flat=True))):
        people = [one for one in people if one.pk in members]
    known = {one.user_id: one for one in Worker.objects.filter(user__in=people)}
    away = away_at(now)
    called = set(oncall.called(queue.key if queue else "", now))
    load = loads(one.pk for one in people)
    return [
        replace(
            _candidate(known.get(one.pk) or Worker(user=one), now),
            load=load.get(one.pk, 0),
            away=one.pk in away,
            on_call=one.pk in called,
        )
        for one in people
    ]


def away_at(now: datetime) -> set[int]:
    rows = Absence.objects.filter(starts_at__lte=now, ends_at__gt=now)
    return set(rows.values_list("user_id", flat=True))


def leads(queue: str) -> list[int]:
    """Of the queue; where it has none, those of no queue are asked: the managers."""
    return list(
        Member.objects.filter(queue=queue, lead=True, user__is_active=True).values_list("user_id", flat=True)
    )


def managers() -> list[int]:
    rows = User.objects.filter(is_active=True, role=Role.MANAGER).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def works_at(hours: Mapping[str, object], now: datetime) -> bool:
    """On the wall clock of the service company."""
    if not hours:
        return True
    zone = settings.CONFIG.time_zone
    day = now.astimezone(ZoneInfo(zone)).date()
    spans = hours.get(("mon", "tue", "wed", "thu", "fri", "sat", "sun")[day.weekday()], ())
    assert isinstance(spans, list | tuple)  # noqa: S101 - the form has checked it
    return any(at_clock(day, begin, zone) <= now < at_clock(day, end, zone) for begin, end in spans)


def _candidate(kept: Worker, now: datetime) -> Candidate:
    return Candidate(
        person=kept.user_id,
        skills=frozenset(kept.skills),
        capacity=kept.capacity,
        in_hours=works_at(kept.hours, now),
        town=kept.town,
    )

"""What managers look at across customers: how much each technician does, and which faults which models have."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, Sum

from collector.core.models import Role, User
from collector.incidents.desk_models import TimeSpent
from collector.incidents.models import OPEN, Incident
from collector.service.visit_models import Visit

PARETO_MOST = 30


@dataclass(frozen=True, slots=True)
class Load:
    """Of one person in one stretch; `open_now` and `late_now` are of this moment."""

    person: User
    open_now: int
    late_now: int
    resolved: int
    visits: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Bar:
    """`share` and `up_to` in per cent of all: `up_to` counts the bars above in, too."""

    model: str
    code: str
    count: int
    share: float
    up_to: float


def loads(begin: datetime, end: datetime, now: datetime) -> list[Load]:
    """Everybody who works, the busiest first."""
    workers = User.objects.filter(is_active=True, role__in=(Role.TECHNICIAN, Role.MANAGER))
    open_now = _per_person(Incident.objects.filter(state__in=OPEN), "assignee")
    late = _per_person(Incident.objects.filter(state__in=OPEN, due_at__lt=now), "assignee")
    resolved = _per_person(Incident.objects.filter(resolved_at__gte=begin, resolved_at__lt=end), "assignee")
    visits = _per_person(
        Visit.objects.filter(state="done", ended_at__gte=begin, ended_at__lt=end), "technician"
    )
    spent = TimeSpent.objects.filter(at__gte=begin, at__lt=end, removed_at=None)
    minutes = dict(spent.values_list("by").annotate(total=Sum("minutes")))
    rows = [
        Load(
            person=one,
            open_now=open_now.get(one.pk, 0),
            late_now=late.get(one.pk, 0),
            resolved=resolved.get(one.pk, 0),
            visits=visits.get(one.pk, 0),
            minutes=minutes.get(one.pk) or 0,
        )
        for one in workers
    ]
    return sorted(rows, key=lambda row: (-row.open_now, -row.resolved, row.person.username))


def _per_person(rows, field: str) -> dict[int, int]:  # type: ignore[no-untyped-def] # any of three models
    return dict(rows.exclude(**{field: None}).values_list(field).annotate(total=Count("pk")))


def pareto(begin: datetime, end: datetime) -> list[Bar]:
    """Faults by the model of the device, the most frequent first; consequences of others are left out."""
    found = Incident.objects.filter(
        Q(opened_at__gte=begin, opened_at__lt=end), cause=None, device__isnull=False
    ).values_list("device__identity", "code")
    counts = Counter((str((identity or {}).get("model", "")), code) for identity, code in found)
    return _bars(counts.most_common())


def _bars(counts: Sequence[tuple[tuple[str, str], int]]) -> list[Bar]:
    total = sum(count for _, count in counts)
    bars: list[Bar] = []
    so_far = 0
    for (model, code), count in counts[:PARETO_MOST]:
        so_far += count
        bars.append(Bar(model, code, count, 100 * count / total, 100 * so_far / total))
    return bars

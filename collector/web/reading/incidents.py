"""The work queue: which incidents an address asks for, in which order."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from django.db.models import Case, Count, F, IntegerField, OrderBy, Prefetch, Q, QuerySet, Value, When
from django.http import QueryDict

from collector.core import clock
from collector.incidents.life import WAITING
from collector.incidents.models import OPEN, Incident, State, Transition
from collector.web.reading.fold import Fold, fold
from collector.web.reading.page import PAGE_ROWS, Page, one_of, whole
from protocols.status.faults import FAULTS

SHOWN = ("open", "new", "working", "waiting", "done", "all")
SEVERITIES = ("critical", "error", "warning", "info")
SILENCE = ("agent.silent", "site.offline")
"""Codes that mean no contact rather than a fault of the till."""
GROUPS: dict[str, Q] = {
    "fault": Q(severity__in=("critical", "error")) & ~Q(code__in=SILENCE),
    "attention": Q(severity="warning"),
    "no_contact": Q(code__in=SILENCE),
}
"""The tiles of the first page."""
SORTS = ("left", "severity", "newest", "oldest", "seen")

_STATES: dict[str, tuple[str, ...]] = {
    "open": OPEN,
    "new": (State.NEW,),
    "working": (State.ASSIGNED, State.IN_PROGRESS),
    "waiting": WAITING,
    "done": (State.RESOLVED, State.CLOSED),
}
_LAST = F("due_at").asc(nulls_last=True), F("priority").asc(nulls_last=True)
_ORDERS: dict[str, tuple[str | OrderBy, ...]] = {
    "left": (*_LAST, "since", "id"),
    "severity": ("rank", "since", "id"),
    "newest": ("-opened_at", "-id"),
    "oldest": ("opened_at", "id"),
    "seen": ("-last_seen_at", "-id"),
}


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """`mine`: those of `me` and those that nobody has. `late`: whose time is used up. `silent`: also those of which
    nobody is told, because their cause is known. Empty fields do not filter."""

    show: str = "open"
    severity: str = ""
    group: str = ""
    code: str = ""
    search: str = ""
    sort: str = "left"
    customer: int | None = None
    site: int | None = None
    terminal: str = ""
    priority: int | None = None
    queue: str = ""
    late: bool = False
    silent: bool = False
    mine: bool = False
    me: int | None = None

    @classmethod
    def of(cls, params: QueryDict, me: int | None = None) -> Self:
        return cls(
            show=one_of(params, "show", SHOWN, "open"),
            severity=one_of(params, "severity", SEVERITIES),
            group=one_of(params, "group", tuple(GROUPS)),
            code=one_of(params, "code", tuple(FAULTS)),
            search=params.get("q", "").strip()[:80],
            sort=one_of(params, "sort", SORTS, "left"),
            customer=whole(params, "customer"),
            site=whole(params, "site"),
            terminal=params.get("terminal", "")[:40],
            priority=whole(params, "priority"),
            queue=params.get("queue", "")[:40],
            late=params.get("late") == "1",
            silent=params.get("silent") == "1",
            mine=params.get("mine") == "1",
            me=me,
        )

    @property
    def narrowing(self) -> bool:
        """True when something is filtered away beyond what the queue shows at first."""
        return replace(self, sort="left", me=None) != IncidentFilter()


def incidents(wanted: IncidentFilter) -> QuerySet[Incident]:
    """With everything that a row shows: no further query per row."""
    rows = Incident.objects.select_related("terminal", "site__customer", "device", "assignee", "cause")
    if wanted.show in _STATES:
        rows = rows.filter(state__in=_STATES[wanted.show])
    if wanted.group in GROUPS:
        rows = rows.filter(GROUPS[wanted.group])
    exact = {
        "severity": wanted.severity,
        "code": wanted.code,
        "site__customer": wanted.customer,
        "site": wanted.site,
        "terminal": wanted.terminal,
        "priority": wanted.priority,
        "queue": wanted.queue,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if wanted.late:
        rows = rows.filter(due_at__lte=clock.now())
    if not wanted.silent and wanted.show in ("open", "new", "working", "waiting"):
        rows = rows.filter(suppressed_since=None)
    if wanted.mine:
        rows = rows.filter(Q(assignee=wanted.me) | Q(assignee=None))
    return _ordered(_searched(rows, wanted.search), wanted.sort)


def first_rows(wanted: IncidentFilter, count: int, start: int = 0) -> list[Incident]:
    """Those that come first. Sorted by number alone and only then read whole: a database sorts ten thousand narrow rows
    in a fraction of the time."""
    numbers = list(incidents(wanted).values_list("pk", flat=True)[start : start + count])
    found = incidents(IncidentFilter(show="all", silent=True)).order_by().in_bulk(numbers)
    return [found[number] for number in numbers if number in found]


def page(wanted: IncidentFilter, number: int) -> Page[Incident]:
    total = incidents(wanted).count()
    pages = max(1, -(-total // PAGE_ROWS))
    number = min(max(1, number), pages)
    return Page(first_rows(wanted, PAGE_ROWS, (number - 1) * PAGE_ROWS), number, pages, total)


def _searched(rows: QuerySet[Incident], search: str) -> QuerySet[Incident]:
    """Every word must be found in the place or in the fault's title in any of the three languages."""
    if not search:
        return rows
    parts = (
        "title",
        "terminal__name",
        "site__name",
        "site__city",
        "site__customer__name",
        "area",
    )
    rows = rows.alias(words=Fold(*parts, "subject_id"))
    for word in fold(search).split():
        codes = [f.code for f in FAULTS.values() if word in fold(f"{f.code} {f.lv} {f.en} {f.ru}")]
        number = Q(pk=int(word)) if word.isascii() and word.isdigit() and len(word) < 12 else Q()
        rows = rows.filter(Q(words__contains=word) | Q(code__in=codes) | number)
    return rows


def silent_count() -> int:
    """Open incidents of which nobody is told."""
    return Incident.objects.filter(state__in=OPEN, suppressed_since__isnull=False).count()


def effects_of(rows: Iterable[Incident]) -> dict[int, int]:
    """How many open incidents each of these explains."""
    found = Incident.objects.filter(cause__in=[row.pk for row in rows], state__in=OPEN)
    counted = (
        found.filter(suppressed_since__isnull=False).order_by().values_list("cause").annotate(n=Count("pk"))
    )
    return {cause: n for cause, n in counted if cause is not None}


def _ordered(rows: QuerySet[Incident], sort: str) -> QuerySet[Incident]:
    ranks = [When(severity=name, then=Value(rank)) for rank, name in enumerate(SEVERITIES)]
    rank = Case(*ranks, default=Value(len(SEVERITIES)), output_field=IntegerField())
    return rows.alias(rank=rank).order_by(*_ORDERS[sort])


def incident_with_history(pk: int) -> QuerySet[Incident]:
    history = Prefetch("transitions", Transition.objects.select_related("by").order_by("id"))
    return (
        Incident.objects.filter(pk=pk)
        .select_related("terminal", "site__customer", "device", "assignee", "cause", "merged_into")
        .prefetch_related(history)
    )

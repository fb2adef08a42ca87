"""Changes as lists, as a calendar, and one with everything that stands in its way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet

from collector.core import clock
from collector.service import catalogue, change_facts, changes, flow, rota
from collector.service.flow import Kind
from collector.service.guards import Refusal, Span
from collector.service.models import Change, Freeze, Visit
from collector.web.reading.evidence import proofs

WIDTH = 640.0
AROUND = timedelta(hours=12)
WEEKS = 4
_GIVING_UP = ("cancel", "reject", "refuse", "back_out")
_ASKED: dict[str, tuple[str, ...]] = {
    "assign": ("change.no_assignee",),
    "plan": ("change.no_window", "change.window_over", "change.no_back_out", "change.no_test_plan"),
    "approve": ("change.approvals_missing",),
    "back_out": ("change.no_review",),
    "close": ("change.no_review",),
}
_DAY = timedelta(days=1)
SHOWS: dict[str, Q] = {
    "open": ~Q(state__in=flow.CHANGE_OVER),
    "approval": Q(state="planned") & ~Q(kind=Kind.STANDARD),
    "soon": Q(state__in=("planned", "approved")),
    "tasks": Q(tasks__isnull=False, tasks__done_at=None),
    "over": Q(state__in=flow.CHANGE_OVER),
    "all": Q(),
}


@dataclass(frozen=True, slots=True)
class Step:
    """What the table allows next, and what is missing for it."""

    name: str
    missing: Sequence[Refusal]


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the picture around the planned time. `kind`: window, trading, freeze, other."""

    kind: str
    x: float
    width: float
    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Hour:
    x: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    today: bool
    weekend: bool
    changes: Sequence[Change]
    visits: int
    freezes: Sequence[Freeze]


def wanted(show: str, search: str = "") -> QuerySet[Change]:
    rows = Change.objects.filter(SHOWS.get(show, SHOWS["open"])).distinct()
    if search:
        rows = rows.filter(
            Q(title__icontains=search) | Q(terminals__name__icontains=search)
            | Q(terminals__site__name__icontains=search) | Q(version__icontains=search)
        ).distinct()  # fmt: skip
    open_tasks = Count("tasks", filter=Q(tasks__done_at=None), distinct=True)
    rows = rows.annotate(tills=Count("terminals", distinct=True), open_tasks=open_tasks)
    return rows.select_related("requester", "assignee").order_by("starts_at", "-id")


def steps_of(row: Change) -> list[Step]:
    """The natural one first, giving up last. What the form of a step asks for is not missing yet."""
    now = clock.now()
    found = []
    for name in changes.possible(row):
        missing = changes.missing_for(row, name, now, proofs)
        found.append(Step(name, [one for one in missing if one.code not in _ASKED.get(name, ())]))
    return sorted(found, key=lambda step: (step.name in _GIVING_UP, step.name == "plan" and row.round > 0))


def bands(row: Change) -> list[Band]:
    """The planned time among opening hours, freezes and other changes."""
    if row.starts_at is None or row.ends_at is None:
        return []
    begin, end = row.starts_at - AROUND, row.ends_at + AROUND
    wide = Change(starts_at=begin, ends_at=end, product=row.product)
    evidence = change_facts.evidence_of(row, clock.now(), lambda _tills, _product: {})
    tills = list(row.terminals.select_related("site"))
    spans = [("trading", one) for one in change_facts.open_hours(wide, tills)]
    spans += [("freeze", one) for one in evidence.freezes] + [("other", one) for one in evidence.others]
    spans.append(("window", Span(row.title, row.starts_at, row.ends_at)))
    return [_band(kind, one, begin, end) for kind, one in spans if one.start < end and one.end > begin]


def hours_of(row: Change, zone: str) -> list[Hour]:
    if row.starts_at is None or row.ends_at is None:
        return []
    begin, end = row.starts_at - AROUND, row.ends_at + AROUND
    step = timedelta(hours=max(3, round((end - begin).total_seconds() / 3600 / 9)))
    first = begin.astimezone(ZoneInfo(zone)).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    marks = [first + n * step for n in range(12)]
    return [Hour(_x(at, begin, end), at) for at in marks if at < end]


def _band(kind: str, one: Span, begin: datetime, end: datetime) -> Band:
    left, right = max(one.start, begin), min(one.end, end)
    x = _x(left, begin, end)
    return Band(kind, x, round(_x(right, begin, end) - x, 1), one.name, one.start, one.end)


def _x(at: datetime, begin: datetime, end: datetime) -> float:
    return round(WIDTH * ((at - begin) / (end - begin)), 1)


def weeks(start: datetime, zone: str, count: int = WEEKS) -> list[list[Day]]:
    """Whole weeks from the Monday before `start`."""
    tz = ZoneInfo(zone)
    first = start.astimezone(tz).date()
    monday = first - first.weekday() * _DAY
    begin, end = (rota.moment(monday + n * _DAY, time(0), zone) for n in (0, 7 * count))
    rows = list(
        Change.objects.filter(starts_at__lt=end, ends_at__gt=begin)
        .exclude(state__in=("cancelled", "rejected", "not_approved")).select_related("assignee")
    )  # fmt: skip
    frozen = list(Freeze.objects.filter(cancelled_at=None, starts_at__lt=end, ends_at__gt=begin))
    visits = list(Visit.objects.filter(starts_at__gte=begin, starts_at__lt=end).exclude(state="cancelled")
                  .values_list("starts_at", flat=True))  # fmt: skip
    today = clock.now().astimezone(tz).date()
    days = []
    for n in range(7 * count):
        day = monday + n * _DAY
        opens, shuts = (rota.moment(day + more * _DAY, time(0), zone) for more in (0, 1))
        days.append(
            Day(
                day=day,
                today=day == today,
                weekend=day.weekday() >= 5,
                changes=[
                    one
                    for one in rows
                    if one.starts_at and one.ends_at and one.starts_at < shuts and one.ends_at > opens
                ],
                visits=sum(opens <= at < shuts for at in visits),
                freezes=[one for one in frozen if one.starts_at < shuts and one.ends_at > opens],
            )
        )
    return [days[n : n + 7] for n in range(0, len(days), 7)]


def kinds_of(category: str) -> tuple[str, ...]:
    known = catalogue.changes().categories.get(category)
    return tuple(known.kinds) if known else ()

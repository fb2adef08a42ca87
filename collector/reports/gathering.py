"""Reads from the database what a customer's month was. Decides nothing about looks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Avg, Count, Max, Q

from collector.backups.models import Drill, Run
from collector.core.worktime import WorkCalendar, parse_hours
from collector.incidents import clocks
from collector.incidents.models import OPEN, Incident, Kind
from collector.incidents.sla import Clock, Metric, Standing
from collector.inventory.models import Customer, Device, Site, Terminal
from collector.reports.facts import (
    Asked,
    Availability,
    Cause,
    Facts,
    Late,
    Promise,
    Proof,
    VisitMade,
)
from collector.reports.spans import Measure, Share, Span, all_of_it, joined, share, within
from collector.requests.models import Request
from collector.service.visit_models import Visit
from protocols.status.faults import FAULTS, Severity

ZONE = "Europe/Riga"
"""Of a customer without a shop."""
CAUSES_MOST, LATE_MOST = 40, 100
_GRAVE = (Severity.ERROR, Severity.CRITICAL)
_NO_CONTACT = ("agent.silent", "site.offline")
_BEGINS, _ENDS = (Kind.OPENED, Kind.REOPENED), (Kind.CLEARED, Kind.RESOLVED, Kind.CANCELLED)


@dataclass(frozen=True, slots=True)
class Month:
    year: int
    month: int
    zone: str

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def window(self) -> Span:
        following = (self.first + timedelta(days=32)).replace(day=1)
        return self._begin(self.first), self._begin(following)

    def _begin(self, day: date) -> datetime:
        return datetime(day.year, day.month, 1, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


def month_of(customer: Customer, year: int, month: int) -> Month:
    """In the time zone of most of the customer's shops."""
    zones = Counter(customer.sites.values_list("time_zone", flat=True))
    return Month(year, month, zones.most_common(1)[0][0] if zones else ZONE)


def gather(customer: Customer, month: Month, now: datetime) -> Facts:
    """Of a month that still runs: up to `now`."""
    window = month.window[0], min(month.window[1], now)
    found = _incidents(customer, window)
    tills = list(
        Terminal.objects.filter(site__customer=customer, enrolled_at__lt=window[1])
        .filter(Q(retired_at=None) | Q(retired_at__gt=window[0]))
        .select_related("site")
        .prefetch_related("devices")
        .order_by("site__name", "name")
    )
    own, devices = _availability(tills, found, window)
    promises, late = _promises(found, window)
    return Facts(
        customer=customer.name,
        registration_number=customer.registration_number,
        month=f"{month.first:%Y-%m}",
        zone=month.zone,
        begins_at=window[0],
        ends_at=window[1],
        tills=own,
        devices=devices,
        incidents_opened=sum(1 for one in found if window[0] <= one.opened_at < window[1]),
        incidents_resolved=sum(
            1 for one in found if one.resolved_at and window[0] <= one.resolved_at < window[1]
        ),
        incidents_open=sum(1 for one in found if one.state in OPEN),
        causes=_causes(found, window),
        promises=promises,
        late=late,
        backups=_proofs(tills, window),
        visits=_visits(customer, window),
        requests=_requests(customer, window),
    )


def _incidents(customer: Customer, window: Span) -> list[Incident]:
    """Those that touch the window, with all that their clocks and their spans need."""
    of_customer = Q(site__customer=customer) | Q(terminal__site__customer=customer)
    touching = Q(opened_at__lt=window[1]) & (
        Q(resolved_at=None, state__in=OPEN) | Q(resolved_at__gte=window[0])
    )
    rows = Incident.objects.filter(of_customer, touching).select_related("device", "cause")
    return list(clocks.with_rows(rows).order_by("pk"))


def down_spans(incident: Incident, until: datetime) -> list[Span]:
    """When the fault was there: from its beginning, through every time that it went and came back."""
    spans: list[Span] = []
    begin: datetime | None = incident.since
    for step in incident.transitions.all():
        if begin is None and step.kind in _BEGINS:
            begin = step.at
        elif begin is not None and step.kind in _ENDS:
            spans.append((begin, step.at))
            begin = None
    return joined([*spans, *([(begin, until)] if begin else [])])


def _availability(
    tills: Sequence[Terminal], found: Iterable[Incident], window: Span
) -> tuple[tuple[Availability, ...], tuple[Availability, ...]]:
    down, blind = _where(found, window)
    own, devices = [], []
    for till in tills:
        measure, trading = _measure(till.site)
        unseen = blind["till", till.pk] + blind["site", str(till.site_id)]
        life = max(window[0], till.enrolled_at), min(window[1], till.retired_at or window[1])
        own.append(_row(till, None, share(life, down["till", till.pk], unseen, measure), trading))
        for device in till.devices.all():
            lived = max(life[0], device.first_seen_at), min(life[1], device.retired_at or life[1])
            broken = down["device", f"{till.pk}/{device.name}"]
            devices.append(_row(till, device, share(lived, broken, unseen, measure), trading))
    return tuple(own), tuple(devices)


def _where(
    found: Iterable[Incident], window: Span
) -> tuple[Mapping[tuple[str, str], list[Span]], Mapping[tuple[str, str], list[Span]]]:
    """When each device, till or shop was down, and when nobody saw it."""
    down: dict[tuple[str, str], list[Span]] = defaultdict(list)
    blind: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for incident in found:
        fault = FAULTS.get(incident.code)
        spans = within(down_spans(incident, window[1]), window)
        if incident.code in _NO_CONTACT:
            at = ("till", incident.terminal_id) if incident.terminal_id else ("site", str(incident.site_id))
            blind[at] += spans
        elif incident.cause and incident.cause.code in _NO_CONTACT:
            continue  # nobody saw it: what its till's silence made of it says nothing about it
        elif fault and fault.severity in _GRAVE and incident.terminal_id:
            if incident.subject_kind == "device":
                down["device", f"{incident.terminal_id}/{incident.subject_id}"] += spans
            elif fault.subject == "host":
                down["till", incident.terminal_id] += spans
    return down, blind


def _measure(site: Site) -> tuple[Measure, bool]:
    try:
        hours = parse_hours(site.hours)
    except ValueError:
        hours = {}
    return (WorkCalendar(site.time_zone, hours).between, True) if hours else (all_of_it, False)


def _row(till: Terminal, device: Device | None, found: Share, trading: bool) -> Availability:
    return Availability(
        site=till.site.name,
        till=till.name,
        device=device.name if device else "",
        model=str(device.identity.get("model", "")) if device else "",
        percent=None if found.percent is None else round(found.percent, 3),
        counted_min=_minutes(found.counted),
        down_min=_minutes(found.down),
        unknown_min=_minutes(found.unknown),
        trading_hours=trading,
    )


def _minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)


def _causes(found: Iterable[Incident], window: Span) -> tuple[Cause, ...]:
    opened: Counter[str] = Counter()
    effects: Counter[str] = Counter()
    spent: dict[str, timedelta] = defaultdict(timedelta)
    for incident in found:
        if incident.cause is not None:
            effects[incident.cause.code] += 1
            continue
        spent[incident.code] += sum(
            (e - b for b, e in within(down_spans(incident, window[1]), window)), timedelta()
        )
        opened[incident.code] += window[0] <= incident.opened_at < window[1]
    rows = [
        Cause(code=code, opened=opened[code], minutes=_minutes(spent[code]), effects=effects[code])
        for code in spent
    ]
    return tuple(sorted(rows, key=lambda row: (-row.opened, -row.minutes, row.code))[:CAUSES_MOST])


def _promises(found: Sequence[Incident], window: Span) -> tuple[tuple[Promise, ...], tuple[Late, ...]]:
    """Effects of another promise nothing of their own."""
    desk = clocks.read(found)
    kept: Counter[str] = Counter()
    late: list[Late] = []
    for incident in found:
        if incident.cause is not None:
            continue
        ran = clocks.of(incident, window[1], desk)
        for clock in (ran.reaction, ran.solution):
            if clock is None or not _counts(clock, window):
                continue
            if clock.late:
                late.append(_late(incident, clock))
            else:
                kept[clock.metric.value] += 1
    missed = Counter(one.metric for one in late)
    metrics = [m.value for m in (Metric.TTO, Metric.TTR) if kept[m.value] + missed[m.value]]
    rows = tuple(Promise(metric=m, kept=kept[m], missed=missed[m]) for m in metrics)
    return rows, tuple(sorted(late, key=lambda one: -one.by_min)[:LATE_MOST])


def _counts(clock: Clock, window: Span) -> bool:
    """It stopped in the month, or was late at its end."""
    if clock.standing is Standing.STOPPED and clock.stopped_at:
        return window[0] <= clock.stopped_at < window[1]
    return clock.late


def _late(incident: Incident, clock: Clock) -> Late:
    place = incident.place
    till = f" · {incident.terminal.name}" if incident.terminal else ""
    return Late(
        incident=incident.pk,
        code=incident.code,
        title=incident.title,
        place=f"{place.name if place else incident.area}{till}",
        metric=clock.metric.value,
        by_min=_minutes(-clock.left),
    )


def _proofs(tills: Sequence[Terminal], window: Span) -> tuple[Proof, ...]:
    names = {till.pk: (till.site.name, till.name) for till in tills}
    scope = {"terminal__in": list(names), "received_at__gte": window[0], "received_at__lt": window[1]}
    runs = Run.objects.filter(**scope).values("terminal", "source")
    runs = runs.annotate(
        good=Count("pk", filter=Q(ok=True)),
        bad=Count("pk", filter=Q(ok=False)),
        last=Max("received_at", filter=Q(ok=True)),
    )
    drills = {
        (row["terminal"], row["source"]): row
        for row in Drill.objects.filter(**scope)
        .values("terminal", "source")
        .annotate(
            total=Count("pk"),
            bad=Count("pk", filter=Q(ok=False)),
            last=Max("received_at", filter=Q(ok=True)),
            took=Max("duration_s", filter=Q(ok=True)),
        )
    }
    rows = []
    for run in runs:
        drill: Mapping[str, Any] = drills.get((run["terminal"], run["source"]), {})
        site, till = names[run["terminal"]]
        rows.append(
            Proof(
                site=site,
                till=till,
                source=run["source"],
                sets=run["good"],
                failed=run["bad"],
                drills=drill.get("total", 0),
                drills_failed=drill.get("bad", 0),
                last_set_at=run["last"],
                last_proof_at=drill.get("last"),
                proof_s=drill.get("took"),
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.site, row.till, row.source)))


def _visits(customer: Customer, window: Span) -> tuple[VisitMade, ...]:
    rows = Visit.objects.filter(
        site__customer=customer, starts_at__gte=window[0], starts_at__lt=window[1]
    ).select_related("site")
    return tuple(
        VisitMade(
            at=one.arrived_at or one.starts_at,
            site=one.site.name,
            purpose=one.purpose,
            state=one.state,
            minutes=one.minutes,
        )
        for one in rows.order_by("starts_at", "pk")
    )


def _requests(customer: Customer, window: Span) -> tuple[Asked, ...]:
    here = Request.objects.filter(customer=customer)
    opened = Q(opened_at__gte=window[0], opened_at__lt=window[1])
    resolved = Q(resolved_at__gte=window[0], resolved_at__lt=window[1])
    rows = (
        here.filter(opened | resolved)
        .values("type")
        .annotate(
            newest=Max("pk"),
            opened_now=Count("pk", filter=opened),
            resolved_now=Count("pk", filter=resolved),
            rated=Avg("rating", filter=resolved),
        )
        .order_by("type")
    )
    texts = dict(here.filter(pk__in=[row["newest"] for row in rows]).values_list("type", "definition"))
    return tuple(
        Asked(
            type=row["type"],
            titles=_titles(texts.get(row["type"])),
            opened=row["opened_now"],
            resolved=row["resolved_now"],
            rating=None if row["rated"] is None else round(row["rated"], 2),
        )
        for row in rows
    )


def _titles(definition: object) -> dict[str, str]:
    title = definition.get("title") if isinstance(definition, dict) else None
    return {str(k): str(v) for k, v in title.items()} if isinstance(title, dict) else {}

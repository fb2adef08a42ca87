"""What is known of a change when a guard asks, gathered from the database: approvals, the certified list, the calendar,
and what happened before. What is known of backups is handed in: that is another room's."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import islice

from django.db.models import Q, QuerySet

from collector.incidents.models import Incident
from collector.inventory import hours
from collector.inventory.models import Site, Terminal
from collector.service import catalogue, guards, risk, rota
from collector.service.change_models import CertifiedVersion, Change, Freeze
from collector.service.flow import Kind
from collector.service.guards import Evidence, Span, Till

RECENT = timedelta(days=30)
SHOWN = 8
HELD = ("planned", "approved", "implemented")
"""States in which a change holds its time in the calendar."""
ZONE = "Europe/Riga"
"""The authority's wall clock."""
_DAY = timedelta(days=1)
Proofs = Callable[[Sequence[Terminal], str], Mapping[str, Till]]
"""What is known of the backups of tills and of this programme on them, by their id."""


def facts_of(row: Change) -> guards.Change:
    category = catalogue.changes().categories.get(row.category)
    approved = row.approvals.filter(round=row.round, approved=True)
    return guards.Change(
        kind=Kind(row.kind),
        requester=row.requester_id,
        touches_programme=row.touches_programme,
        preapproved=bool(category and category.preapproved),
        product=row.product,
        modification=row.modification,
        version=row.version,
        outage=row.outage,
        assignee=row.assignee_id,
        start=row.starts_at,
        end=row.ends_at,
        reason=row.reason,
        back_out=row.back_out,
        test_plan=row.test_plan,
        risk=row.risk,
        approved_by=tuple(approved.values_list("person_id", flat=True)),
        opening_reason=row.opening_reason,
        waiver=row.waiver,
        review=row.review,
        open_tasks=row.tasks.filter(done_at=None).count(),
    )


def evidence_of(row: Change, now: datetime, proofs: Proofs) -> Evidence:
    tills = list(row.terminals.select_related("site__customer").order_by("name"))
    known = proofs(tills, row.product)
    return Evidence(
        now=now,
        tills=tuple(known.get(till.pk) or Till(till.pk, till.name) for till in tills),
        certified=tuple(map(_certified, CertifiedVersion.objects.filter(product__iexact=row.product))),
        freezes=tuple(Span(one.name, one.starts_at, one.ends_at) for one in freezes_of(tills)),
        others=tuple(_others(row, tills)),
        trading=tuple(open_hours(row, tills)),
    )


def freezes_of(tills: Iterable[Terminal]) -> QuerySet[Freeze]:
    sites = {till.site_id for till in tills}
    customers = {till.site.customer_id for till in tills}
    mine = Q(site__in=sites) | Q(customer__in=customers) | Q(site=None, customer=None)
    return Freeze.objects.filter(mine, cancelled_at=None)


def risk_of(row: Change, now: datetime, proofs: Proofs) -> risk.Risk:
    tills = list(row.terminals.all())
    evidence = evidence_of(row, now, proofs)
    stale = [one for one in guards.refusals("implement", replace(facts_of(row), waiver=""), evidence)
             if one.code in ("change.backup_too_old", "change.restore_not_proven")]  # fmt: skip
    shown = risk.Proposed(
        tills=len(tills),
        sites=len({till.site_id for till in tills}),
        outage=row.outage,
        touches_programme=row.touches_programme,
        shop_open=any(_meets(row, span) for span in evidence.trading),
        back_out=bool(row.back_out.strip()),
        tested=bool(row.test_plan.strip()),
        recent_incidents=Incident.objects.filter(terminal__in=tills, opened_at__gte=now - RECENT).count(),
        stale_backups=len({one.detail for one in stale}),
    )
    return risk.score(shown, history_of(row))


def history_of(row: Change) -> list[risk.Past]:
    """What was made before: of the same category whole, of the same product half."""
    same = Q(category=row.category) | (Q(product__iexact=row.product) if row.product else Q(pk=None))
    past = Change.objects.filter(same, failed__isnull=False).exclude(pk=row.pk).order_by("-implemented_at")
    return [
        risk.Past(bool(failed), 1.0 if category == row.category else 0.5)
        for failed, category in past.values_list("failed", "category")[:200]
    ]


def _certified(one: CertifiedVersion) -> guards.Certified:
    return guards.Certified(
        product=one.product,
        version=one.version,
        modification=one.modification,
        since=rota.moment(one.registered_on, time(0), ZONE) if one.registered_on else None,
        withdrawn_at=rota.moment(one.withdrawn_on, time(0), ZONE) if one.withdrawn_on else None,
    )


def _others(row: Change, tills: Sequence[Terminal]) -> Iterable[Span]:
    """Other changes that hold their time on one of these tills."""
    rows = Change.objects.filter(state__in=HELD, terminals__in=tills, starts_at__isnull=False)
    for one in rows.exclude(pk=row.pk).distinct():
        if one.starts_at and one.ends_at:
            yield Span(f"{one.pk} {one.title}", one.starts_at, one.ends_at)


def open_hours(row: Change, tills: Sequence[Terminal]) -> Iterable[Span]:
    """The opening hours of the shops that meet the planned time, of each the first eight. A shop whose hours nobody
    knows says nothing."""
    if row.starts_at is None or row.ends_at is None:
        return
    for site in {till.site for till in tills}:
        yield from islice(_open(site, row.starts_at, row.ends_at), SHOWN)


def _open(site: Site, start: datetime, end: datetime) -> Iterator[Span]:
    week, at, last = hours.week_of(site.hours), start, start
    while week and at < end + _DAY:
        for begins, ends in hours.intervals(week, site.time_zone, at):
            if begins < end and last < ends:
                yield Span(site.name, begins, ends)
                last = ends
        at += 7 * _DAY


def _meets(row: Change, span: Span) -> bool:
    return bool(row.starts_at and row.ends_at and span.start < row.ends_at and row.starts_at < span.end)

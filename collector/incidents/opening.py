"""Incidents that a person opens: somebody rang, or a technician saw it himself."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction

from collector.core import clock
from collector.core.models import User
from collector.incidents import clocks, priority
from collector.incidents.acting import ActionRefused, said
from collector.incidents.models import Incident, Kind, Source
from collector.incidents.priority import Judgement
from collector.incidents.steps import step
from collector.inventory.models import Site, Terminal
from protocols.status.faults import FAULTS
from protocols.wire.v1 import SubjectKind

BY_HAND = "hand"
"""`Incident.rule` of one that no rule opened."""
TITLE_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`terminal` or `site` says where. `code`: of the closed list, where it is one of these faults; empty: none of
    them."""

    title: str
    text: str = ""
    terminal: str = ""
    site: int | None = None
    code: str = ""
    source: Source = Source.PHONE
    impact: int = 2
    urgency: int = 2
    queue: str = ""


def report(told: Report, by: User) -> Incident:
    """New, with its clocks running from now. `incident.twin`: the same fault of that till is open already."""
    if not by.may_work:
        raise ActionRefused("only technicians and managers open incidents", code="incident.not_allowed")
    title = said(told.title)[:TITLE_MAX]
    terminal, site = _place(told)
    found_priority = priority.matrix().priority(Judgement(told.impact, told.urgency))
    if told.code and told.code not in FAULTS:
        raise ActionRefused(f"{told.code} is not a fault code", code="incident.code")
    now = clock.now()
    found = Incident(
        terminal=terminal,
        site=site,
        subject_kind=SubjectKind.TERMINAL.value,
        code=told.code,
        title=title,
        reason=told.text.strip()[:400],
        severity=FAULTS[told.code].severity.value if told.code else _SEVERITIES[found_priority],
        source=told.source,
        rule=BY_HAND,
        queue=told.queue,
        impact=told.impact,
        urgency=told.urgency,
        priority=found_priority,
        judged_by="hand",
        since=now,
        opened_at=now,
        last_seen_at=now,
    )
    try:
        with transaction.atomic():
            step(found, Kind.OPENED, now, now, by=by.pk, note=told.text.strip())
            clocks.renew(found, now)
    except IntegrityError as e:
        raise ActionRefused("this fault of that till is open already", code="incident.twin") from e
    return found


_SEVERITIES = {1: "critical", 2: "error", 3: "warning", 4: "info"}
"""What somebody calls grave is shown so."""


def _place(told: Report) -> tuple[Terminal | None, Site]:
    terminal = Terminal.objects.select_related("site").filter(pk=told.terminal, retired_at=None).first()
    if told.terminal and terminal is None:
        raise ActionRefused("there is no such till", code="incident.unknown")
    site = terminal.site if terminal else Site.objects.filter(pk=told.site or 0).first()
    if site is None:
        raise ActionRefused("say which till or which shop", code="incident.unknown")
    return terminal, site

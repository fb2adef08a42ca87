"""What a till has to do with jobs: it hears that some wait, fetches them, and tells how they ended."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from collector.core import clock, live
from collector.inventory.models import Terminal
from collector.jobs import desk, operators
from collector.jobs.models import Job, State, Step
from protocols.wire import v1
from protocols.wire.job import JOBS, Offer

OFFER_AGAIN = timedelta(minutes=1)
"""A till that fetched a job and has told nothing since may never have had it: the answer was lost, or the agent started
anew. A job is done once however often it is offered."""


def waits(terminals: Collection[str]) -> set[str]:
    """Those for which a job waits. One query, inside the ingest transaction."""
    return set(_due(clock.now()).filter(terminal_id__in=terminals).values_list("terminal_id", flat=True))


def fetch(terminal: Terminal, _body: bytes, now: datetime) -> bytes:
    """The jobs that wait, oldest first, with the newest list of operators. From now on they cannot be cancelled."""
    with transaction.atomic():
        due = _due(now).select_for_update(of=("self",)).filter(terminal=terminal).order_by("kept_at", "id")
        found = list(due[:JOBS])
        for row in found:
            if row.state == State.QUEUED:
                row.state, row.fetched_at = State.FETCHED, now
                Step.objects.create(job=row, kind="fetched", at=now)
                live.publish_on_commit("job", row.pk, terminal=terminal.pk)
            row.offered_at = now
            row.save(update_fields=["state", "fetched_at", "offered_at"])
    offer = Offer(operators=operators.newest(), jobs=tuple(desk.signed_of(row) for row in found))
    return offer.model_dump_json().encode()


def record_result(terminal_id: str, told: v1.JobResult, received_at: datetime) -> None:
    """The first word of a till about a job holds; what it says again is a step only. What is told of a job of another
    terminal, or of one that was never here, is in the journal and nowhere else."""
    row = Job.objects.filter(pk=told.job, terminal_id=terminal_id).first()
    if row is None:
        return
    if row.state in (State.ENDED, State.CANCELLED):
        Step.objects.create(job=row, kind="told_again", at=received_at, note=told.code)
        return
    row.state, row.ended_at = State.ENDED, received_at
    row.agent_started_at, row.duration_s = told.started_at, told.duration_s
    row.exit, row.code = max(-1, min(told.exit, 999)), told.code
    row.output, row.evidence = told.output, dict(told.evidence)
    row.save()
    Step.objects.create(job=row, kind="ended", at=received_at, note=told.code)
    live.publish_on_commit("job", row.pk, terminal=terminal_id)


def _due(now: datetime) -> QuerySet[Job]:
    again = Q(state=State.FETCHED) & (Q(offered_at=None) | Q(offered_at__lt=now - OFFER_AGAIN))
    return Job.objects.filter(Q(state=State.QUEUED) | again, not_before__lte=now, expires__gt=now)

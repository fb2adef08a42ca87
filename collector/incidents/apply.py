"""Loads what the engine needs, asks it, and writes what it decided as rows, in the transaction that runs."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from collector.incidents import engine, steps
from collector.incidents.engine import (
    Clear,
    Decision,
    Happening,
    Key,
    Known,
    Open,
    Place,
    Reopen,
    Repeat,
    Resolve,
)
from collector.incidents.models import OPEN, Incident, Kind, State
from collector.incidents.rules import RULES
from collector.inventory.models import Device, Terminal
from protocols.wire import v1

step = steps.step
RESOLVED_BY_ITSELF = "recovered"
"""`Incident.resolution` where nobody had a hand in it; pages put it into words."""


def place() -> Place:
    return Place(settings.CONFIG.hold_s.model_dump())


def record_event(terminal_id: str, event: v1.Event, received_at: datetime, sent_at: datetime) -> None:
    """`sent_at`: when the terminal sent the report, by its own clock; it tells the age of the event whatever
    that clock is worth."""
    happening = Happening(
        key=Key(event.subject.kind, event.subject.id, event.code),
        change=event.change,
        at=event.at,
        since=event.since,
        reason=event.reason,
    )
    follow(terminal_id, happening, received_at, age=sent_at - event.at)


def record_outcome(
    terminal_id: str, code: str, ended: v1.Backup | v1.Drill, received_at: datetime, sent_at: datetime
) -> None:
    """A backup or drill ended: a bad one raises `code`, a good one clears it."""
    happening = Happening(
        key=Key(v1.SubjectKind.BACKUP, ended.source, code),
        change=v1.Change.CLEARED if ended.ok else v1.Change.RAISED,
        at=ended.at,
        since=ended.at,
        reason=ended.error,
    )
    follow(terminal_id, happening, received_at, age=sent_at - ended.at)


def follow(terminal_id: str, happening: Happening, now: datetime, age: timedelta = timedelta()) -> None:
    """Ask the engine and write. `age`: how long ago it happened by the clock of who told."""
    known = _newest(terminal_id, happening.key)
    for decision in engine.decide(happening, known, place(), RULES):
        write(terminal_id, decision, now, age)


def known_of(incident: Incident) -> Known:
    return Known(
        id=incident.pk,
        rule=incident.rule,
        open=incident.is_open,
        cleared_at=incident.cleared_at,
        by_itself=incident.state == State.RESOLVED and incident.resolution == RESOLVED_BY_ITSELF,
    )


def write(terminal_id: str, decision: Decision, now: datetime, age: timedelta) -> None:
    if isinstance(decision, Open):
        _open(terminal_id, decision, now)
        return
    incident = Incident.objects.select_for_update(of=("self",)).get(pk=decision.incident)
    match decision:
        case Repeat():
            _seen(incident, decision.at, decision.reason)
            step(incident, Kind.REPEATED, decision.at, now)
        case Clear():
            incident.cleared_at = decision.at
            left_s = decision.hold_s - max(age.total_seconds(), 0)
            incident.resolve_due_at = now + timedelta(seconds=max(left_s, 0))
            step(incident, Kind.CLEARED, decision.at, now)
        case Reopen():
            _seen(incident, decision.at, decision.reason)
            incident.cleared_at = incident.resolve_due_at = incident.resolved_at = None
            incident.resolution = ""
            back_to = incident.state if incident.is_open else _state_before_end(incident)
            step(incident, Kind.REOPENED, decision.at, now, to=back_to)
        case Resolve():
            incident.resolved_at, incident.resolve_due_at = decision.at, None
            incident.resolution = RESOLVED_BY_ITSELF
            step(incident, Kind.RESOLVED, decision.at, now, to=State.RESOLVED)


def open_of(terminal_ids: Iterable[str], code: str) -> QuerySet[Incident]:
    return Incident.objects.filter(terminal_id__in=terminal_ids, code=code, state__in=OPEN)


def _newest(terminal_id: str, key: Key) -> Known | None:
    rows = Incident.objects.select_for_update(of=("self",)).filter(
        terminal_id=terminal_id, subject_kind=key.kind.value, subject_id=key.id, code=key.code
    )
    incident = rows.order_by("-id").first()
    return known_of(incident) if incident else None


def _open(terminal_id: str, decision: Open, now: datetime) -> None:
    device = None
    if decision.key.kind is v1.SubjectKind.DEVICE and decision.key.id:
        device, _ = Device.objects.get_or_create(
            terminal_id=terminal_id, name=decision.key.id, defaults={"first_seen_at": now}
        )
    incident = Incident(
        terminal_id=terminal_id,
        site_id=Terminal.objects.values_list("site_id", flat=True).get(pk=terminal_id),
        device=device,
        subject_kind=decision.key.kind.value,
        subject_id=decision.key.id,
        code=decision.key.code,
        severity=decision.severity.value,
        state=State.NEW,
        rule=decision.rule,
        reason=decision.reason,
        since=decision.since,
        opened_at=decision.at,
        last_seen_at=decision.at,
    )
    step(incident, Kind.OPENED, decision.at, now)


def _seen(incident: Incident, at: datetime, reason: str) -> None:
    incident.count += 1
    incident.last_seen_at = max(incident.last_seen_at, at)
    incident.reason = reason or incident.reason


def _state_before_end(incident: Incident) -> str:
    end = incident.transitions.filter(kind=Kind.RESOLVED).order_by("-id").first()
    return end.from_state if end else State.NEW

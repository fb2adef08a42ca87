"""What time alone brings: hold times that end, and terminals that fell silent. Safe in several processes at
once: each incident is judged in a transaction of its own, on a locked row."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from collector.incidents import apply, engine
from collector.incidents.engine import Happening, Key
from collector.incidents.models import OPEN, Incident
from collector.incidents.rules import silent
from collector.inventory.models import Terminal
from protocols.wire.v1 import Change, SubjectKind

BATCH = 500


def resolve_due(now: datetime) -> int:
    """Resolve what was clear for its hold time. How many."""
    due = Incident.objects.filter(resolve_due_at__lte=now, state__in=OPEN).order_by("resolve_due_at")
    return sum(_resolve(pk, now) for pk in due.values_list("pk", flat=True)[:BATCH])


def judge_silence(now: datetime) -> int:
    """Open `agent.silent` for terminals that were not heard for `silent_after_s`; a terminal that never
    reported counts from its enrolment. One whose reports are refused is not silent. How many."""
    limit = now - timedelta(seconds=settings.CONFIG.silent_after_s)
    lasting = Incident.objects.filter(
        terminal=OuterRef("pk"), code=silent.CODE, state__in=OPEN, cleared_at__isnull=True
    )
    quiet = (
        Terminal.objects.filter(Q(last_seen_at__lt=limit) | Q(last_seen_at=None, enrolled_at__lt=limit))
        .filter(~Exists(lasting), retired_at=None, waits_since=None, quarantined_at=None)
        .annotate(heard_at=Coalesce("last_seen_at", "enrolled_at"))
        .values_list("pk", "heard_at")
    )
    return sum(_silent(pk, heard_at, now) for pk, heard_at in quiet[:BATCH])


def heard(terminal_ids: list[str], now: datetime) -> None:
    """Reports came: their silence, if one was noticed, is over."""
    over = apply.open_of(terminal_ids, silent.CODE).filter(cleared_at__isnull=True)
    for terminal_id in over.values_list("terminal_id", flat=True):
        apply.follow(terminal_id, _happening(Change.CLEARED, now, now), now)


def _resolve(pk: int, now: datetime) -> bool:
    with transaction.atomic():
        rows = Incident.objects.select_for_update(skip_locked=True, of=("self",))
        incident = rows.filter(pk=pk, resolve_due_at__lte=now, state__in=OPEN).first()
        decision = engine.due(apply.known_of(incident), apply.place()) if incident else None
        if incident is None or decision is None:
            return False
        apply.write(incident.terminal_id, decision, now, timedelta())
        return True


def _silent(terminal_id: str, heard_at: datetime, now: datetime) -> bool:
    try:
        with transaction.atomic():
            terminal = Terminal.objects.select_for_update(of=("self",)).get(pk=terminal_id)
            if (terminal.last_seen_at or terminal.enrolled_at) != heard_at:
                return False
            apply.follow(terminal_id, _happening(Change.RAISED, now, heard_at), now)
    except IntegrityError:  # another process opened it in the same moment
        return False
    return True


def _happening(change: Change, at: datetime, since: datetime) -> Happening:
    return Happening(key=Key(SubjectKind.TERMINAL, "", silent.CODE), change=change, at=at, since=since)

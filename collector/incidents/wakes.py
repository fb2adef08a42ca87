"""What time alone brings to the desk: waits that end, targets that run out, shops that open, resolved ones that close,
and clocks that have to be worked out anew. Duties; safe in several processes at once: each incident is looked at in a
transaction that holds its row."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from collector.incidents import clocks
from collector.incidents.clocks import Desk
from collector.incidents.life import WAITING, State, Stimulus, move
from collector.incidents.models import OPEN, Incident, Kind
from collector.incidents.steps import step

BATCH = 50
ROUNDS = 4
"""So many batches are done at most before the other duties, and the pages, have their turn: a storm is worked off in
many small steps."""
Work = Callable[[Incident, datetime, Desk], None]


def renew_changed(now: datetime) -> int:
    """Incidents of which something happened since their clocks were worked out. How many."""
    return _all(Q(renewed=False), _renew, now)


def wake_due(now: datetime) -> int:
    """Waits that are over: somebody looks again. The clocks went on at that moment by themselves."""
    return _all(Q(pending_until__lte=now, state__in=WAITING), _wake, now)


def warn_due(now: datetime) -> int:
    """Shares of targets that are used up, each told once."""
    return _all(Q(warn_at__lte=now, state__in=OPEN), _warn, now)


def judge_due(now: datetime) -> int:
    """Shops that opened or closed: the priority may be another."""
    return _all(Q(judge_at__lte=now, state__in=OPEN), _judge, now)


def close_due(now: datetime) -> int:
    """Resolved incidents with which nobody disagreed."""
    return _all(Q(close_at__lte=now, state=State.RESOLVED), _close, now)


def _all(which: Q, work: Work, now: datetime) -> int:
    done = 0
    for _ in range(ROUNDS):
        count = _batch(Incident.objects.filter(which), work, now)
        done += count
        if count < BATCH:
            break
    return done


def _batch(which: QuerySet[Incident], work: Work, now: datetime) -> int:
    numbers = list(which.order_by("id").values_list("pk", flat=True)[:BATCH])
    if not numbers:
        return 0
    with transaction.atomic():
        locked = which.filter(pk__in=numbers).select_for_update(skip_locked=True, of=("self",))
        found = list(clocks.with_rows(locked.order_by("id")))
        desk = clocks.read(found)
        for incident in found:
            work(incident, now, desk)
        return len(found)


def _renew(incident: Incident, now: datetime, desk: Desk) -> None:
    clocks.renew(incident, now, desk)


def _wake(incident: Incident, now: datetime, _desk: Desk) -> None:
    at = incident.pending_until or now
    step(incident, Kind.WOKEN, at, now, to=move(incident.state, Stimulus.WAKE), note=incident.pending_reason)


def _warn(incident: Incident, now: datetime, desk: Desk) -> None:
    """The highest share that is used up, once for each clock; those below it go without saying."""
    told = clocks.warned(incident.transitions.all())
    for clock in clocks.of(incident, now, desk).going:
        passed = [mark for mark in clock.marks if mark.at and mark.at <= now]
        if passed and passed[-1].percent > told.get(clock.metric, 0):
            mark = passed[-1]
            detail = {"clock": clock.metric.value, "percent": mark.percent}
            step(incident, Kind.WARNED, mark.at or now, now, detail=detail)
    _renew_fresh(incident, now, desk)


def _judge(incident: Incident, now: datetime, desk: Desk) -> None:
    before = incident.priority
    if clocks.judge(incident, now, desk):
        detail = {"priority": incident.priority, "before": {"priority": before}, "why": "hours"}
        step(incident, Kind.PRIORITISED, now, now, detail=detail)
    _renew_fresh(incident, now, desk)


def _close(incident: Incident, now: datetime, desk: Desk) -> None:
    if incident.major_steps.filter(done_at=None).exists():
        Incident.objects.filter(pk=incident.pk).update(close_at=None)
        return
    step(incident, Kind.CLOSED, now, now, to=move(incident.state, Stimulus.CLOSE))
    _renew_fresh(incident, now, desk)


def _renew_fresh(incident: Incident, now: datetime, desk: Desk) -> None:
    """With the steps that were written meanwhile."""
    clocks.renew(clocks.with_rows(Incident.objects.filter(pk=incident.pk)).get(), now, desk)


DUTIES = (renew_changed, wake_due, warn_due, judge_due, close_due)

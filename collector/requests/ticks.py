"""What time does to requests: waits end, and what was solved long ago is closed for good. Small and often."""

from datetime import datetime, timedelta

from django.db import transaction

from collector.core import calendars
from collector.incidents.life import PENDING, Stimulus, can
from collector.incidents.models import State
from collector.requests import ringing, waking
from collector.requests.log import PLOMBA, step
from collector.requests.models import Kind, Request, SignInCode

CLOSE_AFTER_DAYS = 5
"""Legal working days in which the customer may say that it is not solved."""
AT_ONCE = 50
_CODES_KEPT = timedelta(days=1)


def wake_due(now: datetime) -> None:
    """Requests whose wait has passed go back to who has them; one that nobody has, to its queue."""
    due = Request.objects.filter(state__in=PENDING, pending_until__lte=now)
    for pk in due.values_list("pk", flat=True)[:AT_ONCE]:
        _wake(pk, now)


@transaction.atomic
def _wake(pk: int, now: datetime) -> None:
    request = Request.objects.select_for_update().filter(pk=pk, pending_until__lte=now).first()
    stimulus = Stimulus.WAKE if request and request.assignee_id else Stimulus.RETURN
    if request and can(request.state, stimulus):
        step(request, stimulus, Kind.WOKEN, PLOMBA, now)


def close_old(now: datetime) -> None:
    young = now - timedelta(days=CLOSE_AFTER_DAYS)
    solved = Request.objects.filter(state=State.RESOLVED, resolved_at__lte=young).order_by("resolved_at")
    for pk, resolved_at in solved.values_list("pk", "resolved_at")[:AT_ONCE]:
        if resolved_at and max(calendars.legal_deadline(resolved_at.date(), CLOSE_AFTER_DAYS)) < now.date():
            _close(pk, now)


@transaction.atomic
def _close(pk: int, now: datetime) -> None:
    request = Request.objects.select_for_update().get(pk=pk)
    if can(request.state, Stimulus.CLOSE):
        step(request, Stimulus.CLOSE, Kind.CLOSED, PLOMBA, now, public=True)


def forget_codes(now: datetime) -> None:
    SignInCode.objects.filter(made_at__lt=now - _CODES_KEPT).delete()


DUTIES = (wake_due, close_old, forget_codes)
CALLS = (waking.listen, ringing.ring)
"""Each second: somebody waits for an answer."""

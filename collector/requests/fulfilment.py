"""The steps of a request: who does the next one, by when, and what a request waits for while it is the customer's
turn."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from collector.core import calendars
from collector.incidents.life import Stimulus, can
from collector.requests import catalogue, letters
from collector.requests.log import PLOMBA, Actor, step, write
from collector.requests.models import Kind, Request, Step
from protocols.errors import PlombaError


class StepRefused(PlombaError):
    """`request.step_done`, `request.step_early` (an earlier one is open), `request.step_foreign` (it is somebody else's
    to do), `request.approval_open`."""

    code = "request.step_early"


def current(request: Request) -> Step | None:
    """The first that is not done."""
    return request.steps.filter(done_at=None).order_by("position").first()


def do(request: Request, name: str, actor: Actor, now: datetime) -> None:
    """The caller holds the lock. The staff may tick the customer's step, too, when it was told by telephone."""
    one = request.steps.filter(name=name).first()
    if one is None or one.done_at is not None:
        raise StepRefused("this step is done, or there is none", code="request.step_done")
    if one != current(request):
        raise StepRefused("an earlier step is open")
    if actor.is_customer and not one.by_customer:
        raise StepRefused("this step is not the customer's", code="request.step_foreign")
    if not agreed(request):
        raise StepRefused("an approval is missing", code="request.approval_open")
    one.done_at, one.done_by, one.contact = now, actor.user, actor.contact
    one.save()
    write(request, Kind.STEP_DONE, actor, now, public=True, step=name)
    _hand_over(request, one, now)


def agreed(request: Request) -> bool:
    """Every side that the type asks for has agreed, and no question is open."""
    if request.approvals.filter(agreed=None).exists():
        return False
    needed = {approval.by == "customer" for approval in catalogue.pinned(request.definition).approvals}
    given = set(request.approvals.filter(agreed=True).values_list("by_customer", flat=True))
    return needed <= given


def _hand_over(request: Request, done: Step, now: datetime) -> None:
    """To the customer: the request waits, and a letter says so. Back to the staff: it goes on."""
    after = current(request)
    if after and after.by_customer:
        words = _definition(request, after)
        after.due_on = _due_on(words, now)
        after.save()
        _wait(request, words, now)
        letters.step(request, after, words.words.say(request.language), now)
    elif done.by_customer and can(request.state, Stimulus.WAKE):
        step(request, Stimulus.WAKE, Kind.WOKEN, PLOMBA, now)


def _wait(request: Request, words: catalogue.Step, now: datetime) -> None:
    stimulus = Stimulus.WAIT_LEGAL if words.legal_basis else Stimulus.WAIT_CUSTOMER
    if not can(request.state, stimulus):
        return
    reason = words.words.say(request.language)
    request.pending_reason = reason
    step(request, stimulus, Kind.PENDING, PLOMBA, now, text=reason, public=True)
    request.pending_reason = reason
    request.save(update_fields=["pending_reason"])


def _definition(request: Request, one: Step) -> catalogue.Step:
    return next(step for step in catalogue.pinned(request.definition).steps if step.name == one.name)


def _due_on(words: catalogue.Step, now: datetime) -> date | None:
    """The stricter of the two ways to count the days that the government moves."""
    if words.within_working_days is None:
        return None
    today = now.astimezone(ZoneInfo(settings.CONFIG.time_zone)).date()
    return min(calendars.legal_deadline(today, words.within_working_days))

"""The queues with what waits in them, the people who work them, and the rules that fill them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from pydantic import ValidationError

from collector.core import clock
from collector.core.models import User
from collector.incidents import actions
from collector.incidents.models import Incident
from collector.service import desk, escalating
from collector.service.chain import Target, Trigger
from collector.service.models import Absence, Chain, Queue, QueueRule, Rung, Worker
from collector.web import access, service_input, service_words
from collector.web.reading import queues as reading
from collector.web.reading.page import whole
from protocols.errors import PlombaError

MATCHES = ("codes", "sources", "severities", "subjects", "regions")


@access.signed_in
def queues(request: HttpRequest) -> HttpResponseBase:
    now = clock.now()
    context = {"boards": reading.boards(now), "queues": Queue.objects.all()}
    if request.headers.get("HX-Request"):
        return render(request, "web/_queues.html", context)
    context |= {"persons": reading.persons(now), "absences": reading.absences(now)}
    return render(request, "web/queues.html", context)


@require_POST
@access.workers
def give(request: HttpRequest, pk: int) -> HttpResponseBase:
    """To a person, or to another queue."""
    incident = get_object_or_404(Incident.objects.only("pk"), pk=pk)
    by = access.user_of(request)
    person = service_input.worker(request.POST)
    try:
        if person is not None:
            actions.assign(incident.pk, by, person)
        elif queue := request.POST.get("queue"):
            desk.move(incident.pk, queue, by, clock.now())
    except PlombaError as e:
        _say(request, e)
    return redirect("web:queues")


@require_POST
@access.managers
def person(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Skills, town, capacity, and the queues that the person works."""
    user = get_object_or_404(User, pk=pk)
    capacity = min(service_input.number(request.POST, "capacity") or 12, 200)
    told = {
        "skills": sorted({part.casefold() for part in _parts(request.POST.get("skills", ""))})[:30],
        "town": request.POST.get("town", "").strip()[:100],
        "capacity": capacity,
    }
    Worker.objects.update_or_create(user=user, defaults=told)
    chosen, leads = set(request.POST.getlist("queues")), set(request.POST.getlist("leads"))
    for queue in Queue.objects.all():
        if queue.key in chosen:
            queue.members.update_or_create(user=user, defaults={"lead": queue.key in leads})
        else:
            queue.members.filter(user=user).delete()
    messages.success(request, _("%(name)s: saved.") % {"name": user.get_username()})
    return redirect("web:desk-rules")


@require_POST
@access.workers
def absence(request: HttpRequest) -> HttpResponseBase:
    """A manager for anybody, others for themselves; taken back with `cancel`."""
    by = access.user_of(request)
    if cancel := whole(request.POST, "cancel"):
        rows = Absence.objects.filter(pk=cancel)
        (rows if by.may_manage else rows.filter(user=by)).delete()
        return redirect("web:queues")
    user = service_input.worker(request.POST) if by.may_manage else by
    start, end = (service_input.when(request.POST, name) for name in ("starts_at", "ends_at"))
    if user is None or start is None or end is None or end <= start:
        messages.error(request, _("The end must be after the beginning."))
    else:
        reason = request.POST.get("reason", "").strip()[:200]
        Absence.objects.create(user=user, starts_at=start, ends_at=end, reason=reason)
    return redirect("web:queues")


@access.managers
def rules(request: HttpRequest) -> HttpResponseBase:
    """Everything that decides by itself: rules, chains, people. `try` shows what a rule would do before it is kept."""
    if request.method != "POST":
        return _rules(request)
    try:
        row = _rule(request)
    except (ValidationError, ValueError):
        return _rules(request, problem=_("This rule cannot be read. Look at its patterns and numbers."))
    if request.POST.get("do") == "try":
        others = [one for one in QueueRule.objects.all() if one.pk != row.pk]
        ordered = sorted([*others, row], key=lambda one: (one.order, one.pk or 0))
        return _rules(request, tried=reading.tried(ordered, clock.now()))
    row.save()
    messages.success(request, _("%(name)s: saved.") % {"name": row.name})
    return redirect("web:desk-rules")


def _rules(request: HttpRequest, *, problem: str = "", tried: object = None) -> HttpResponse:
    context = {
        "rules": QueueRule.objects.select_related("queue"),
        "chains": Chain.objects.prefetch_related("rungs"),
        "queues": Queue.objects.prefetch_related("members"),
        "persons": reading.persons(clock.now()),
        "skills": reading.skills_known(),
        "triggers": [one.value for one in Trigger],
        "targets": [one.value for one in Target],
        "tried": tried,
        "problem": problem,
        "form": request.POST,
    }
    return render(request, "web/desk_rules.html", context, status=422 if problem else 200)


def _rule(request: HttpRequest) -> QueueRule:
    """As the form says; not saved. ValueError, ValidationError."""
    given = request.POST
    row = QueueRule.objects.filter(pk=whole(given, "rule") or 0).first() or QueueRule()
    match: dict[str, object] = {name: parts for name in MATCHES if (parts := _parts(given.get(name, "")))}
    if priorities := [int(part) for part in _parts(given.get("priorities", ""))]:
        match["priorities"] = priorities
    desk.Match.model_validate(match)
    row.match = match
    row.queue = get_object_or_404(Queue, pk=given.get("queue", ""))
    row.name = given.get("name", "").strip()[:100] or str(row.queue)
    row.order = min(service_input.number(given, "order") or 100, 32_000)
    row.skills = _parts(given.get("skills", ""))[:20]
    row.active = given.get("active", "1") == "1"
    return row


@require_POST
@access.managers
def rung(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Add a rung to a chain, or take one away."""
    chain = get_object_or_404(Chain, pk=pk)
    if cancel := whole(request.POST, "cancel"):
        chain.rungs.filter(pk=cancel).delete()
    else:
        trigger, threshold = request.POST.get("trigger", ""), service_input.number(request.POST, "threshold")
        targets = [one for one in request.POST.getlist("targets") if one in set(Target)]
        if trigger not in set(Trigger) or not threshold or not targets:
            messages.error(request, _("Choose when, after how much, and who is told."))
            return redirect("web:desk-rules")
        order = chain.rungs.count()
        Rung.objects.create(chain=chain, order=order, trigger=trigger, threshold=threshold, targets=targets)
    escalating.look_at_all()
    return redirect("web:desk-rules")


@require_POST
@access.managers
def queue(request: HttpRequest, pk: str) -> HttpResponseBase:
    """Whether its work is given out by itself."""
    row = get_object_or_404(Queue, pk=pk)
    row.automatic = request.POST.get("automatic") == "1"
    row.save(update_fields=["automatic"])
    return redirect("web:desk-rules")


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _say(request: HttpRequest, e: PlombaError) -> None:
    for text in service_words.refusals(e, service_input.plain):
        messages.error(request, text)

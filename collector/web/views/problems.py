"""Problems, known errors, and what Plomba proposes."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.service import flow, people, problems
from collector.service.models import Candidate, Draft, Problem
from collector.web import access, service_input, service_words
from collector.web.reading.page import one_of, page_of, whole
from protocols.errors import PlombaError
from protocols.status.faults import FAULTS

SHOWS = (("open", _("Open")), ("known", _("Known errors")), ("over", _("Over")), ("all", _("All")))
_FILTERS: dict[str, dict[str, object]] = {
    "open": {"state__in": ("new", "assigned")},
    "known": {"known_error_since__isnull": False},
    "over": {"state__in": ("resolved", "closed")},
    "all": {},
}


@access.signed_in
def problem_list(request: HttpRequest) -> HttpResponseBase:
    show = one_of(request.GET, "show", tuple(_FILTERS), "open")
    rows = Problem.objects.filter(**_FILTERS[show]).select_related("assignee").prefetch_related("incidents")
    context = {
        "page": page_of(rows, whole(request.GET, "page") or 1),
        "show": show,
        "shows": SHOWS,
        "candidates": Candidate.objects.filter(state="proposed"),
        "dismissed": Candidate.objects.filter(state="dismissed").select_related("decided_by")[:20],
        "drafts": Draft.objects.exclude(slug="")[:10],
        "faults": FAULTS.values(),
    }
    part = request.headers.get("HX-Request")
    return render(request, "web/_problems.html" if part else "web/problems.html", context)


@require_POST
@access.workers
def new(request: HttpRequest) -> HttpResponseBase:
    given = request.POST
    code = given.get("code", "")
    try:
        row = problems.raised(
            given.get("title", ""), access.user_of(request), clock.now(),
            code=code if code in FAULTS else "", model=given.get("model", "").strip()[:200],
            firmware=given.get("firmware", "").strip()[:200],
        )  # fmt: skip
    except PlombaError as e:
        return _back(request, e)
    return redirect("web:problem", row.pk)


@require_POST
@access.workers
def decide(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """Accept, dismiss, or propose again."""
    get_object_or_404(Candidate.objects.only("pk"), pk=pk)
    by, now = access.user_of(request), clock.now()
    try:
        if name == "accept":
            return redirect("web:problem", problems.accept(pk, by, now).pk)
        if name == "dismiss":
            problems.dismiss(pk, by, now, request.POST.get("note", ""))
        else:
            problems.restore(pk, by)
    except PlombaError as e:
        return _back(request, e)
    return redirect("web:problems")


@access.signed_in
def problem(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _page(request, pk)


@require_POST
@access.workers
def act(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    get_object_or_404(Problem.objects.only("pk"), pk=pk)
    by, now, given = access.user_of(request), clock.now(), request.POST
    try:
        if name == "write":
            problems.write(pk, {key: given[key] for key in problems.WRITTEN if key in given}, by, now)
        elif name in ("known", "unknown"):
            problems.known_error(pk, name == "known", by, now)
        else:
            problems.act(pk, name, by, now, note=given.get("note", ""), assignee=service_input.worker(given))
    except PlombaError as e:
        return _page(request, pk, service_words.refusals(e, service_input.plain))
    return redirect("web:problem", pk)


def _page(request: HttpRequest, pk: int, said: list[str] | None = None) -> HttpResponse:
    row = get_object_or_404(Problem.objects.select_related("assignee", "change"), pk=pk)
    context = {
        "problem": row,
        "incidents": row.incidents.select_related("terminal__site", "site", "device")[:100],
        "history": row.steps.select_related("by"),
        "moves": [one for one in flow.PROBLEMS.open_to(row.state) if one != "assign"],
        "may_assign": "assign" in flow.PROBLEMS.open_to(row.state),
        "people": people.workers(),
        "problems": said or [],
    }
    return render(request, "web/problem.html", context, status=422 if said else 200)


def _back(request: HttpRequest, e: PlombaError) -> HttpResponseBase:
    for text in service_words.refusals(e, service_input.plain):
        messages.error(request, text)
    return redirect("web:problems")

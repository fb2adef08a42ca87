"""The work queue, one incident, and what a person does to it."""

from collections.abc import Iterable
from io import BytesIO

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from collector.core import clock, files
from collector.core.models import Role, User
from collector.incidents import shipped
from collector.incidents.desk_models import Attachment
from collector.incidents.models import Incident, Kind, State, Transition
from collector.inventory.models import Site
from collector.service.models import Queue
from collector.web import access, desk_words
from collector.web.acts import Told, refusal
from collector.web.acts import act as do
from collector.web.reading.incident_page import desk_of
from collector.web.reading.incidents import (
    GROUPS,
    IncidentFilter,
    effects_of,
    incident_with_history,
    silent_count,
)
from collector.web.reading.incidents import page as page_of
from collector.web.reading.page import whole
from protocols.errors import PlombaError

SHOWS = (
    ("open", _("Open")),
    ("new", _("New")),
    ("working", _("In work")),
    ("waiting", _("Waiting")),
    ("done", _("Resolved")),
    ("all", _("All")),
)
SORTS = (
    ("left", _("Time left")),
    ("severity", _("Worst first")),
    ("newest", _("Newest first")),
    ("oldest", _("Oldest first")),
    ("seen", _("Last seen first")),
)


@access.signed_in
def queue(request: HttpRequest) -> HttpResponseBase:
    wanted = IncidentFilter.of(request.GET, me=access.user_of(request).pk)
    page = page_of(wanted, whole(request.GET, "page") or 1)
    context: dict[str, object] = {"page": page, "filter": wanted, "effects": effects_of(page.rows)}
    if not page.rows:
        context["last_resolved"] = _last_resolved()
    if request.headers.get("HX-Request"):
        return render(request, "web/_incident_rows.html", context)
    context |= {"shows": SHOWS, "sorts": SORTS, "groups": GROUPS}
    context |= {"sites": Site.objects.all(), "priorities": desk_words.PRIORITIES, "silent": silent_count()}
    context["queues"] = Queue.objects.all()
    return render(request, "web/incidents.html", context)


def _last_resolved() -> object:
    done = Incident.objects.filter(state__in=(State.RESOLVED, State.CLOSED), resolved_at__isnull=False)
    return done.order_by("-resolved_at").values_list("resolved_at", flat=True).first()


@access.signed_in
def incident(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _detail(request, pk)


def _detail(request: HttpRequest, pk: int, problem: str = "", status: int = 200) -> HttpResponse:
    found = get_object_or_404(incident_with_history(pk))
    steps = list(found.transitions.all())
    context = {
        "incident": found,
        "steps": steps,
        "names": _names(steps),
        "undone": {step.detail["undoes"] for step in steps if "undoes" in step.detail},
        "desk": desk_of(found, access.user_of(request), clock.now()),
        "waits": desk_words.WAITS,
        "urgencies": desk_words.URGENCIES,
        "codes": shipped.desk().resolution,
        "workers": workers_of_the_desk(),
        "chosen_worker": found.assignee_id or request.user.pk,
        "problem": problem,
    }
    part = "web/_incident.html" if request.headers.get("HX-Request") else "web/incident.html"
    return render(request, part, context, status=status)


def _names(steps: Iterable[Transition]) -> dict[str, str]:
    """Account -> name of who it was given to."""
    accounts = {step.note for step in steps if step.kind == Kind.ASSIGNED}
    found = User.objects.filter(username__in=accounts) if accounts else ()
    return {one.username: one.get_full_name() or one.username for one in found}


@access.signed_in
def file(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
    """A file of an incident. A picture may be shown; all else is handed out to be saved, whatever it says of itself."""
    found = get_object_or_404(Attachment, incident=pk, pk=number, removed_at=None)
    try:
        stream = BytesIO(files.path_of(found.digest).read_bytes())
    except FileNotFoundError as e:
        raise Http404 from e
    shown = found.media_type in files.SHOWN
    answer = FileResponse(stream, as_attachment=not shown, filename=found.name)
    answer.headers["Content-Type"] = found.media_type if shown else files.PLAIN
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def workers_of_the_desk() -> list[User]:
    able = User.objects.filter(is_active=True, role__in=(Role.TECHNICIAN, Role.MANAGER))
    return list(able.order_by("first_name", "username"))


@require_POST
@access.workers
def act(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """One act on one incident. A refused act shows the incident as it is now, with the reason."""
    found = get_object_or_404(Incident.objects.select_related("site", "terminal__site"), pk=pk)
    try:
        do(
            access.user_of(request),
            pk,
            name,
            Told.of(request.POST, request.FILES.getlist("file"), found.zone),
        )
    except PlombaError as e:
        return _detail(request, pk, problem=refusal(e), status=422)
    if not request.headers.get("HX-Request"):
        return redirect("web:incident", pk)
    if request.POST.get("as") == "row":
        return render(request, "web/_incident_row.html", {"incident": incident_with_history(pk).get()})
    return _detail(request, pk)

"""Visits of a day, one visit on a telephone, and its proof."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.incidents.models import Incident
from collector.inventory.models import Site, Terminal
from collector.service import flow, people, visits
from collector.service.models import Visit, VisitFile
from collector.service.visits import Part, Plan, Proof
from collector.web import access, service_input, service_words
from collector.web.reading.page import whole
from protocols.errors import PlombaError

PARTS = 12


@access.signed_in
def day(request: HttpRequest) -> HttpResponseBase:
    when = service_input.day(request.GET)
    me = access.user_of(request)
    chosen = request.GET.get("who", "me" if me.may_work and not me.may_manage else "all")
    technician = me if chosen == "me" else people.workers().filter(pk=whole(request.GET, "who") or 0).first()
    rows = list(visits.day_of(technician.pk if technician else None, when))
    context: dict[str, object] = {
        "visits": rows,
        "day": when,
        "before": when - timedelta(days=1),
        "after": when + timedelta(days=1),
        "technician": technician,
        "chosen": chosen,
        "people": people.workers(),
        "zone": settings.CONFIG.time_zone,
    }
    if technician is not None:
        context["tour"] = visits.tour_of(technician, when)
    if request.headers.get("HX-Request"):
        return render(request, "web/_visits.html", context)
    context |= {"sites": Site.objects.select_related("customer"), "suggested": _suggested(request)}
    return render(request, "web/visits.html", context)


def _suggested(request: HttpRequest) -> dict[str, object]:
    """What the form holds at first where the address names an incident or a till."""
    incident = (
        Incident.objects.select_related("site", "terminal")
        .filter(pk=whole(request.GET, "incident") or 0)
        .first()
    )
    terminal = Terminal.objects.filter(pk=request.GET.get("terminal", "")).select_related("site").first()
    terminal = terminal or (incident.terminal if incident else None)
    site = terminal.site if terminal else incident.site if incident else None
    start = (clock.now() + timedelta(hours=25)).replace(minute=0)
    return {
        "incident": incident,
        "terminal": terminal,
        "site": site,
        "start": start,
        "end": start + timedelta(hours=1),
    }


@require_POST
@access.workers
def plan(request: HttpRequest) -> HttpResponseBase:
    given = request.POST
    site, start = service_input.site(given), service_input.when(given, "starts_at")
    end = service_input.when(given, "ends_at")
    if site is None or start is None or end is None:
        messages.error(request, _("Choose the shop and when the visit begins and ends."))
        return redirect("web:visits")
    try:
        row = visits.plan(
            Plan(
                site=site,
                purpose=given.get("purpose", ""),
                starts_at=start,
                ends_at=end,
                technician=service_input.worker(given),
                terminal=Terminal.objects.filter(pk=given.get("terminal", "")).first(),
                incident=Incident.objects.filter(pk=whole(given, "incident") or 0).first(),
                fixed=given.get("fixed") == "1",
            ),
            access.user_of(request),
            clock.now(),
        )
    except PlombaError as e:
        return _refused(request, e)
    return redirect("web:visit", row.pk)


@access.signed_in
def visit(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _page(request, pk)


@require_POST
@access.workers
def act(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    get_object_or_404(Visit.objects.only("pk"), pk=pk)
    by, now, given = access.user_of(request), clock.now(), request.POST
    try:
        if name == "finish":
            visits.finish(pk, _proof(request), by, now)
        elif name == "move":
            start, end = service_input.when(given, "starts_at"), service_input.when(given, "ends_at")
            if start is None or end is None:
                return _page(request, pk, [_("Choose when it begins and ends.")])
            visits.move(pk, start, end, by, now, technician=service_input.worker(given))
        else:
            visits.act(pk, name, by, now, given.get("note", ""))
    except PlombaError as e:
        return _page(request, pk, service_words.refusals(e, service_input.plain))
    return redirect("web:visit", pk)


@require_POST
@access.workers
def attach(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A photograph or a drawn signature. `remove` takes one away."""
    get_object_or_404(Visit.objects.only("pk"), pk=pk)
    by = access.user_of(request)
    try:
        if remove := whole(request.POST, "remove"):
            visits.detach(pk, remove, by)
        for file in request.FILES.getlist("file"):
            content = file.read(visits.FILE_MOST + 1)
            visits.attach(
                pk, request.POST.get("kind", "photo"), file.name or "", content, by, now=clock.now()
            )
    except PlombaError as e:
        return _page(request, pk, service_words.refusals(e, service_input.plain))
    return redirect("web:visit", pk)


@access.signed_in
def file(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
    """Only pictures, as what their bytes are, and never run as anything else."""
    row = get_object_or_404(VisitFile, visit=pk, pk=number)
    answer = HttpResponse(bytes(row.content), content_type=row.media_type)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Disposition"] = f'inline; filename="{row.kind}-{row.pk}.{row.media_type[6:]}"'
    return answer


@require_POST
@access.workers
def arrange(request: HttpRequest) -> HttpResponseBase:
    """Keep the proposed order of a day."""
    when, technician = service_input.day(request.POST), service_input.worker(request.POST)
    if technician is not None:
        found = visits.arrange(technician, when, access.user_of(request))
        messages.success(
            request, _("The order is kept: about %(km)s km as the crow flies.") % {"km": round(found.km)}
        )
        shown = service_input.written(when)[:10]
        return redirect(f"{reverse('web:visits')}?day={shown}&who={technician.pk}")
    return redirect("web:visits")


def _page(request: HttpRequest, pk: int, problems: list[str] | None = None) -> HttpResponse:
    rows = Visit.objects.select_related("site__customer", "terminal", "technician", "incident", "change")
    row = get_object_or_404(rows, pk=pk)
    moves = [one for one in flow.VISITS.open_to(row.state) if one not in ("finish", "move", "fail", "cancel")]
    context = {
        "visit": row,
        "zone": row.site.time_zone,
        "files": row.files.defer("content"),
        "parts": row.parts.all(),
        "steps": row.steps.select_related("by"),
        "moves": moves,
        "may_finish": row.state == "on_site",
        "may_fail": "fail" in flow.VISITS.open_to(row.state),
        "may_cancel": "cancel" in flow.VISITS.open_to(row.state),
        "may_move": "move" in flow.VISITS.open_to(row.state),
        "people": people.workers(),
        "problems": problems or [],
        "given": request.POST,
        "blank_parts": range(3),
    }
    return render(request, "web/visit.html", context, status=422 if problems else 200)


def _proof(request: HttpRequest) -> Proof:
    given = request.POST
    names = zip(
        given.getlist("part_name"), given.getlist("part_serial"), given.getlist("part_quantity"), strict=False
    )
    parts = [
        Part(name, serial=serial, quantity=int(quantity) if quantity.isdigit() else 1)
        for name, serial, quantity in list(names)[:PARTS]
        if name.strip()
    ]
    return Proof(
        note=given.get("note", ""),
        minutes=service_input.number(given, "minutes"),
        travel_minutes=min(service_input.number(given, "travel_minutes"), 1440),
        signed_by=given.get("signed_by", ""),
        parts=parts,
    )


def _refused(request: HttpRequest, e: PlombaError) -> HttpResponseBase:
    for text in service_words.refusals(e, service_input.plain):
        messages.error(request, text)
    return redirect("web:visits")

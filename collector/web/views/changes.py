"""Changes: the list, the calendar, one with what stands in its way, and the certified versions."""

import re
from datetime import date, timedelta

from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.inventory.models import Customer, Site, Terminal
from collector.service import catalogue, changes, people
from collector.service.changes import New, Said
from collector.service.flow import Kind
from collector.service.models import CertifiedVersion, Change, Freeze
from collector.web import access, service_input, service_words
from collector.web.reading import changes as reading
from collector.web.reading.evidence import proofs
from collector.web.reading.page import one_of, page_of, whole
from protocols.errors import PlombaError

SHOWS = (
    ("open", gettext_lazy("Open")),
    ("approval", gettext_lazy("To approve")),
    ("tasks", gettext_lazy("Tasks open")),
    ("over", gettext_lazy("Over")),
    ("all", gettext_lazy("All")),
)
MONTH = timedelta(days=7 * reading.WEEKS)


@access.signed_in
def change_list(request: HttpRequest) -> HttpResponseBase:
    show = one_of(request.GET, "show", tuple(reading.SHOWS), "open")
    search = request.GET.get("q", "").strip()[:80]
    page = page_of(reading.wanted(show, search), whole(request.GET, "page") or 1)
    context = {"page": page, "show": show, "search": search, "shows": SHOWS}
    part = request.headers.get("HX-Request")
    return render(request, "web/_change_rows.html" if part else "web/changes.html", context)


@access.signed_in
def calendar(request: HttpRequest) -> HttpResponseBase:
    start = service_input.day(request.GET)
    context = {
        "weeks": reading.weeks(start, settings.CONFIG.time_zone),
        "before": start - MONTH,
        "after": start + MONTH,
        "freezes": Freeze.objects.filter(cancelled_at=None, ends_at__gt=clock.now()).select_related(
            "customer", "site"
        ),
        "customers": Customer.objects.all(),
        "zone": settings.CONFIG.time_zone,
    }
    return render(request, "web/change_calendar.html", context)


@access.workers
def new(request: HttpRequest) -> HttpResponseBase:
    given, problems = request.POST, []
    if request.method == "POST":
        try:
            row = changes.ask(_asked(request), access.user_of(request), clock.now())
            return redirect("web:change", row.pk)
        except PlombaError as e:
            problems = service_words.refusals(e, service_input.plain)
    context = {
        "categories": catalogue.changes().categories,
        "terminals": Terminal.objects.filter(retired_at=None)
        .select_related("site__customer")
        .order_by("site__name", "name"),
        "chosen": given.getlist("terminals") or request.GET.getlist("terminal"),
        "given": given,
        "versions": CertifiedVersion.objects.filter(withdrawn_on=None),
        "problems": problems,
    }
    return render(request, "web/change_new.html", context, status=422 if problems else 200)


def _asked(request: HttpRequest) -> New:
    given = request.POST
    kind = given.get("kind", "")
    return New(
        kind=Kind(kind) if kind in set(Kind) else Kind.NORMAL,
        category=given.get("category", ""),
        title=given.get("title", ""),
        reason=given.get("reason", ""),
        terminals=service_input.tills(given),
        product=given.get("product", "")[:100],
        modification=given.get("modification", "")[:40],
        version=given.get("version", "")[:80],
        outage=True if given.get("outage") == "1" else None,
    )


@access.signed_in
def change(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _page(request, pk)


@require_POST
@access.workers
def act(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    get_object_or_404(Change.objects.only("pk"), pk=pk)
    try:
        changes.act(pk, name, access.user_of(request), clock.now(), proofs, said=_said(request))
    except PlombaError as e:
        return _page(request, pk, service_words.refusals(e, service_input.plain))
    return redirect("web:change", pk)


@require_POST
@access.workers
def task(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
    """Done with a note; `undo` opens it again."""
    by, now = access.user_of(request), clock.now()
    try:
        if request.POST.get("undo"):
            changes.reopen_task(number, by, now)
        else:
            changes.done(number, by, now, request.POST.get("note", ""))
    except PlombaError as e:
        return _page(request, pk, service_words.refusals(e, service_input.plain))
    return redirect("web:change", pk)


def _said(request: HttpRequest) -> Said:
    given = request.POST
    texts = {
        name: given[name] for name in ("back_out", "test_plan", "opening_reason", "review") if name in given
    }
    return Said(
        note=given.get("note", ""),
        starts_at=service_input.when(given, "starts_at"),
        ends_at=service_input.when(given, "ends_at"),
        assignee=service_input.worker(given),
        waiver=given.get("waiver") or None,
        **texts,
    )


def _page(request: HttpRequest, pk: int, problems: list[str] | None = None) -> HttpResponse:
    row = get_object_or_404(Change.objects.select_related("requester", "assignee"), pk=pk)
    tills = list(row.terminals.select_related("site__customer").order_by("site__name", "name"))
    known = proofs(tills, row.product)
    zone = tills[0].site.time_zone if tills else settings.CONFIG.time_zone
    steps = [
        (one, [service_words.said(missing, service_input.plain) for missing in one.missing])
        for one in reading.steps_of(row)
    ]
    context = {
        "change": row,
        "zone": zone,
        "tills": [(till, known.get(till.pk)) for till in tills],
        "steps": steps,
        "history": row.steps.select_related("by"),
        "approvals": row.approvals.filter(round=row.round).select_related("person"),
        "tasks": row.tasks.select_related("terminal", "done_by"),
        "bands": reading.bands(row),
        "hours": reading.hours_of(row, zone),
        "people": people.workers(),
        "policy": catalogue.changes(),
        "now": clock.now(),
        "problems": problems or [],
        "given": request.POST,
    }
    return render(request, "web/change.html", context, status=422 if problems else 200)


@require_POST
@access.managers
def freeze(request: HttpRequest) -> HttpResponseBase:
    """No changes in that time; `cancel` lifts it."""
    now, given = clock.now(), request.POST
    if cancel := whole(given, "cancel"):
        Freeze.objects.filter(pk=cancel).update(cancelled_at=now)
        return redirect("web:change-calendar")
    start, end, name = (
        service_input.when(given, "starts_at"),
        service_input.when(given, "ends_at"),
        given.get("name", ""),
    )
    if start is None or end is None or end <= start or not name.strip():
        messages.error(request, _("Give it a name, a beginning, and an end after that."))
    else:
        Freeze.objects.create(
            name=name.strip()[:100],
            starts_at=start,
            ends_at=end,
            by=access.user_of(request),
            customer=Customer.objects.filter(pk=whole(given, "customer") or 0).first(),
            site=Site.objects.filter(pk=whole(given, "site") or 0).first(),
        )
    return redirect("web:change-calendar")


@access.signed_in
def certified(request: HttpRequest) -> HttpResponseBase:
    """The list that decides which version a till may get."""
    by = access.user_of(request)
    if request.method == "POST" and by.may_manage:
        _certify(request)
        return redirect("web:certified")
    rows = CertifiedVersion.objects.select_related("by")
    return render(
        request, "web/certified.html", {"rows": rows}, status=403 if request.method == "POST" else 200
    )


def _certify(request: HttpRequest) -> None:
    given, now = request.POST, clock.now()
    if withdraw := whole(given, "withdraw"):
        row = get_object_or_404(CertifiedVersion, pk=withdraw)
        row.withdrawn_on = None if row.withdrawn_on else now.date()
        row.save(update_fields=["withdrawn_on"])
        return
    fields = {name: given.get(name, "").strip() for name in ("product", "modification", "version")}
    if not fields["product"] or not fields["version"]:
        messages.error(request, _("Name the programme and the version that it gets."))
        return
    told = {name: given.get(name, "").strip()[:400] for name in ("certificate", "body", "legal_basis")}
    told |= {name: given.get(name, "").strip() for name in ("file", "file_version")}
    told["sha256"] = given.get("sha256", "").strip().casefold()
    if told["sha256"] and not re.fullmatch(r"[0-9a-f]{64}", told["sha256"]):
        messages.error(request, _("A SHA-256 has 64 digits and letters a to f."))
        return
    days = {
        name: _day(given.get(name, ""))
        for name in ("certified_on", "registered_on", "replace_by", "verified_on")
    }
    try:
        with transaction.atomic():
            CertifiedVersion.objects.create(**fields, **told, **days, by=access.user_of(request), at=now)
    except IntegrityError:
        messages.error(request, _("This version is on the list already."))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None

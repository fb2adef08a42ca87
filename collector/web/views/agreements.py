"""What managers agree with customers: contracts, calendars and priorities; and incidents that a person opens."""

from collections.abc import Iterable, Mapping
from datetime import date

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from collector.core import calendars, clock
from collector.core.calendar_models import Calendar, CalendarKind
from collector.core.calendars import CalendarRefused
from collector.core.worktime import WEEKDAYS
from collector.incidents import contracts, opening, priority
from collector.incidents.contracts import ContractRefused
from collector.incidents.desk_models import Contract, PriorityMatrix
from collector.incidents.models import Source
from collector.incidents.priority import PriorityRefused
from collector.inventory.models import Customer, Site, Terminal
from collector.web import access, desk_words
from collector.web.acts import refusal
from collector.web.agreement_form import (
    CalendarForm,
    ContractForm,
    FormRefused,
    calendar_form,
    contract_form,
    empty_calendar,
    empty_contract,
)
from collector.web.reading.page import whole
from protocols.errors import PlombaError
from protocols.status.faults import FAULTS

DAY_NAMES = {
    "mon": lambda: _("Monday"),
    "tue": lambda: _("Tuesday"),
    "wed": lambda: _("Wednesday"),
    "thu": lambda: _("Thursday"),
    "fri": lambda: _("Friday"),
    "sat": lambda: _("Saturday"),
    "sun": lambda: _("Sunday"),
}
BY_HAND = (Source.PHONE, Source.PERSON, Source.MAIL)


@access.signed_in
def contract_list(request: HttpRequest) -> HttpResponseBase:
    return render(request, "web/contracts.html", {"contracts": contracts.current()})


@access.managers
def contract_new(request: HttpRequest) -> HttpResponseBase:
    return _contract(request, empty_contract(clock.now().date()))


@access.signed_in
def contract(request: HttpRequest, key: str) -> HttpResponseBase:
    """The newest version as a form, and all versions."""
    try:
        newest = contracts.newest(key)
    except ContractRefused as e:
        raise Http404 from e
    if request.method == "POST" and not access.user_of(request).may_manage:
        raise Http404
    return _contract(request, ContractForm.of(newest), newest)


def _contract(request: HttpRequest, form: ContractForm, newest: Contract | None = None) -> HttpResponseBase:
    problem = ""
    if request.method == "POST":
        form = contract_form(request.POST, newest.key if newest else "")
        try:
            made = contracts.make(form.draft(), clock.now(), access.user_of(request))
        except (ContractRefused, CalendarRefused, FormRefused) as e:
            problem = str(e)
        else:
            messages.success(
                request, _("Version %(n)s counts for what comes from now on.") % {"n": made.number}
            )
            return redirect("web:contract", made.key)
    context: dict[str, object] = {
        "form": form,
        "contract": newest,
        "problem": problem,
        "customers": Customer.objects.all(),
        "calendars": calendars.current(CalendarKind.HOURS),
        "priorities": desk_words.PRIORITIES,
    }
    if newest:
        context["versions"] = Contract.objects.filter(key=newest.key).select_related("made_by")
    return render(request, "web/contract.html", context, status=422 if problem else 200)


@access.signed_in
def calendar_list(request: HttpRequest) -> HttpResponseBase:
    now = clock.now()
    found = [(row, calendars.stale_days(row, now)) for row in calendars.current()]
    return render(request, "web/calendars.html", {"calendars": found})


@access.managers
def calendar_new(request: HttpRequest) -> HttpResponseBase:
    return _calendar(request, empty_calendar())


@access.signed_in
def calendar(request: HttpRequest, key: str) -> HttpResponseBase:
    try:
        newest = calendars.newest(key)
    except CalendarRefused as e:
        raise Http404 from e
    if request.method == "POST" and not access.user_of(request).may_manage:
        raise Http404
    return _calendar(request, CalendarForm.of(newest), newest)


def _calendar(request: HttpRequest, form: CalendarForm, newest: Calendar | None = None) -> HttpResponseBase:
    problem = ""
    if request.method == "POST":
        form = calendar_form(request.POST, newest)
        try:
            made = calendars.make(form.draft(), clock.now(), access.user_of(request))
        except (CalendarRefused, FormRefused) as e:
            problem = str(e)
        else:
            said = _("Version %(n)s is made. Contracts take it when they get their next version.")
            messages.success(request, said % {"n": made.number})
            return redirect("web:calendar", made.key)
    context: dict[str, object] = {
        "form": form,
        "calendar": newest,
        "problem": problem,
        "days": [(day, DAY_NAMES[day](), form.hours.get(day, "")) for day in WEEKDAYS],
    }
    if newest:
        context["versions"] = Calendar.objects.filter(key=newest.key).select_related("made_by")
        context["stale"] = calendars.stale_days(newest, clock.now())
        context["days_off"] = _days_off(newest, clock.now().date())
    return render(request, "web/calendar.html", context, status=422 if problem else 200)


def _days_off(row: Calendar, today: date) -> list[tuple[date, Mapping[str, object]]]:
    """From the beginning of this year on."""
    found = ((date.fromisoformat(day), told) for day, told in sorted(row.days.items()))
    return [(day, told) for day, told in found if day.year >= today.year]


@access.signed_in
def priorities(request: HttpRequest) -> HttpResponseBase:
    problem, matrix = "", priority.matrix()
    rows: Iterable[Iterable[int]] = matrix.rows
    if request.method == "POST":
        if not access.user_of(request).may_manage:
            raise Http404
        rows = _rows(request.POST)
        try:
            why = request.POST.get("why", "")
            priority.change(rows, why, access.user_of(request), clock.now())
        except PriorityRefused as e:
            problem = str(e)
        else:
            messages.success(request, _("The priorities are changed for what comes from now on."))
            return redirect("web:priorities")
    context = {
        "rows": list(zip(desk_words.IMPACTS.items(), rows, strict=True)),
        "urgencies": desk_words.URGENCIES,
        "priorities": desk_words.PRIORITIES,
        "source": matrix.source,
        "problem": problem,
        "changes": PriorityMatrix.objects.select_related("made_by")[:20],
    }
    return render(request, "web/priorities.html", context, status=422 if problem else 200)


def _rows(form: QueryDict) -> list[list[int]]:
    return [
        [whole(form, f"cell-{impact}-{urgency}") or 0 for urgency in priority.URGENCIES]
        for impact in priority.IMPACTS
    ]


@access.workers
def incident_new(request: HttpRequest) -> HttpResponseBase:
    """A till may be given with the address: then the form knows where."""
    problem = ""
    if request.method == "POST":
        try:
            made = opening.report(_report(request.POST), access.user_of(request))
        except PlombaError as e:
            problem = refusal(e)
        else:
            return redirect("web:incident", made.pk)
    tills = Terminal.objects.filter(retired_at=None).select_related("site").order_by("site__name", "name")
    context = {
        "problem": problem,
        "form": request.POST or request.GET,
        "tills": tills,
        "sites": Site.objects.select_related("customer"),
        "impacts": desk_words.IMPACTS,
        "urgencies": desk_words.URGENCIES,
        "sources": {one.value: desk_words.SOURCES[one.value] for one in BY_HAND},
        "faults": FAULTS,
    }
    return render(request, "web/incident_new.html", context, status=422 if problem else 200)


def _report(form: QueryDict) -> opening.Report:
    where = form.get("where", "")
    source = form.get("source", "")
    return opening.Report(
        title=form.get("title", ""),
        text=form.get("text", "")[:4000],
        terminal=where.removeprefix("till/") if where.startswith("till/") else "",
        site=int(where[5:]) if where.startswith("site/") and where[5:].isdecimal() else None,
        code=form.get("code", ""),
        source=Source(source) if source in {one.value for one in BY_HAND} else Source.PHONE,
        impact=whole(form, "impact") or 0,
        urgency=whole(form, "urgency") or 0,
    )

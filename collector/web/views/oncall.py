"""Who is on call: a picture of the next weeks, swaps, and who stands in for whom."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.core.worktime import parse_hours, written
from collector.service import oncall, people
from collector.service.models import Queue, Rota
from collector.web import access, service_input, service_words
from collector.web.reading import oncall as reading
from collector.web.reading.page import whole
from protocols.errors import PlombaError

SPAN = timedelta(days=reading.DAYS)


@access.signed_in
def on_call(request: HttpRequest) -> HttpResponseBase:
    now = clock.now()
    start = service_input.day(request.GET)
    zone = settings.CONFIG.time_zone
    context = {
        "picture": reading.picture(start, now, zone),
        "before": start - SPAN,
        "after": start + SPAN,
        "zone": zone,
        "swaps": reading.swaps(access.user_of(request)),
        "rotas": list(oncall.rotas()),
        "people": people.workers(),
        "queues": Queue.objects.all(),
        "now": now,
    }
    return render(request, "web/on_call.html", context)


@require_POST
@access.workers
def override(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_object_or_404(Rota, pk=pk)
    person = service_input.worker(request.POST)
    if person is None and request.POST.get("person") != "nobody":
        messages.error(request, _("Choose a person."))
        return redirect("web:on-call")
    span = _span(request, "starts_at", "ends_at")
    if span is not None:
        by, now = access.user_of(request), clock.now()
        _tell(
            request,
            lambda: oncall.override(row, person, span, by, now, reason=request.POST.get("reason", "")),
        )
    return redirect("web:on-call")


@require_POST
@access.workers
def take_back(request: HttpRequest, pk: int) -> HttpResponseBase:
    _tell(request, lambda: oncall.cancel_override(pk, access.user_of(request), clock.now()))
    return redirect("web:on-call")


@require_POST
@access.workers
def ask_swap(request: HttpRequest, pk: int) -> HttpResponseBase:
    row = get_object_or_404(Rota, pk=pk)
    asked, mine = service_input.worker(request.POST), _span(request, "starts_at", "ends_at")
    if asked is None or mine is None:
        messages.error(request, _("Choose a person and the time."))
        return redirect("web:on-call")
    back = _span(request, "back_starts_at", "back_ends_at") if request.POST.get("back_starts_at") else None
    note, by = request.POST.get("note", ""), access.user_of(request)
    _tell(request, lambda: oncall.ask_swap(row, by, asked, mine, clock.now(), back=back, note=note))
    return redirect("web:on-call")


@require_POST
@access.workers
def answer(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    _tell(request, lambda: oncall.answer_swap(pk, name, access.user_of(request), clock.now()))
    return redirect("web:on-call")


@require_POST
@access.managers
def rota(request: HttpRequest) -> HttpResponseBase:
    """A new rota, or a changed one; `retire` takes it out of use."""
    given = request.POST
    row = Rota.objects.filter(pk=whole(given, "rota") or 0).first() or Rota()
    if given.get("retire"):
        row.retired_at = clock.now()
        row.save()
        return redirect("web:on-call")
    try:
        _fill(row, request)
    except ValueError as e:
        messages.error(request, str(e))
        return redirect("web:on-call")
    chosen = [one for one in dict.fromkeys(given.getlist("people")) if one.isdigit()]
    row.save()
    row.people.all().delete()
    known = {str(one.pk): one for one in people.workers()}
    for order, one in enumerate(one for one in chosen if one in known):
        row.people.create(user=known[one], order=order)
    messages.success(request, _("%(name)s: saved.") % {"name": row.name})
    return redirect("web:on-call")


def _fill(row: Rota, request: HttpRequest) -> None:
    given = request.POST
    row.name = given.get("name", "").strip()[:100]
    row.queue = Queue.objects.filter(pk=given.get("queue", "")).first()
    row.level = 2 if given.get("level") == "2" else 1
    row.time_zone = given.get("time_zone", settings.CONFIG.time_zone)
    if not row.name or row.time_zone not in available_timezones():
        raise ValueError(_("Give the rota a name and a time zone of the IANA list, such as Europe/Riga."))
    row.starts_on = datetime.fromisoformat(given.get("starts_on", "")).date()
    row.handover = time.fromisoformat(given.get("handover", "09:00"))
    row.turn_days = max(1, min(service_input.number(given, "turn_days") or 7, 60))
    row.hours = written(parse_hours(_hours(given.get("hours", ""))))


def _hours(text: str) -> dict[str, list[list[str]]]:
    """ "always" is "", "nights" is what it says; ValueError for anything else."""
    if not text:
        return {}
    spans = {
        "nights": [["00:00", "08:00"], ["18:00", "24:00"]],
        "evenings": [["18:00", "24:00"]],
        "days": [["08:00", "18:00"]],
    }.get(text)
    if spans is None:
        raise ValueError(_("Choose the hours of the rota."))
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    whole_day = [["00:00", "24:00"]]
    return {day: whole_day if text == "nights" and day in ("sat", "sun") else spans for day in days}


def _span(request: HttpRequest, first: str, last: str) -> tuple[datetime, datetime] | None:
    start, end = (service_input.when(request.POST, name) for name in (first, last))
    if start is None or end is None:
        messages.error(request, _("Choose when it begins and ends."))
        return None
    return start, end


def _tell(request: HttpRequest, act: Callable[[], object]) -> None:
    try:
        act()
    except PlombaError as e:
        for text in service_words.refusals(e, service_input.plain):
            messages.error(request, text)

"""Every message that was ever to be sent, and what became of it."""

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.notify import claiming, courier
from collector.notify.models import BadAddress, Channel, Outgoing, Status
from collector.web import access
from collector.web.notify_words import CHANNELS, SHOWS
from collector.web.reading.page import one_of, page_of, whole

_WAITING = (Status.WAITING, Status.CLAIMED, Status.SENDING)
OF_AN_INCIDENT = 20


@access.signed_in
def outbox(request: HttpRequest) -> HttpResponseBase:
    show = one_of(request.GET, "show", ("all", "waiting", "failed", "sent"), "all")
    channel = one_of(request.GET, "channel", tuple(Channel.values))
    search = request.GET.get("q", "").strip()
    page = page_of(messages_of(show, channel, search), whole(request.GET, "page") or 1)
    context = {"page": page, "show": show, "channel": channel, "q": search}
    if request.headers.get("HX-Request"):
        return render(request, "web/_outbox_rows.html", context)
    context |= {
        "shows": SHOWS,
        "channels": CHANNELS.items(),
        "bad": BadAddress.objects.order_by("-since")[:50],
    }
    return render(request, "web/outbox.html", context)


def messages_of(show: str = "all", channel: str = "", search: str = "") -> QuerySet[Outgoing]:
    rows = Outgoing.objects.select_related("person")
    if show == "waiting":
        rows = rows.filter(status__in=_WAITING)
    elif show in ("failed", "sent"):
        rows = rows.filter(status=show)
    if channel:
        rows = rows.filter(channel=channel)
    if search:
        rows = rows.filter(Q(address__icontains=search) | Q(subject__icontains=search, secret=False))
    return rows


def messages_about(incident: int) -> QuerySet[Outgoing]:
    """Of this incident alone, and those that told of it among others."""
    alone, among = Q(about=f"incident:{incident}"), Q(tellings__incident=incident)
    return Outgoing.objects.filter(alone | among).select_related("person").distinct()


def messages_about_request(request: int) -> QuerySet[Outgoing]:
    """To the customer and to people of the desk, of this request alone or among others."""
    alone, among = Q(about=f"request:{request}"), Q(calls__turn__request=request)
    return Outgoing.objects.filter(alone | among).select_related("person").distinct()


@access.signed_in
def about_incident(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A part of the incident's page, fetched after it."""
    rows = list(messages_about(pk)[: OF_AN_INCIDENT + 1])
    context = {"rows": rows[:OF_AN_INCIDENT], "more": len(rows) > OF_AN_INCIDENT}
    return render(request, "web/_incident_messages.html", context)


@access.signed_in
def message(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = get_object_or_404(Outgoing.objects.select_related("person"), pk=pk)
    bad = BadAddress.objects.filter(channel=found.channel, address=found.address).first()
    tellings = found.tellings.select_related("incident")
    context = {"message": found, "bad": bad, "tellings": tellings}
    return render(request, "web/message.html", context)


@require_POST
@access.workers
def act(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """again: a failed message goes once more; well: its address is taken off the list of bad ones."""
    found = get_object_or_404(Outgoing, pk=pk)
    if name in ("well", "again"):
        courier.mark_well(found.channel, found.address)
    if name == "again" and claiming.again(pk, clock.now()):
        messages.success(request, _("It is tried once more."))
    elif name == "well":
        messages.success(request, _("Messages go to %(address)s again.") % {"address": found.address})
    else:
        messages.error(request, _("Only a message that was not delivered can be tried once more."))
    return redirect("web:message", pk)


@require_POST
@access.workers
def well(request: HttpRequest, pk: int) -> HttpResponseBase:
    mark = get_object_or_404(BadAddress, pk=pk)
    courier.mark_well(mark.channel, mark.address)
    messages.success(request, _("Messages go to %(address)s again.") % {"address": mark.address})
    return redirect("web:outbox")

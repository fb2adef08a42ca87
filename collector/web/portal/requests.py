"""The person's requests: the list, one with its public log, and what a customer does to it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.incidents.models import Source, State
from collector.inventory.models import ContactPerson
from collector.requests import acts, files, fulfilment, tenancy, voice
from collector.requests.log import Actor
from collector.requests.models import Attachment, Request, Step
from collector.web import access
from collector.web.portal import forms
from collector.web.reading.page import page_of, whole
from collector.web.request_words import refusal, step_words
from protocols.errors import PlombaError

DONE = (State.RESOLVED, State.CLOSED, State.CANCELLED, State.MERGED)


@dataclass(frozen=True, slots=True)
class Turn:
    """A step as the page shows it. `mine`: it is the customer's turn now."""

    step: Step
    words: str
    mine: bool


@access.customers
def listed(request: HttpRequest, contact: ContactPerson) -> HttpResponseBase:
    done = request.GET.get("show") == "done"
    found = tenancy.requests_of(contact).select_related("site", "terminal")
    found = found.filter(state__in=DONE) if done else found.exclude(state__in=DONE)
    page = page_of(found, whole(request.GET, "page") or 1, 20)
    context = {"contact": contact, "page": page, "done": done, "here": "requests"}
    return render(request, "web/portal/requests.html", context)


@access.customers
def one(request: HttpRequest, contact: ContactPerson, pk: int) -> HttpResponseBase:
    return _page(request, contact, pk)


def _page(
    request: HttpRequest, contact: ContactPerson, pk: int, problem: str = "", status: int = 200
) -> HttpResponseBase:
    found = get_object_or_404(
        tenancy.requests_of(contact).select_related("site", "terminal", "contact"), pk=pk
    )
    kind = acts.type_of(found)
    log = found.entries.filter(public=True).select_related("by", "contact").prefetch_related("attachments")
    context = {
        "contact": contact,
        "request_": found,
        "kind_title": kind.title.say(get_language()),
        "answers": forms.shown_answers(kind, found.answers),
        "log": log,
        "turns": turns(found),
        "questions": found.approvals.filter(by_customer=True, agreed=None),
        "may_approve": contact.approves_paid_work,
        "is_open": acts.request_is_open(found),
        "problem": problem,
        "zone": found.site.time_zone if found.site else "Europe/Riga",
        "here": "requests",
    }
    return render(request, "web/portal/request.html", context, status=status)


def turns(found: Request) -> list[Turn]:
    now = fulfilment.current(found)
    ready = now is not None and acts.request_is_open(found) and fulfilment.agreed(found)
    words = step_words(found)
    return [
        Turn(step, words.get(step.name, step.name), ready and step == now and step.by_customer)
        for step in found.steps.all()
    ]


Act = Callable[[HttpRequest, Request, ContactPerson, datetime], object]


def _say(request: HttpRequest, found: Request, contact: ContactPerson, now: datetime) -> None:
    kept = files.accept(forms.attached(request))
    voice.say(found.pk, Actor(contact=contact, source=Source.PORTAL), _text(request), now, attached=kept)


def _decide(request: HttpRequest, found: Request, contact: ContactPerson, now: datetime) -> None:
    agreed = request.POST.get("agree") == "yes"
    approval = whole(request.POST, "approval") or 0
    voice.decide(found.pk, contact, approval, agreed, comment=_text(request), now=now)


def _rate(request: HttpRequest, found: Request, contact: ContactPerson, now: datetime) -> None:
    voice.rate(found.pk, contact, whole(request.POST, "stars") or 0, _text(request), now)


ACTS: dict[str, Act] = {
    "say": _say,
    "decide": _decide,
    "rate": _rate,
    "step": lambda request, found, contact, now: voice.confirm_step(
        found.pk, contact, request.POST.get("step", ""), now
    ),
    "reopen": lambda request, found, contact, now: voice.reopen(found.pk, contact, _text(request), now),
    "settle": lambda _request, found, contact, now: voice.settle(found.pk, contact, now),
    "withdraw": lambda request, found, contact, now: voice.withdraw(
        found.pk, contact, _text(request) or _("Not needed any more."), now
    ),
}


def _text(request: HttpRequest) -> str:
    return request.POST.get("text", "").replace("\r\n", "\n")


@require_POST
@access.customers
def act(request: HttpRequest, contact: ContactPerson, pk: int, name: str) -> HttpResponseBase:
    """A refused act shows the request as it is now, with the reason."""
    if name not in ACTS:
        raise Http404
    found = get_object_or_404(tenancy.requests_of(contact), pk=pk)
    try:
        ACTS[name](request, found, contact, clock.now())
    except PlombaError as e:
        return _page(request, contact, pk, refusal(e), 422)
    return redirect("web:portal-request", pk)


@access.customers
def attachment(request: HttpRequest, contact: ContactPerson, pk: int) -> HttpResponseBase:
    return sent_file(get_object_or_404(tenancy.attachments_of(contact), pk=pk))


def sent_file(found: Attachment) -> HttpResponseBase:
    """A picture may be looked at; anything else is a download, whatever it calls itself."""
    shown = found.content_type.startswith("image/")
    answer = FileResponse(
        BytesIO(files.content_of(found.digest)),
        as_attachment=not shown,
        filename=found.name,
        content_type=found.content_type,
    )
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer

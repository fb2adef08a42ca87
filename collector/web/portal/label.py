"""What opens from the label on a till: a form to report a fault of that till, without a password. It shows the till's
own name and nothing else: not its state, not its shop, not who else wrote."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language

from collector.core import clock
from collector.core.brake import Brake
from collector.incidents.models import Source
from collector.inventory.models import Terminal
from collector.requests import catalogue, labels
from collector.requests.catalogue import AnswersWrong
from collector.requests.files import FilesRefused
from collector.requests.log import Actor
from collector.requests.opening import Wish, open_request
from collector.web import access
from collector.web.portal import forms
from collector.web.portal.session import place_of

LOOKED, REPORTED, WINDOW_S = 60, 5, 900.0
_places = Brake(LOOKED, WINDOW_S)
_tills = Brake(REPORTED, WINDOW_S)
KIND = "fault"


@access.for_all
def label(request: HttpRequest, token: str) -> HttpResponseBase:
    """Who guesses is slowed by address; a till takes some reports in a quarter of an hour and no more."""
    if wait_s := _places.wait_s(place_of(request)):
        return _waits(request, wait_s)
    _places.failed(place_of(request))
    till = labels.terminal_of(token)
    if till is None:
        return render(request, "web/portal/label_unknown.html", status=404)
    if request.method != "POST":
        return _form(request, till, {})
    if wait_s := _tills.wait_s(till.pk):
        return _waits(request, wait_s)
    return _reported(request, till)


def _reported(request: HttpRequest, till: Terminal) -> HttpResponseBase:
    kind = catalogue.types()[KIND]
    name = " ".join(request.POST.get("name", "").split())[:100]
    wish = Wish(
        type=kind,
        customer=till.site.customer,
        terminal=till,
        asker_name=name,
        asker_phone=" ".join(request.POST.get("phone", "").split())[:40],
        source=Source.LABEL,
        language=get_language() or "lv",
        text=request.POST.get("text", "").replace("\r\n", "\n"),
        answers=forms.answers(kind, request),
    )
    try:
        made = open_request(
            wish, Actor(name=name or "—", source=Source.LABEL), clock.now(), attached=forms.attached(request)
        )
    except AnswersWrong as e:
        return _form(request, till, e.fields)
    except FilesRefused:
        return _form(request, till, {}, too_much=True)
    _tills.failed(till.pk)
    return render(request, "web/portal/label_done.html", {"till": till, "number": str(made)})


def _form(
    request: HttpRequest, till: Terminal, faults: dict[str, str], *, too_much: bool = False
) -> HttpResponseBase:
    context = {
        "till": till,
        "fields": forms.drawn(catalogue.types()[KIND], request, faults),
        "text": request.POST.get("text", ""),
        "name": request.POST.get("name", ""),
        "phone": request.POST.get("phone", ""),
        "too_much": too_much,
    }
    return render(request, "web/portal/label.html", context, status=422 if faults or too_much else 200)


def _waits(request: HttpRequest, wait_s: int) -> HttpResponseBase:
    answer = render(request, "web/portal/label_wait.html", {"minutes": -(-wait_s // 60)}, status=429)
    answer.headers["Retry-After"] = str(wait_s)
    return answer


def forget() -> None:
    """Let everybody try anew."""
    _places.clear()
    _tills.clear()

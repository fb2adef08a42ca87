"""Signing in with a one-time code that comes by mail. The answers do not tell whether an address is known."""

from django import forms
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.inventory.models import ContactPerson
from collector.requests import codes, tenancy
from collector.web import access
from collector.web.views.session import remember

BACKEND = "collector.web.password.Backend"
ASKED, EMAIL, NEXT, PEOPLE = "portal_ticket", "portal_email", "portal_next", "portal_people"
_MINE = (ASKED, EMAIL, NEXT, PEOPLE)


class AddressForm(forms.Form):
    email = forms.EmailField(max_length=254)


@access.for_all
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """First the address; then, for all alike, the page that asks for the code."""
    if tenancy.contact_of(request.user):
        return redirect("web:portal")
    form = AddressForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "next": _wanted(request)}
        return render(request, "web/portal/sign_in.html", context, status=422 if form.errors else 200)
    try:
        asked = codes.ask(form.cleaned_data["email"], place_of(request), clock.now())
    except codes.TooMany as e:
        return _too_many(request, e.wait_s)
    request.session.cycle_key()
    request.session[ASKED], request.session[EMAIL] = asked.ticket, asked.email
    request.session[NEXT] = _wanted(request)
    return redirect("web:portal-code")


@access.for_all
def code(request: HttpRequest) -> HttpResponseBase:
    ticket = str(request.session.get(ASKED, ""))
    if not ticket:
        return redirect("web:portal-sign-in")
    context: dict[str, object] = {"email": request.session.get(EMAIL, ""), "minutes": 10}
    if request.method != "POST":
        return render(request, "web/portal/code.html", context)
    try:
        people = codes.use(ticket, request.POST.get("code", "").replace(" ", "")[:20], clock.now())
    except codes.CodeWrong as e:
        context["wrong"] = e.code
        return render(request, "web/portal/code.html", context, status=422)
    if len(people) == 1:
        return _enter(request, people[0])
    request.session[PEOPLE] = [one.pk for one in people]
    del request.session[ASKED]
    return redirect("web:portal-choose")


@access.for_all
def choose(request: HttpRequest) -> HttpResponseBase:
    """One person of several customers: for which of them now?"""
    known = request.session.get(PEOPLE, [])
    people = list(ContactPerson.objects.filter(pk__in=known, retired_at=None).select_related("customer"))
    if not people:
        return redirect("web:portal-sign-in")
    chosen = [one for one in people if str(one.pk) == request.POST.get("contact", "")]
    if request.method == "POST" and chosen:
        return _enter(request, chosen[0])
    return render(request, "web/portal/choose.html", {"people": people})


@access.for_all
@require_POST
def sign_out(request: HttpRequest) -> HttpResponseBase:
    logout(request)
    return redirect("web:portal-sign-in")


def _enter(request: HttpRequest, contact: ContactPerson) -> HttpResponseBase:
    target = str(request.session.get(NEXT) or "/portal/")
    user = codes.account_of(contact)
    for name in _MINE:
        request.session.pop(name, None)
    login(request, user, backend=BACKEND)
    response = redirect(target)
    remember(response, user.language)
    return response


def _wanted(request: HttpRequest) -> str:
    """Only pages of the portal."""
    target = request.POST.get("next", "") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, None)
    return target if safe and target.startswith("/portal/") else ""


def place_of(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def _too_many(request: HttpRequest, wait_s: int) -> HttpResponseBase:
    context = {"form": AddressForm(), "wait_minutes": -(-wait_s // 60), "next": _wanted(request)}
    answer = render(request, "web/portal/sign_in.html", context, status=429)
    answer.headers["Retry-After"] = str(wait_s)
    return answer

"""What a technician's telephone shows after it read the picture on a till: whose till is it, what stands on its
plate, and the word that is typed into the till."""

from typing import cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from collector.core import clock
from collector.inventory import enrolment
from collector.inventory.models import Customer, EnrolCode, Site
from collector.web import access, trust
from protocols.wire import claim as wire


class ClaimForm(forms.Form):
    """Names that are known are used, new ones are made."""

    customer = forms.CharField(max_length=200, label=_("Customer"))
    site = forms.CharField(max_length=200, label=_("Shop"))
    terminal_name = forms.CharField(max_length=100, label=_("Name of the till"))
    maker = forms.CharField(max_length=100, required=False, label=_("Maker"))
    model = forms.CharField(max_length=100, required=False, label=_("Model"))
    serial = forms.CharField(max_length=100, required=False, label=_("Serial number"))
    place = forms.CharField(max_length=200, required=False, label=_("Where it stands"))
    note = forms.CharField(max_length=1000, required=False, label=_("Note"))


@access.workers
def claim(request: HttpRequest, key: str) -> HttpResponseBase:
    if not wire.is_key(key):
        raise Http404
    made = (
        EnrolCode.objects.filter(secret_hash=enrolment.claim_hash(key))
        .select_related("site__customer")
        .first()
    )
    form = ClaimForm(request.POST or None, initial=_known(made, request))
    if request.method == "POST" and form.is_valid() and _claimed(request, key, form):
        return redirect("web:claim", key)
    shown = made is not None and not made.used_at and made.expires_at > clock.now() and not form.errors
    context = {
        "form": form,
        "made": made,
        "number": wire.number(key),
        "word": trust.word(key) if shown else "",
        "address": settings.CONFIG.public_url,
        "customers": Customer.objects.all(),
        "sites": Site.objects.all(),
    }
    part = "web/_claimed.html" if request.headers.get("HX-Request") else "web/claim.html"
    return render(request, part, context, status=422 if form.errors else 200)


def _claimed(request: HttpRequest, key: str, form: ClaimForm) -> bool:
    data = cast(dict[str, str], form.cleaned_data)
    site = enrolment.site_of(data["customer"].strip(), data["site"].strip())
    asset = {name: data[name].strip() for name in enrolment.ASSET}
    by = access.user_of(request).pk
    try:
        enrolment.claim(key, site, data["terminal_name"].strip(), clock.now(), by=by, asset=asset)
    except enrolment.EnrolRefused as e:
        if e.code != "enrol.key_known":
            raise Http404 from e
        messages.error(request, gettext("This till is enrolled already."))
    return True


def _known(made: EnrolCode | None, request: HttpRequest) -> dict[str, str]:
    """What the form holds at first: the claim as it is, or what the till says of itself."""
    if made is None:
        return {"terminal_name": request.GET.get("h", "")[:100]}
    known = {name: str(made.asset.get(name, "")) for name in enrolment.ASSET}
    place = {"customer": made.site.customer.name, "site": made.site.name}
    return {**place, "terminal_name": made.terminal_name, **known}

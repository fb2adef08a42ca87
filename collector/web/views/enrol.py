"""A manager makes a one-time code and sees the one command that uses it."""

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from collector.core import clock
from collector.inventory import enrolment
from collector.inventory.models import Customer, EnrolCode, Site
from collector.web import access

CODES_SHOWN = 10


class EnrolForm(forms.Form):
    """Names that are known are used, new ones are made."""

    customer = forms.CharField(max_length=200, label=_("Customer"))
    site = forms.CharField(max_length=200, label=_("Shop"))
    terminal_name = forms.CharField(max_length=100, label=_("Name of the till"))


@access.managers
def enrol(request: HttpRequest) -> HttpResponseBase:
    form = EnrolForm(request.POST or None)
    context: dict[str, object] = {"form": form}
    if request.method == "POST" and form.is_valid():
        context |= _made(form)
        context["form"] = EnrolForm(initial={name: form.cleaned_data[name] for name in ("customer", "site")})
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "web/enrol.html", context | _known(), status=status)


def _made(form: EnrolForm) -> dict[str, object]:
    data = form.cleaned_data
    site = enrolment.site_of(data["customer"].strip(), data["site"].strip())
    code, secret = enrolment.make_code(site, data["terminal_name"].strip(), clock.now())
    return {"code": code, "secret": secret, "address": settings.CONFIG.public_url}


def _known() -> dict[str, object]:
    codes = EnrolCode.objects.select_related("site__customer", "terminal").order_by("-created_at", "-id")
    return {
        "customers": Customer.objects.all(),
        "sites": Site.objects.all(),
        "codes": codes[:CODES_SHOWN],
        "now": clock.now(),
    }

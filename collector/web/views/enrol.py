"""One-time codes for a manager, with the one command that uses one; for every technician the tills that wait to be
approved."""

from datetime import timedelta

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from collector.core import clock
from collector.inventory import enrolment
from collector.inventory.models import Customer, EnrolCode, Site, Terminal
from collector.web import access, trust
from protocols.wire import claim

CODES_SHOWN = 10
WAITING_SHOWN = 50
LIFETIMES = [
    ("900", _("15 minutes")),
    ("3600", _("1 hour")),
    ("14400", _("4 hours")),
    ("86400", _("1 day")),
    ("604800", _("1 week")),
]
APPROVAL = [
    ("", _("as it is for this shop")),
    ("yes", _("a technician approves each new till of this shop")),
    ("no", _("new tills of this shop count at once")),
]


class EnrolForm(forms.Form):
    """Names that are known are used, new ones are made."""

    customer = forms.CharField(max_length=200, label=_("Customer"))
    site = forms.CharField(max_length=200, label=_("Shop"))
    terminal_name = forms.CharField(max_length=100, label=_("Name of the till"))
    lifetime = forms.ChoiceField(choices=LIFETIMES, initial="3600", required=False, label=_("The code lasts"))
    approval = forms.ChoiceField(choices=APPROVAL, initial="", required=False, label=_("Approval"))


@access.workers
def enrol(request: HttpRequest) -> HttpResponseBase:
    may_make = access.user_of(request).may_manage
    if request.method == "POST" and not may_make:
        raise PermissionDenied
    form = EnrolForm(request.POST or None)
    context: dict[str, object] = {"form": form, "may_make": may_make, "waiting": _waiting()}
    if request.method == "POST" and form.is_valid():
        context |= _made(request, form)
        context["form"] = EnrolForm(initial={name: form.cleaned_data[name] for name in ("customer", "site")})
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "web/enrol.html", context | _known(), status=status)


def _made(request: HttpRequest, form: EnrolForm) -> dict[str, object]:
    data = form.cleaned_data
    site = enrolment.site_of(data["customer"].strip(), data["site"].strip())
    if data["approval"]:
        site.needs_approval = data["approval"] == "yes"
        site.save(update_fields=["needs_approval"])
    ttl = timedelta(seconds=int(data["lifetime"] or "3600"))
    by = access.user_of(request).pk
    code, secret = enrolment.make_code(site, data["terminal_name"].strip(), clock.now(), ttl, by)
    whole = trust.whole_code(secret)
    command = trust.command(whole)
    return {"code": code, "secret": whole, "command": command, "picture": trust.picture(command)}


def _waiting() -> list[tuple[Terminal, str]]:
    """With the number that the till shows, too."""
    rows = Terminal.objects.filter(waits_since__isnull=False, retired_at=None)
    found = rows.select_related("site__customer").order_by("waits_since", "id")[:WAITING_SHOWN]
    return [(till, claim.number(till.public_key)) for till in found]


def _known() -> dict[str, object]:
    codes = EnrolCode.objects.select_related("site__customer", "terminal").order_by("-created_at", "-id")
    return {
        "customers": Customer.objects.all(),
        "sites": Site.objects.all(),
        "codes": codes[:CODES_SHOWN],
        "now": clock.now(),
    }

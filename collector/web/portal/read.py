"""What customers read: backups of their tills, visits to their shops."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from collector.core import clock
from collector.inventory.models import ContactPerson
from collector.requests import tenancy
from collector.service.visit_models import Visit
from collector.web import access
from collector.web.reading.backups import proofs

PAST_SHOWN = 20


@access.customers
def backups(request: HttpRequest, contact: ContactPerson) -> HttpResponseBase:
    mine = list(tenancy.terminals_of(contact).values_list("pk", flat=True))
    context = {"contact": contact, "rows": proofs(mine) if mine else [], "here": "backups"}
    return render(request, "web/portal/backups.html", context)


@access.customers
def visits(request: HttpRequest, contact: ContactPerson) -> HttpResponseBase:
    mine = Visit.objects.filter(site__in=tenancy.sites_of(contact)).select_related(
        "site", "terminal", "technician"
    )
    coming = mine.filter(ended_at=None, ends_at__gte=clock.now()).order_by("starts_at")
    past = mine.exclude(ended_at=None).order_by("-ended_at")
    context = {"contact": contact, "coming": coming[:PAST_SHOWN], "past": past[:PAST_SHOWN], "here": "visits"}
    return render(request, "web/portal/visits.html", context)

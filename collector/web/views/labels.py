"""A sheet of labels for the tills of a shop or a customer, to be printed and stuck on."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.inventory.models import Customer, Site, Terminal
from collector.requests import labels
from collector.web import access, trust
from collector.web.reading.page import whole

MOST = 200


@access.workers
def sheet(request: HttpRequest) -> HttpResponseBase:
    found = Terminal.objects.filter(retired_at=None).select_related("site__customer")
    site = Site.objects.filter(pk=whole(request.GET, "site") or 0).first()
    customer = Customer.objects.filter(pk=whole(request.GET, "customer") or 0).first()
    if till := request.GET.get("terminal", ""):
        found = found.filter(pk=till)
    elif site:
        found = found.filter(site=site)
    elif customer:
        found = found.filter(site__customer=customer)
    else:
        found = found.none()
    now = clock.now()
    rows = [
        (one, trust.picture(labels.address(one, now))) for one in found.order_by("site__name", "name")[:MOST]
    ]
    context = {
        "labels": rows,
        "site": site,
        "customer": customer,
        "customers": Customer.objects.all(),
        "sites": Site.objects.select_related("customer"),
    }
    return render(request, "web/labels.html", context)


@require_POST
@access.managers
def renew(request: HttpRequest, pk: str) -> HttpResponseBase:
    """Every label of this till that was printed before opens nothing any more."""
    labels.renew(get_object_or_404(Terminal, pk=pk), clock.now())
    return redirect(f"/labels/?terminal={pk}")

"""Monthly reports, for contact persons who may see the whole customer."""

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render

from collector.inventory.models import ContactPerson
from collector.reports.models import Report
from collector.web import access
from collector.web.views.reports import row_of, sent, shown

SHOWN = 36


def _of(contact: ContactPerson) -> QuerySet[Report]:
    """A report is of all shops: who is limited to some sees none."""
    if contact.sites.exists():
        return Report.objects.none()
    return Report.objects.filter(customer=contact.customer_id).select_related("customer")


@access.customers
def reports(request: HttpRequest, contact: ContactPerson) -> HttpResponseBase:
    rows = [row_of(one) for one in _of(contact)[:SHOWN]]
    return render(request, "web/portal/reports.html", {"contact": contact, "rows": rows, "here": "reports"})


@access.customers
def report(request: HttpRequest, contact: ContactPerson, pk: int) -> HttpResponseBase:
    found = get_object_or_404(_of(contact), pk=pk)
    return render(request, "web/portal/monthly.html", {"contact": contact, "here": "reports", **shown(found)})


@access.customers
def file(request: HttpRequest, contact: ContactPerson, pk: int, form: str) -> HttpResponseBase:
    return sent(get_object_or_404(_of(contact), pk=pk), form)

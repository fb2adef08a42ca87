"""The first page: every till of the person's shops in one sentence; and the page of one till."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render

from collector.incidents.models import OPEN, Incident
from collector.inventory.models import ContactPerson, Site, Terminal
from collector.requests import acts, tenancy
from collector.requests.models import Request
from collector.web import access
from collector.web.portal.sentence import Sentence, sentence_of
from collector.web.reading.backups import sources_of
from collector.web.reading.places import terminals

CLOSED_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Till:
    terminal: Terminal
    standing: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Shop:
    site: Site
    tills: list[Till]


def tills_of(found: Iterable[Terminal]) -> list[Till]:
    """Two more queries for all together: open incidents of the tills and of their shops."""
    kept = list(found)
    faults = list(
        Incident.objects.filter(
            Q(terminal__in=[till.pk for till in kept])
            | Q(terminal=None, site__in={till.site_id for till in kept}),
            state__in=OPEN,
        ).select_related("cause")
    )
    return [_till(till, [one for one in faults if _concerns(one, till)]) for till in kept]


def _concerns(one: Incident, till: Terminal) -> bool:
    return one.terminal_id == till.pk or (one.terminal_id is None and one.site_id == till.site_id)


def _till(till: Terminal, faults: list[Incident]) -> Till:
    standing = str(getattr(till, "standing", "ok"))
    return Till(till, standing, sentence_of(till, standing, faults))


@access.customers
def home(request: HttpRequest, contact: ContactPerson) -> HttpResponseBase:
    mine = tenancy.terminals_of(contact)
    found = terminals().filter(pk__in=mine.values("pk")).order_by("site__name", "name")
    shops: dict[int, Shop] = {site.pk: Shop(site, []) for site in tenancy.sites_of(contact)}
    for till in tills_of(found):
        shops[till.terminal.site_id].tills.append(till)
    context = {
        "contact": contact,
        "shops": list(shops.values()),
        "requests": open_requests(contact),
        "here": "tills",
    }
    part = "web/portal/_tills.html" if request.headers.get("HX-Request") else "web/portal/tills.html"
    return render(request, part, context)


def open_requests(contact: ContactPerson) -> list[Request]:
    return [one for one in tenancy.requests_of(contact)[:50] if acts.request_is_open(one)][:CLOSED_SHOWN]


@access.customers
def till(request: HttpRequest, contact: ContactPerson, pk: str) -> HttpResponseBase:
    mine = tenancy.terminals_of(contact)
    found = get_object_or_404(terminals(), pk=pk, pk__in=mine.values("pk"))
    context = {
        "contact": contact,
        "till": tills_of([found])[0],
        "zone": found.site.time_zone,
        "backups": sources_of(found),
        "requests": tenancy.requests_of(contact).filter(terminal=found)[:10],
        "here": "tills",
    }
    return render(request, "web/portal/till.html", context)

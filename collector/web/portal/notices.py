"""Notices that were given to the person: news and guidelines, and the word that they were read."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.inventory.models import ContactPerson
from collector.notices import giving
from collector.notices.models import How
from collector.notices.reading import for_contact
from collector.web import access


@access.customers
def listed(request: HttpRequest, contact: ContactPerson) -> HttpResponseBase:
    context = {"contact": contact, "notices": for_contact(contact, get_language() or ""), "here": "notices"}
    return render(request, "web/portal/notices.html", context)


@access.customers
def one(request: HttpRequest, contact: ContactPerson, version: int) -> HttpResponseBase:
    found = [one for one in for_contact(contact, get_language() or "") if one.version == version]
    if not found:
        raise Http404
    return render(
        request, "web/portal/notice.html", {"contact": contact, "shown": found[0], "here": "notices"}
    )


@require_POST
@access.customers
def confirm(request: HttpRequest, contact: ContactPerson, version: int) -> HttpResponseBase:
    try:
        giving.confirm(contact, version, clock.now(), How.PORTAL)
    except giving.NoticeRefused as e:
        raise Http404 from e
    return redirect("web:portal-notice", version)

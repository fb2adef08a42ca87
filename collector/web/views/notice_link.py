"""A notice behind the link of a mail: no sign-in, the link itself says who reads. Looking changes nothing, because mail
programs look at links by themselves; confirming takes a button."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import translation

from collector.core import clock
from collector.notices import giving, lists, reading
from collector.notices.models import How, Reading
from collector.web import access
from collector.web.views.notices import sheets


@access.for_all
def notice(request: HttpRequest, token: str) -> HttpResponseBase:
    found = _found(token)
    if request.method == "POST":
        giving.confirm(found.contact, found.version_id, clock.now(), How.LINK)
        return redirect("web:notice-link", token)
    with translation.override(_language(request, found)):
        shown = reading.shown(found, translation.get_language() or "lv")
        context = {"shown": shown, "contact": found.contact, "token": token, "reading": found}
        return render(request, "web/notice_link.html", context)


@access.for_all
def to_sign(request: HttpRequest, token: str) -> HttpResponseBase:
    """The lists of the reader's shops."""
    found = _found(token)
    with translation.override(_language(request, found)):
        return sheets(request, found.version, lists.sites_for(found.contact))


def _found(token: str) -> Reading:
    found = giving.reading_of(token)
    if found is None:
        raise Http404
    return found


def _language(request: HttpRequest, found: Reading) -> str:
    """Of the contact, unless the reader has chosen another."""
    chosen = request.COOKIES.get("django_language", "")
    return chosen if chosen in giving.LANGUAGES else found.contact.language

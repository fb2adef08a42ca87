"""What customers read: backups of their tills, visits to their shops, notices, articles."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language

from collector.core import clock
from collector.inventory.models import ContactPerson
from collector.knowledge.models import Article, Audience, State
from collector.knowledge.texts import best_language, text_of
from collector.requests import tenancy
from collector.service.visit_models import Visit
from collector.web import access
from collector.web.reading.backups import proofs

AHEAD = ("planned", "confirmed", "on_the_way", "on_site")
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


@access.customers
def article(request: HttpRequest, contact: ContactPerson, slug: str) -> HttpResponseBase:
    """Published for customers, without the parts for technicians."""
    found = Article.objects.filter(slug=slug, state=State.PUBLISHED, audience=Audience.CUSTOMERS).first()
    if found is None or found.current is None:
        raise Http404
    text = text_of(found.current, best_language(found.current, get_language() or "lv"))
    context = {"contact": contact, "text": text, "parts": text.shown(staff=False), "here": "articles"}
    return render(request, "web/portal/article.html", context)

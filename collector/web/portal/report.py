"""Asking for something: first what, then the form of that type, filled in as far as it is known; articles appear while
somebody types."""

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from collector.core import clock
from collector.incidents.models import OPEN, Incident, Source
from collector.inventory.models import ContactPerson, Site, Terminal
from collector.knowledge.search import Found, find
from collector.requests import catalogue, tenancy
from collector.requests.catalogue import AnswersWrong, RequestType
from collector.requests.files import FilesRefused
from collector.requests.log import Actor
from collector.requests.opening import PlaceWrong, Wish, open_request
from collector.web import access
from collector.web.portal import forms
from collector.web.reading.page import whole

SUGGESTED = 3
LEAST_LETTERS = 3


@access.customers
def choose(request: HttpRequest, contact: ContactPerson) -> HttpResponseBase:
    kinds = [kind for kind in catalogue.types().values() if kind.portal]
    till = tenancy.terminals_of(contact).filter(pk=request.GET.get("till", "")).first()
    context = {
        "contact": contact,
        "kinds": [(kind, kind.title.say(get_language()), kind.summary.say(get_language())) for kind in kinds],
        "till": till.pk if till else "",
        "here": "requests",
    }
    return render(request, "web/portal/choose_type.html", context)


@access.customers
def report(request: HttpRequest, contact: ContactPerson, key: str) -> HttpResponseBase:
    kind = catalogue.types().get(key)
    if kind is None or not kind.portal:
        raise Http404
    if request.method != "POST":
        return _form(request, contact, kind, {})
    try:
        made = open_request(
            _wish(request, contact, kind),
            Actor(contact=contact, source=Source.PORTAL),
            clock.now(),
            attached=forms.attached(request),
        )
    except AnswersWrong as e:
        return _form(request, contact, kind, e.fields)
    except PlaceWrong:
        return _form(request, contact, kind, {}, place_fault=_("Say which till or shop it is about."))
    except FilesRefused:
        return _form(request, contact, kind, {}, files_fault=_("At most 10 files of 10 MB each."))
    return redirect("web:portal-request", made.pk)


def _wish(request: HttpRequest, contact: ContactPerson, kind: RequestType) -> Wish:
    """Only tills and shops of the person are taken; another's is as if it were not there."""
    till = (
        tenancy.terminals_of(contact).filter(pk=request.POST.get("till", "")).select_related("site").first()
    )
    site = tenancy.sites_of(contact).filter(pk=whole(request.POST, "site") or 0).first()
    known = faults_of(till).filter(pk=whole(request.POST, "incident") or 0).first() if till else None
    return Wish(
        type=kind,
        customer=contact.customer,
        site=site,
        terminal=till,
        contact=contact,
        source=Source.PORTAL,
        title=request.POST.get("title", ""),
        text=request.POST.get("text", "").replace("\r\n", "\n"),
        answers=forms.answers(kind, request),
        incident=known,
    )


def faults_of(till: Terminal) -> QuerySet[Incident]:
    return Incident.objects.filter(terminal=till, state__in=OPEN, cleared_at=None).order_by("since")


def _form(
    request: HttpRequest,
    contact: ContactPerson,
    kind: RequestType,
    faults: dict[str, str],
    *,
    place_fault: str = "",
    files_fault: str = "",
) -> HttpResponseBase:
    tills = list(tenancy.terminals_of(contact).select_related("site").order_by("site__name", "name"))
    sites: list[Site] = list(tenancy.sites_of(contact))
    chosen = _chosen(request, tills)
    language = get_language()
    context = {
        "contact": contact,
        "kind": kind,
        "kind_title": kind.title.say(language),
        "kind_summary": kind.summary.say(language),
        "fields": forms.drawn(kind, request, faults),
        "tills": tills,
        "sites": sites,
        "chosen": chosen,
        "chosen_site": whole(request.POST, "site") or (sites[0].pk if len(sites) == 1 else None),
        "known_faults": faults_of(chosen) if chosen and kind.incident else [],
        "title": request.POST.get("title", ""),
        "text": request.POST.get("text", ""),
        "place_fault": place_fault,
        "files_fault": files_fault,
        "here": "requests",
    }
    wrong = bool(faults or place_fault or files_fault)
    return render(request, "web/portal/report.html", context, status=422 if wrong else 200)


def _chosen(request: HttpRequest, tills: list[Terminal]) -> Terminal | None:
    wanted = request.POST.get("till", "") or request.GET.get("till", "")
    if not wanted and len(tills) == 1:
        return tills[0]
    return next((till for till in tills if till.pk == wanted), None)


@access.customers
def suggest(request: HttpRequest, contact: ContactPerson) -> HttpResponseBase:
    """A fragment: articles that may answer at once."""
    till = tenancy.terminals_of(contact).filter(pk=request.GET.get("till", "")).first()
    return render(request, "web/portal/_suggested.html", {"found": suggested(request, till)})


def suggested(request: HttpRequest, till: Terminal | None) -> list[Found]:
    text = " ".join(request.GET.get(name, "") for name in ("title", "text")).strip()
    codes = list(faults_of(till).values_list("code", flat=True)) if till else []
    if len(text) < LEAST_LETTERS and not codes:
        return []
    return find(text, get_language() or "lv", codes=codes, limit=SUGGESTED)

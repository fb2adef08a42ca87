"""Requests for the staff: the queue, one, what is done to it, and the form for who calls."""

from django import forms as django_forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.incidents.models import OPEN, Incident, Source
from collector.incidents.shipped import desk
from collector.inventory.models import ContactPerson, Customer, Site, Terminal
from collector.requests import acts, catalogue, fulfilment, promise, receiving
from collector.requests.catalogue import AnswersWrong, RequestType
from collector.requests.files import FilesRefused
from collector.requests.log import Actor
from collector.requests.models import Attachment, Request
from collector.requests.opening import PlaceWrong, Wish, open_request
from collector.web import access, request_acts, request_words
from collector.web.portal import forms
from collector.web.portal.requests import sent_file
from collector.web.reading import requests as reading
from collector.web.reading.page import page_of, whole
from collector.web.views.incidents import workers_of_the_desk
from collector.web.views.outbox import OF_AN_INCIDENT, messages_about_request
from protocols.errors import PlombaError

SHOWS = (
    ("open", _("Open")),
    ("new", _("New")),
    ("waiting", _("Waits")),
    ("done", _("Done")),
    ("all", _("All")),
)
SORTS = (
    ("promise", _("Promised first")),
    ("priority", _("Gravest first")),
    ("newest", _("Newest first")),
    ("touched", _("Last touched first")),
)


@access.signed_in
def queue(request: HttpRequest) -> HttpResponseBase:
    wanted = reading.RequestFilter.of(request.GET, access.user_of(request).pk)
    page = page_of(reading.requests(wanted), whole(request.GET, "page") or 1)
    context: dict[str, object] = {"page": page, "filter": wanted}
    if request.headers.get("HX-Request"):
        return render(request, "web/_request_rows.html", context)
    kinds = [(kind.key, kind.title.say(get_language())) for kind in catalogue.types().values()]
    context |= {
        "shows": SHOWS,
        "sorts": SORTS,
        "queues": request_words.QUEUES.items(),
        "kinds": kinds,
        "customers": Customer.objects.all(),
        "mail_waiting": receiving.waiting(),
    }
    return render(request, "web/requests.html", context)


@access.signed_in
def one(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _page(request, pk)


def _page(request: HttpRequest, pk: int, problem: str = "", status: int = 200) -> HttpResponseBase:
    found = get_object_or_404(reading.with_history(pk))
    kind, now = acts.type_of(found), clock.now()
    words, told = request_words.step_words(found), list(messages_about_request(pk)[: OF_AN_INCIDENT + 1])
    current = fulfilment.current(found)
    context = {
        "request_": found,
        "kind": kind,
        "kind_title": kind.title.say(get_language()),
        "answers": forms.shown_answers(kind, found.answers),
        "steps": [(step, words.get(step.name, step.name), step == current) for step in found.steps.all()],
        "agreed": fulfilment.agreed(found),
        "clocks": promise.clocks(found, now),
        "is_open": acts.request_is_open(found),
        "workers": workers_of_the_desk(),
        "queues": request_words.QUEUES.items(),
        "codes": resolution_codes(),
        "price_question": next((a.question.say("lv") for a in kind.approvals if a.by == "customer"), ""),
        "faults": Incident.objects.filter(terminal=found.terminal, state__in=OPEN) if found.terminal else [],
        "zone": found.site.time_zone if found.site else "Europe/Riga",
        "problem": problem,
        "told": told[:OF_AN_INCIDENT],
        "more": len(told) > OF_AN_INCIDENT,
    }
    part = "web/_request.html" if request.headers.get("HX-Request") else "web/request.html"
    return render(request, part, context, status=status)


def resolution_codes() -> list[tuple[str, str]]:
    language = get_language() or "lv"
    return [(one.key, one.name(language)) for one in desk().resolution]


@require_POST
@access.workers
def act(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """A refused act shows the request as it is now, with the reason."""
    found = get_object_or_404(Request.objects.select_related("site"), pk=pk)
    zone = found.site.time_zone if found.site else "Europe/Riga"
    try:
        given = request_acts.Given(request.POST.dict(), forms.attached(request), zone)
        request_acts.act(access.user_of(request), pk, name, given, clock.now())
    except PlombaError as e:
        return _page(request, pk, request_words.refusal(e), 422)
    if not request.headers.get("HX-Request"):
        return redirect("web:request", pk)
    return _page(request, pk)


@access.signed_in
def attachment(request: HttpRequest, pk: int) -> HttpResponseBase:
    return sent_file(get_object_or_404(Attachment, pk=pk))


class CallerForm(django_forms.Form):
    """Who calls, and about which place. `source`: how it came."""

    customer = django_forms.ModelChoiceField(Customer.objects.all(), label=_("Customer"))
    contact = django_forms.ModelChoiceField(
        ContactPerson.objects.filter(retired_at=None), required=False, label=_("Contact person")
    )
    asker_name = django_forms.CharField(max_length=200, required=False, label=_("Who calls"))
    asker_phone = django_forms.CharField(max_length=40, required=False, label=_("Telephone"))
    asker_email = django_forms.EmailField(required=False, label=_("Mail address"))
    site = django_forms.ModelChoiceField(Site.objects.all(), required=False, label=_("Shop"))
    terminal = django_forms.ModelChoiceField(
        Terminal.objects.filter(retired_at=None), required=False, label=_("Till")
    )
    title = django_forms.CharField(max_length=200, required=False, label=_("In a few words"))
    text = django_forms.CharField(max_length=20_000, required=False, label=_("More about it"))
    source = django_forms.ChoiceField(choices=[("phone", ""), ("person", "")], required=False)


@access.workers
def new(request: HttpRequest) -> HttpResponseBase:
    """First whose it is and what, then the fields of that type. Everything is kept in the address until it is sent."""
    kind = catalogue.types().get(request.GET.get("type", "") or request.POST.get("type", ""))
    customer = Customer.objects.filter(pk=whole(request.GET, "customer") or 0).first()
    if request.method == "POST":
        return _made(request, kind)
    return _form(request, kind, CallerForm(initial={"customer": customer}), {}, customer)


def _made(request: HttpRequest, kind: RequestType | None) -> HttpResponseBase:
    form = CallerForm(request.POST)
    if kind is None:
        raise Http404
    if not form.is_valid():
        return _form(request, kind, form, {}, None)
    data = form.cleaned_data
    by = access.user_of(request)
    source = Source(data["source"] or "phone")
    try:
        wish = Wish(
            type=kind,
            source=source,
            answers=forms.answers(kind, request),
            **{name: data[name] for name in ("customer", "contact", "site", "terminal")},
            **{name: data[name] for name in ("asker_name", "asker_phone", "asker_email", "title", "text")},
        )
        made = open_request(
            wish, Actor(user=by, source=source), clock.now(), attached=forms.attached(request)
        )
    except AnswersWrong as e:
        return _form(request, kind, form, e.fields, data["customer"])
    except (PlaceWrong, FilesRefused) as e:
        return _form(request, kind, form, {}, data["customer"], problem=request_words.refusal(e))
    messages.success(request, _("%(number)s is made.") % {"number": made})
    return redirect("web:request", made.pk)


def _form(
    request: HttpRequest,
    kind: RequestType | None,
    form: CallerForm,
    faults: dict[str, str],
    customer: Customer | None,
    *,
    problem: str = "",
) -> HttpResponseBase:
    language = get_language()
    context = {
        "form": form,
        "kind": kind,
        "kinds": [
            (one, one.title.say(language), one.summary.say(language)) for one in catalogue.types().values()
        ],
        "fields": forms.drawn(kind, request, faults) if kind else [],
        "customer": customer,
        "customers": Customer.objects.all(),
        "contacts": customer.contacts.filter(retired_at=None) if customer else [],
        "sites": customer.sites.all() if customer else [],
        "tills": Terminal.objects.filter(site__customer=customer, retired_at=None).select_related("site")
        if customer
        else [],
        "problem": problem,
    }
    wrong = bool(faults or problem or form.errors)
    return render(request, "web/request_new.html", context, status=422 if wrong else 200)

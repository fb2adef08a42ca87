"""Nobody sees what is another customer's. Every address and every operation of the API is walked as everybody, with
objects of two customers; who adds one says for whom it is, or this fails."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from django.db import transaction
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils.html import escape

from collector.core import clock
from collector.inventory.models import Customer
from collector.requests import codes, tenancy
from collector.requests.models import Request
from collector.web import access
from collector.web.portal import label
from tests.collector.web import tenants, walk
from tests.collector.web.tenants import Tenant, Viewer
from tests.collector.web.walk import Page

pytestmark = pytest.mark.django_db

OPEN_PAGES = {
    "sign-in", "sign-out", "language", "portal-sign-in", "portal-code", "portal-choose", "portal-sign-out", "label",
    "notice-link", "notice-link-lists",
}  # fmt: skip
OPEN_CALLS = {("POST", "api/v1/session"), ("GET", "api/v1/health")}
Objects = Callable[[Tenant], dict[str, object]]
FOR_CUSTOMERS: dict[str, Objects | None] = {
    "portal": None,
    "portal-ask": None,
    "portal-requests": None,
    "portal-suggest": None,
    "portal-backups": None,
    "portal-visits": None,
    "portal-report": None,
    "portal-article": None,
    "portal-notices": None,
    "portal-notice": lambda whose: {"version": whose.notice},
    "portal-notice-confirm": lambda whose: {"version": whose.notice},
    "portal-till": lambda whose: {"pk": whose.tills[0].pk},
    "portal-request": lambda whose: {"pk": whose.request.pk},
    "portal-file": lambda whose: {"pk": whose.attachment.pk},
    "portal-reports": None,
    "portal-monthly": lambda whose: {"pk": whose.report},
    "portal-monthly-file": lambda whose: {"pk": whose.report, "form": "pdf"},
    "portal-act": lambda whose: {"pk": whose.request.pk, "name": "say"},
}
"""Every page that a customer may open: what of a customer it shows; None where its address names nothing of anybody."""
WHOLE_CUSTOMER = {"portal-monthly", "portal-monthly-file"}
"""What a person who is limited to some shops does not open."""
ACTS = ("say", "decide", "rate", "step", "reopen", "settle", "withdraw")
WORDS = {"key": "fault", "slug": "printer-paper-end", "level": "terminal", "name": "note", "token": "1-x"}
VIEWERS = ("anonymous", "customer_a", "customer_b", "limited", "reader", "technician", "manager")
RANK = {access.STAFF: 0, access.WORKERS: 1, access.MANAGERS: 2}
STAFF_RANK = {"reader": 0, "technician": 1, "manager": 2}


@pytest.fixture
def world() -> tuple[Tenant, Tenant]:
    label.forget()
    found = tenants.tenant("ALNIS"), tenants.tenant("BEBRS")
    for one in found:
        one.kept = owned(one.customer)
    return found


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of refusals need no log."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@contextmanager
def undone() -> Iterator[None]:
    """What a request changed is as if it had not been."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def address(page: Page, whose: Tenant) -> str:
    """With the objects of this customer, as far as the address names any."""
    objects = FOR_CUSTOMERS.get(page.name)
    known: dict[str, object] = {**WORDS, "pk": whose.tills[0].pk if "str:pk" in page.route else 1}
    given = objects(whose) if objects else known
    if page.name == "label":
        given = {"token": tenants.label_token(whose.tills[0])}
    found = "/" + page.route
    for one in page.parameters:
        kind = next(
            kind for kind in ("int:", "str:", "slug:", "path:", "uuid:", "") if f"<{kind}{one}>" in found
        )
        found = found.replace(f"<{kind}{one}>", str(given.get(one, 1 if kind == "int:" else "x")))
    return found


def asked(whose: Tenant) -> dict[str, str]:
    """Everything of a customer that an address or a form could name."""
    return {
        "customer": str(whose.customer.pk), "site": str(whose.sites[0].pk), "till": whose.tills[0].pk,
        "terminal": whose.tills[0].pk, "contact": str(whose.contact.pk), "incident": str(whose.incident.pk),
        "request": str(whose.request.pk), "approval": str(whose.approval.pk), "into": str(whose.request.pk),
        "text": "printer", "title": "printer", "field_selling": "no", "agree": "yes", "stars": "1", "step": "install",
        "q": "", "show": "all",
    }  # fmt: skip


def forbidden_marks(who: Viewer, first: Tenant, second: Tenant) -> list[str]:
    """What may not stand on any page of this person."""
    if who.is_staff:
        return []
    if who.user is None:
        return [*first.marks, *second.marks]
    if who.contact == second.contact:
        return list(first.marks)
    limited = (first.other, first.tills[1].name, first.tills[1].pk) if who.contact == first.limited else ()
    return [*second.marks, *limited]


def leaks(who: Viewer, page: Page, first: Tenant, second: Tenant) -> list[str]:
    """Opens the page by both methods, with the objects of both customers where its address names any; what it shows or
    changes that it must not, and where it refuses or allows against what its view says."""
    both = page.allowed in (access.CUSTOMERS, access.OPEN)
    return [
        leak
        for whose in ((first, second) if both else (second,))
        for method in methods(who, page)
        for leak in _leaks(who, page, Asked(whose, method), (first, second))
    ]


def methods(who: Viewer, page: Page) -> tuple[str, ...]:
    """What somebody of the staff may do is tested where it stands; here, that nobody else may. Of the staff's pages one
    customer is shut out as another."""
    able = who.is_staff and STAFF_RANK[who.name] >= RANK.get(str(page.allowed), 9)
    like_the_first = who.name in ("customer_b", "limited") and page.allowed in RANK
    return ("get",) if able or like_the_first else ("get", "post")


@dataclass(frozen=True)
class Asked:
    """With whose objects, and how."""

    whose: Tenant
    method: str


def _leaks(who: Viewer, page: Page, how: Asked, world: tuple[Tenant, Tenant]) -> Iterator[str]:
    whose, where = how.whose, address(page, how.whose)
    said = f"{who.name} {how.method} {where}"
    client = who.client()
    with undone():
        answer = getattr(client, how.method)(where, asked(whose))
        text = without_echo(b"".join(answer).decode("utf-8", "replace"), answer.request["QUERY_STRING"])
        changed = (
            answer.status_code < 400
            and not may_change(who, page, whose)
            and owned(whose.customer) != whose.kept
        )
    for mark in forbidden_marks(who, *world):
        own_label = page.name == "label" and mark == whose.tills[0].name
        if mark in text and not own_label and not (mark in where and "?" not in where):
            yield f"{said}: shows {mark}"
    if changed:
        yield f"{said}: changed what is of {whose.mark}"
    if wrong := against(who, page, how, answer.status_code):
        yield f"{said}: {answer.status_code}, {wrong}"


def without_echo(text: str, query: str) -> str:
    """A page may say the address again by which it was opened: that is the asker's own word."""
    return text.replace(escape(query), "").replace(query, "") if query else text


def owned(customer: Customer) -> str:
    """Everything that is kept of the requests, contacts and incidents of a customer."""
    requests = [model_to_dict(one) for one in Request.objects.filter(customer=customer).order_by("pk")]
    counts = [
        list(Request.objects.filter(customer=customer).order_by("pk", name).values_list(name, "pk"))
        for name in ("entries__pk", "approvals__agreed", "steps__done_at", "entries__attachments__pk")
    ]
    people = list(customer.contacts.order_by("pk").values_list("pk", "name", "email", "retired_at"))
    return json.dumps([requests, counts, people], default=str)


def may_change(who: Viewer, page: Page, whose: Tenant) -> bool:
    own = who.contact is not None and who.contact.customer_id == whose.customer.pk
    return who.is_staff or own or page.name == "label"


def against(who: Viewer, page: Page, how: Asked, status: int) -> str:
    """ "" where the answer is what the view says of itself."""
    if status >= 500:
        return "failed"
    if page.allowed == access.OPEN or status == 405:
        return ""
    if who.user is None:
        return "" if status in (302, 401) else "is open to strangers"
    if page.allowed == access.CUSTOMERS:
        return _against_customers(who, page, how.whose, status)
    if not who.is_staff:
        return "" if status == 403 else "is open to customers"
    able = STAFF_RANK[who.name] >= RANK[str(page.allowed)]
    return (
        ("" if status != 403 or how.method == "post" else "is shut")
        if able
        else ("" if status == 403 else "is open")
    )


def _against_customers(who: Viewer, page: Page, whose: Tenant, status: int) -> str:
    if who.contact is None:
        return "" if status == 403 else "is open to the staff"
    if FOR_CUSTOMERS[page.name] is None:
        return "" if status in (200, 302, 404, 422) else "is shut"
    own = who.contact.customer_id == whose.customer.pk
    if own and page.name in WHOLE_CUSTOMER and who.contact.sites.exists():
        return "" if status == 404 else "is open to a limited person"
    if own:
        return "" if status in (200, 302, 422) else "is shut to its own customer"
    return "" if status == 404 else "is open to another customer"


@pytest.mark.parametrize("name", VIEWERS)
def test_nobody_sees_what_is_another_customers(name: str, world: tuple[Tenant, Tenant]) -> None:
    who = tenants.viewer(name, *world)
    found = [leak for page in walk.pages() if page.name != "live" for leak in leaks(who, page, *world)]
    assert found == []


def test_the_stream_is_for_the_staff(world: tuple[Tenant, Tenant]) -> None:
    assert Client().get("/live").status_code == 401
    assert tenants.viewer("customer_a", *world).client().get("/live").status_code == 403


def test_a_limited_person_does_not_open_what_is_of_another_shop(world: tuple[Tenant, Tenant]) -> None:
    first, _second = world
    client = tenants.viewer("limited", *world).client()
    for where in (f"tills/{first.tills[1].pk}/", f"requests/{first.elsewhere.pk}/"):
        assert client.get(f"/portal/{where}").status_code == 404, where
    for name in ACTS:
        assert (
            client.post(f"/portal/requests/{first.elsewhere.pk}/{name}", {"text": "x"}).status_code == 404
        ), name
    assert client.get(f"/portal/requests/{first.request.pk}/").status_code == 200


@pytest.mark.parametrize("name", ACTS)
def test_no_act_reaches_a_foreign_request(name: str, world: tuple[Tenant, Tenant]) -> None:
    first, second = world
    client = tenants.viewer("customer_a", *world).client()
    before = owned(second.customer)
    assert client.post(f"/portal/requests/{second.request.pk}/{name}", asked(second)).status_code == 404
    client.post(f"/portal/requests/{first.request.pk}/{name}", asked(second))
    assert owned(second.customer) == before


def test_a_foreign_till_is_not_taken_into_a_request(world: tuple[Tenant, Tenant]) -> None:
    """As if it were not there: the form asks for one."""
    first, second = world
    client = tenants.viewer("customer_a", *world).client()
    answer = client.post("/portal/ask/fault/", asked(second) | {"incident": str(second.incident.pk)})
    assert answer.status_code == 422
    answer = client.post("/portal/ask/fault/", asked(first) | {"incident": str(second.incident.pk)})
    assert answer.status_code == 302
    assert Request.objects.latest("pk").incident is None


@pytest.mark.parametrize("name", VIEWERS)
def test_the_api_is_for_the_staff(name: str, world: tuple[Tenant, Tenant]) -> None:
    who, found = tenants.viewer(name, *world), []
    for one in walk.operations():
        where = path_of(one)
        client = who.client()
        with undone():
            body = {} if one.method == "GET" else {"data": "{}", "content_type": "application/json"}
            answer = client.generic(one.method, where, **body)
        text = answer.content.decode("utf-8", "replace")
        found += [f"{one}: shows {mark}" for mark in forbidden_marks(who, *world) if mark in text]
        if wrong := _api_against(who, one.allowed, answer.status_code):
            found.append(f"{one}: {answer.status_code}, {wrong}")
    assert found == []


def test_what_changes_something_needs_the_token(world: tuple[Tenant, Tenant]) -> None:
    client, found = Client(enforce_csrf_checks=True), []
    client.force_login(tenants.viewer("manager", *world).user)  # type: ignore[arg-type]
    for one in walk.operations():
        if one.method == "GET" or one.allowed == access.OPEN:
            continue
        with undone():
            answer = client.generic(one.method, path_of(one), data="{}", content_type="application/json")
        if answer.status_code != 403 or answer.json()["code"] != "api.csrf":
            found.append(f"{one}: {answer.status_code}")
    assert found == []


def path_of(one: walk.Operation) -> str:
    """With something that is nobody's in the place of every parameter."""
    where = "/" + one.path.replace("{name}", "note")
    return "".join("1" if part.startswith("{") else part for part in _pieces(where))


def _pieces(where: str) -> list[str]:
    return [part for half in where.split("}") for part in (half.partition("{")[0], "{" * ("{" in half))]


def _api_against(who: Viewer, allowed: str | None, status: int) -> str:
    if status >= 500:
        return "failed"
    if allowed == access.OPEN:
        return ""
    if who.user is None:
        return "" if status == 401 else "is open to strangers"
    if not who.is_staff or STAFF_RANK[who.name] < RANK[str(allowed)]:
        return "" if status == 403 else "is open"
    return "is shut" if status in (401, 403) else ""


def test_every_address_says_for_whom_it_is() -> None:
    assert unclassified(list(walk.pages())) == []
    strange = [one for one in walk.operations() if one.allowed is None]
    opened = {(one.method, one.path) for one in walk.operations() if one.allowed == access.OPEN}
    assert (strange, opened) == ([], OPEN_CALLS)
    assert walk.extra_api_names() == walk.GENERATED


def unclassified(found: list[Page]) -> list[str]:
    """Addresses whose view says nothing, and those for strangers or customers that stand in no list above."""
    wrong = [
        f"{page.route}: its view has none of the decorators of web.access"
        for page in found
        if not page.allowed
    ]
    wrong += [
        f"{page.route}: open to all, and not in OPEN_PAGES"
        for page in found
        if page.allowed == access.OPEN and page.name not in OPEN_PAGES
    ]
    return wrong + [
        f"{page.route}: open to customers, and not in FOR_CUSTOMERS"
        for page in found
        if page.allowed == access.CUSTOMERS and page.name not in FOR_CUSTOMERS
    ]


def test_control_a_new_address_is_noticed() -> None:
    def bare(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    def opened(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    patterns = [path("new/", bare, name="new"), path("other/", access.for_all(opened), name="other")]
    assert len(unclassified(list(walk.pages(patterns)))) == 2


def test_control_a_leak_is_noticed(world: tuple[Tenant, Tenant], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the defence off the walk finds it: in lists, on pages, and by what an act changed."""
    monkeypatch.setattr(tenancy, "requests_of", lambda _contact: Request.objects.all())
    who = tenants.viewer("customer_a", *world)
    found = [
        leak for page in walk.pages() if page.allowed == access.CUSTOMERS for leak in leaks(who, page, *world)
    ]
    assert any("/portal/requests/" in leak and "shows BEBRS" in leak for leak in found)
    assert any("is open to another customer" in leak for leak in found)
    assert any("changed what is of BEBRS" in leak for leak in found)


def test_control_a_wrong_door_is_noticed(world: tuple[Tenant, Tenant]) -> None:
    """A page that says that it is for the staff, and asks nobody."""

    def careless(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("BEBRS")

    page = Page("", "now", access.STAFF, (), careless)
    for name in ("anonymous", "customer_a"):
        who = tenants.viewer(name, *world)
        assert against(who, page, Asked(world[1], "get"), 200)
        assert "BEBRS" in forbidden_marks(who, *world)


def test_who_was_retired_is_out_at_once(world: tuple[Tenant, Tenant]) -> None:
    first, _second = world
    client = tenants.viewer("customer_a", *world).client()
    assert client.get("/portal/").status_code == 200
    first.contact.retired_at = clock.now()
    first.contact.save()
    assert client.get("/portal/").status_code == 403
    assert codes.people_of(first.contact.email) == []

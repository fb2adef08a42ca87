"""The one-time code: short-lived, few tries, in one browser, and the same answer for all."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from collector.core import clock
from collector.inventory.models import ContactPerson, Customer
from collector.notify.models import Outgoing
from collector.requests import codes
from collector.requests.codes import CodeWrong, TooMany
from tests.collector.still import StillClock

pytestmark = pytest.mark.django_db


def sent() -> str:
    return re.findall(r"\b\d{6}\b", Outgoing.objects.latest("id").text)[0]


def test_the_answer_is_the_same_whether_the_address_is_known(anna: ContactPerson) -> None:
    pages = []
    for address in ("anna@karote.lv", "nav@karote.lv"):
        client = Client()
        first = client.post("/portal/sign-in", {"email": address})
        second = client.get("/portal/code").content.decode().replace(address, "X")
        wrong = client.post("/portal/code", {"code": "000000"}).content.decode().replace(address, "X")
        bare = [re.sub(r'value="[\w-]{64}"', "", page) for page in (second, wrong)]
        pages.append((first.status_code, first.headers["Location"], *bare))
    assert pages[0] == pages[1]
    assert Outgoing.objects.count() == 1


def test_the_work_is_nearly_the_same(anna: ContactPerson) -> None:
    """One letter more is kept for who is known: that is the whole difference."""
    counts = []
    for address in ("anna@karote.lv", "nav@karote.lv"):
        with CaptureQueriesContext(
            connection,
        ) as seen:
            codes.ask(address, "::1", clock.now())
        counts.append([query for query in seen.captured_queries if "notify_outgoing" not in query["sql"]])
    assert len(counts[0]) - len(counts[1]) in range(4)


def test_a_code_works_once_in_its_browser_and_not_for_long(anna: ContactPerson, still: StillClock) -> None:
    asked = codes.ask("Anna@Karote.lv ", "::1", clock.now())
    elsewhere = codes.ask("cits@karote.lv", "::2", clock.now())
    code = sent()
    with pytest.raises(CodeWrong):
        codes.use(elsewhere.ticket, code, clock.now())
    assert codes.use(asked.ticket, code, clock.now()) == [anna]
    with pytest.raises(CodeWrong) as twice:
        codes.use(asked.ticket, code, clock.now())
    assert twice.value.code == "portal.code_over"
    late = codes.ask("anna@karote.lv", "::1", clock.now())
    with pytest.raises(CodeWrong):
        codes.use(late.ticket, sent(), clock.now() + codes.LASTS)


def test_guessing_ends(anna: ContactPerson) -> None:
    asked = codes.ask("anna@karote.lv", "::1", clock.now())
    right = sent()
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for _ in range(codes.TRIES):
        with pytest.raises(CodeWrong):
            codes.use(asked.ticket, wrong, clock.now())
    with pytest.raises(CodeWrong) as over:
        codes.use(asked.ticket, right, clock.now())
    assert over.value.code == "portal.code_over"


def test_asking_ends_too(anna: ContactPerson, still: StillClock) -> None:
    for _ in range(codes.ASKED):
        codes.ask("anna@karote.lv", "::1", clock.now())
    with pytest.raises(TooMany) as refused:
        codes.ask("anna@karote.lv", "::9", clock.now())
    assert 0 < refused.value.wait_s <= codes.WINDOW_S + 1
    answer = Client().post("/portal/sign-in", {"email": "ANNA@karote.lv"})
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    for n in range(codes.ASKED_FROM - codes.ASKED):
        codes.ask(f"a{n}@b.lv", "::1", clock.now())
    with pytest.raises(TooMany):
        codes.ask("another@b.lv", "::1", clock.now())
    still.seconds += codes.WINDOW_S + 1
    codes.ask("anna@karote.lv", "::1", clock.now())


def test_a_newer_code_ends_the_older(anna: ContactPerson) -> None:
    older = codes.ask("anna@karote.lv", "::1", clock.now())
    code = sent()
    codes.ask("anna@karote.lv", "::1", clock.now() + timedelta(seconds=1))
    with pytest.raises(CodeWrong):
        codes.use(older.ticket, code, clock.now() + timedelta(seconds=2))


def test_a_contact_of_two_customers_chooses(anna: ContactPerson) -> None:
    other = Customer.objects.create(name="SIA Jūras vējš")
    second = ContactPerson.objects.create(customer=other, name="Anna Liepa", email="ANNA@karote.lv")
    client = Client()
    assert client.get("/portal/choose").status_code == 302
    client.post("/portal/sign-in", {"email": "anna@karote.lv", "next": "/portal/visits/"})
    assert client.post("/portal/code", {"code": sent()}).headers["Location"] == "/portal/choose"
    assert "Jūras vējš" in client.get("/portal/choose").content.decode()
    assert client.post("/portal/choose", {"contact": "999999"}).status_code == 200
    answer = client.post("/portal/choose", {"contact": str(second.pk)})
    assert answer.headers["Location"] == "/portal/visits/"
    assert "SIA Jūras vējš" in client.get("/portal/").content.decode()
    assert client.get("/portal/choose").status_code == 302, "the choice is made once a code"


@pytest.mark.parametrize(
    "target", ["https://evil.example/portal/", "//evil.example/portal/", "/people/", "javascript:x"]
)
def test_signing_in_leads_into_the_portal_only(target: str, anna: ContactPerson) -> None:
    client = Client()
    client.post("/portal/sign-in", {"email": "anna@karote.lv", "next": target})
    assert client.post("/portal/code", {"code": sent()}).headers["Location"] == "/portal/"


def test_the_code_is_not_kept(anna: ContactPerson) -> None:
    codes.ask("anna@karote.lv", "::1", clock.now())
    with connection.cursor() as cursor:
        cursor.execute("SELECT code_hash FROM requests_signincode")
        assert sent() not in str(cursor.fetchall())


def test_an_account_has_no_password_and_no_rights_of_the_staff(anna: ContactPerson) -> None:
    user = codes.account_of(anna)
    assert (user.has_usable_password(), user.is_of_staff, user.may_work) == (False, False, False)
    assert codes.account_of(ContactPerson.objects.get(pk=anna.pk)) == user

"""The label on a till: opens that till's form and nothing else, for who has the right word, and not too often."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client

from collector.core import clock
from collector.inventory.models import ContactPerson, Terminal
from collector.requests import labels
from collector.requests.models import Request
from collector.web.portal import label
from tests.collector.still import StillClock
from tests.collector.web import world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    label.forget()
    yield
    label.forget()


def path(till: Terminal) -> str:
    return "/t/" + labels.address(till, clock.now()).rpartition("/")[2]


def test_it_opens_that_tills_form_and_shows_nothing_else(till: Terminal, anna: ContactPerson) -> None:
    world.incident(till)
    other = world.till(till.site, "Kase 2")
    page = Client().get(path(till)).content.decode()
    assert till.name in page
    for hidden in (
        other.name,
        till.site.name,
        till.site.customer.name,
        anna.name,
        "Printer is out of paper",
        till.pk,
    ):
        assert hidden not in page


def test_a_report_needs_no_password_and_names_the_till(till: Terminal) -> None:
    sent = {"field_selling": "no", "text": "Neko nedrukā", "name": "Jānis", "phone": "20110545"}
    answer = Client().post(path(till), sent)
    made = Request.objects.get()
    assert (made.terminal, made.customer, made.source, made.asker_phone) == (
        till, till.site.customer, "label", "20110545",
    )  # fmt: skip
    assert str(made) in answer.content.decode()


@pytest.mark.parametrize("change", ["word", "till", "edition", "retired", "nonsense"])
def test_a_wrong_label_opens_nothing(change: str, till: Terminal) -> None:
    where, other = path(till), path(world.till(till.site, "Kase 2"))
    match change:
        case "word":
            where = where[:-1] + ("a" if where[-1] != "a" else "b")
        case "till":
            where = where.partition("-")[0] + "-" + other.partition("-")[2]
        case "edition":
            labels.renew(till, clock.now())
        case "retired":
            Terminal.objects.filter(pk=till.pk).update(retired_at=clock.now())
        case _:
            where = "/t/²-" + "a" * 16
    assert Client().get(where).status_code == 404
    assert Client().post(where, {"field_selling": "no"}).status_code == 404
    assert Request.objects.count() == 0


def test_a_new_label_works_where_the_old_does_not(till: Terminal) -> None:
    before = path(till)
    labels.renew(till, clock.now())
    assert (Client().get(before).status_code, Client().get(path(till)).status_code) == (404, 200)


def test_reports_and_guesses_are_limited(till: Terminal, still: StillClock) -> None:
    for _ in range(label.REPORTED):
        assert Client().post(path(till), {"field_selling": "yes"}).status_code == 200
    refused = Client().post(path(till), {"field_selling": "yes"})
    assert (refused.status_code, Request.objects.count()) == (429, label.REPORTED)
    assert int(refused.headers["Retry-After"]) > 0
    still.seconds += label.WINDOW_S + 1
    for _ in range(label.LOOKED):
        Client().get("/t/1-aaaaaaaaaaaaaaaa")
    assert Client().get(path(till)).status_code == 429, "who guesses from this address waits"


def test_the_sheet_has_a_picture_for_every_till(till: Terminal) -> None:
    world.till(till.site, "Kase 2")
    client = world.signed_in("technician")
    page = client.get(f"/labels/?site={till.site_id}").content.decode()
    assert len(re.findall(r'<img src="data:image/svg', page)) == 2
    assert client.post(f"/labels/{till.pk}/renew").status_code == 403
    assert world.signed_in("manager").post(f"/labels/{till.pk}/renew").status_code == 302
    assert "<img" not in client.get("/labels/").content.decode()

"""Notices as staff write and follow them, and as a contact reads them behind the link of a mail."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from collector.core.models import Role
from collector.inventory.models import ContactPerson, Customer, Site
from collector.notices import giving
from collector.notices.models import Notice, Reading, Sheet
from collector.notify.models import Outgoing
from tests.collector.web import world

pytestmark = pytest.mark.django_db
FORM = {
    "kind": "guideline", "confirm": "on", "acknowledge": "on", "remind_days": "5", "confirm_by": "2030-01-31",
    "lv-title": "Jauna kārtība", "lv-text": "Tagad **citādi** <script>alert(1)</script>",
    "device_models": "FP-2000, TM",
}  # fmt: skip


@pytest.fixture
def contact() -> ContactPerson:
    owner = Customer.objects.create(name="SIA Zaļā karote")
    shop = Site.objects.create(customer=owner, name="Centrs")
    world.device(world.till(shop), identity={"model": "FP-2000"})
    return ContactPerson.objects.create(customer=owner, name="Anna", email="anna@example.com")


def published(boss: Client) -> Notice:
    boss.post("/notices/new", FORM)
    made = Notice.objects.get()
    boss.post(f"/notices/{made.pk}/do/publish")
    return made


def link() -> str:
    found = re.search(r"(/n/\S+)", Outgoing.objects.get().text)
    assert found
    return found[1]


def test_it_is_written_looked_at_published_and_followed(contact: ContactPerson) -> None:
    technician, boss = world.signed_in(Role.TECHNICIAN), world.signed_in(Role.MANAGER)
    page = technician.post("/notices/new", FORM, follow=True).text
    assert "this is what would be sent" in page
    assert "anna@example.com" in page
    assert "<script>alert" not in page
    assert "A manager publishes it" in page
    assert not Outgoing.objects.exists()
    made = Notice.objects.get()
    assert technician.post(f"/notices/{made.pk}/do/publish").status_code == 422
    boss.post(f"/notices/{made.pk}/do/publish")
    assert Outgoing.objects.get().address == "anna@example.com"
    page = boss.get(f"/notices/{made.pk}/").text
    assert "0 of 1 contacts" in page
    assert "Lists: 0 of 1 shops" in page
    assert "0 of 1 contacts" in boss.get("/notices/").text


def test_saving_without_a_change_makes_no_version(contact: ContactPerson) -> None:
    boss = world.signed_in(Role.MANAGER)
    made = published(boss)
    boss.post(f"/notices/{made.pk}/edit", FORM)
    assert made.versions.count() == 1
    boss.post(f"/notices/{made.pk}/edit", {**FORM, "lv-text": "Atkal citādi"})
    assert [version.number for version in made.versions.all()] == [2, 1]
    refused = boss.post(f"/notices/{made.pk}/edit", {**FORM, "lv-text": ""})
    assert refused.status_code == 422
    assert "Jauna kārtība" in refused.text


def test_looking_confirms_nothing_and_the_button_does(contact: ContactPerson) -> None:
    published(world.signed_in(Role.MANAGER))
    stranger = Client(headers={"Accept-Language": "en"})
    page = stranger.get(link())
    assert "Es to izlasīju" in page.text
    assert Reading.objects.get().confirmed_at is None
    stranger.head(link())
    assert Reading.objects.get().confirmed_at is None
    page = stranger.post(link(), follow=True)
    assert "Paldies" in page.text
    assert Reading.objects.get().how == "link"
    assert stranger.get(link()[:-1] + ("0" if link()[-1] != "0" else "1")).status_code == 404


def test_the_link_needs_a_token_against_forged_forms(contact: ContactPerson) -> None:
    published(world.signed_in(Role.MANAGER))
    assert Client(enforce_csrf_checks=True).post(link()).status_code == 403
    assert Reading.objects.get().confirmed_at is None


def test_lists_are_printed_signed_and_kept(contact: ContactPerson) -> None:
    boss = world.signed_in(Role.MANAGER)
    made = published(boss)
    assert "Centrs" in boss.get(f"/notices/{made.pk}/lists").text
    assert "Iepazīšanās lapa" in Client().get(f"{link()}/lists").text
    shop = Site.objects.get()
    scan = SimpleUploadedFile("scan.pdf", b"%PDF-1.7 x")
    signed = {
        "site": shop.pk,
        "name": ["Anna", ""],
        "job": ["kasiere", ""],
        "on": ["2026-05-04", ""],
        "scan": scan,
    }
    boss.post(f"/notices/{made.pk}/do/list", signed)
    sheet = Sheet.objects.get()
    assert sheet.names == [{"name": "Anna", "job": "kasiere", "on": "2026-05-04"}]
    assert "Lists: 1 of 1 shops" in boss.get(f"/notices/{made.pk}/").text
    wrong = boss.post(
        f"/notices/{made.pk}/do/list", {"site": shop.pk, "scan": SimpleUploadedFile("x.exe", b"MZ")}
    )
    assert wrong.status_code == 422


def test_the_evidence_is_a_file(contact: ContactPerson) -> None:
    made = published(world.signed_in(Role.MANAGER))
    answer = world.signed_in(Role.READER).get(f"/notices/{made.pk}/evidence.zip")
    assert answer["Content-Type"] == "application/zip"
    assert answer.content[:2] == b"PK"


def test_a_reader_writes_nothing(contact: ContactPerson) -> None:
    made = published(world.signed_in(Role.MANAGER))
    reader = world.signed_in(Role.READER)
    assert reader.get(f"/notices/{made.pk}/").status_code == 200
    assert reader.get("/notices/new").status_code == 403
    assert reader.post(f"/notices/{made.pk}/do/withdraw").status_code == 403


def test_the_same_by_the_api(contact: ContactPerson) -> None:
    boss = world.signed_in(Role.MANAGER)
    body = {
        "kind": "news",
        "texts": {"en": {"title": "News", "text": "New"}},
        "customers": [contact.customer_id],
    }
    made = boss.post("/api/v1/notices", json.dumps(body), content_type="application/json")
    assert made.status_code == 201, made.text
    pk = made.json()["id"]
    assert made.json()["readers"] == 1
    done = boss.post(f"/api/v1/notices/{pk}/publish")
    assert done.json()["progress"] == {"given": 1, "confirmed": 0, "shops": 0, "signed": 0, "late": False}
    giving.confirm(contact, Notice.objects.get().current_id or 0, Reading.objects.get().given_at)
    shown = boss.get(f"/api/v1/notices/{pk}").json()
    assert shown["readings"][0]["how"] == "portal"
    changed = boss.put(
        f"/api/v1/notices/{pk}",
        json.dumps({**body, "texts": {"en": {"title": "News", "text": "Newer"}}}),
        content_type="application/json",
    )
    assert [version["number"] for version in changed.json()["versions"]] == [2, 1]
    assert boss.post(f"/api/v1/notices/{pk}/withdraw").json()["withdrawn_at"]
    assert boss.post(f"/api/v1/notices/{pk}/restore").json()["withdrawn_at"] is None
    assert boss.get("/api/v1/notices").json()["count"] == 1
    refused = boss.post("/api/v1/notices", json.dumps({**body, "texts": {}}), content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "notice.empty")

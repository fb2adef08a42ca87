"""The pages of a till's identity: who may do what, and what is said when somebody else was quicker."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import translation

from collector.ingest.models import Session
from collector.inventory import identity
from collector.inventory.models import EnrolCode, Site, Terminal
from collector.web import identity_words, trust
from collector.web.reading.identity import changes
from protocols.wire import claim, v1
from tests.collector.web import world

pytestmark = pytest.mark.django_db
KEY = "A" * 42 + "E"
FORM = {"customer": "SIA A", "site": "Ostas iela", "terminal_name": "Kase 1", "serial": "T-1"}


def act(client: Client, till: Terminal, name: str, **form: str) -> int:
    return client.post(f"/terminals/{till.pk}/identity/{name}", form).status_code


@pytest.mark.parametrize("name", ["approve", "reject", "rekey", "choose"])
def test_a_reader_does_nothing(name: str) -> None:
    till = world.till(waits_since=world.NOW, quarantined_at=world.NOW)
    assert act(world.signed_in("reader"), till, name) == 403
    assert Client().post(f"/terminals/{till.pk}/identity/{name}").status_code == 302
    till.refresh_from_db()
    assert till.waits_since
    assert till.identity_changes.count() == 0


def test_only_a_form_acts_and_only_known_acts_are_there() -> None:
    till = world.till()
    client = world.signed_in("technician")
    assert client.get(f"/terminals/{till.pk}/identity/rekey").status_code == 405
    assert act(client, till, "delete") == 404
    assert (
        world.signed_in("technician", csrf=True).post(f"/terminals/{till.pk}/identity/rekey").status_code
        == 403
    )


def test_approval_on_the_page() -> None:
    till = world.till(waits_since=world.NOW)
    client = world.signed_in("technician")
    page = client.get("/enrol/").content.decode()
    assert claim.number(till.public_key) in page
    assert "It waits for approval" in client.get(f"/terminals/{till.pk}/").content.decode()
    assert act(client, till, "approve") == 302
    assert act(client, till, "reject") == 302
    assert "Somebody else was quicker" in client.get("/enrol/").content.decode()
    till.refresh_from_db()
    assert (till.waits_since, till.retired_at) == (None, None)


def test_a_new_key_is_wished_once_on_the_page() -> None:
    till = world.till()
    client = world.signed_in("technician")
    assert "identity/rekey" in client.get(f"/terminals/{till.pk}/").content.decode()
    assert act(client, till, "rekey") == 302
    page = client.get(f"/terminals/{till.pk}/").content.decode()
    assert "identity/rekey" not in page
    assert "a new key is wanted" in page


def test_choosing_one_of_two() -> None:
    till = world.till(quarantined_at=world.NOW)
    for name in ("one", "two"):
        Session.objects.create(
            terminal=till, name=name, hostname=f"host-{name}", first_at=world.NOW, last_at=world.NOW
        )
    client = world.signed_in("technician")
    assert "identity/rekey" not in client.get(f"/terminals/{till.pk}/").content.decode()
    assert act(client, till, "choose", session="nobody") == 302
    assert "nothing to choose" in client.get(f"/terminals/{till.pk}/").content.decode()
    act(client, till, "choose", session="two")
    till.refresh_from_db()
    assert till.chosen_session == "two"
    assert "host-two" in till.identity_changes.get(kind="chosen").detail["session"]


def test_a_claim_shows_the_word_and_then_the_till() -> None:
    client = world.signed_in("technician")
    page = client.get(f"/claim/{KEY}?h=KASE-3").content.decode()
    assert 'value="KASE-3"' in page
    assert trust.word(KEY) not in page, "the word comes after the claim"
    assert client.post(f"/claim/{KEY}", {**FORM, "customer": ""}).status_code == 422
    assert client.post(f"/claim/{KEY}", FORM).status_code == 302
    assert trust.word(KEY) in client.get(f"/claim/{KEY}").content.decode()
    code = EnrolCode.objects.get()
    EnrolCode.objects.update(expires_at=world.NOW - timedelta(minutes=1))
    page = client.get(f"/claim/{KEY}").content.decode()
    assert trust.word(KEY) not in page
    assert "The time is over" in page
    till = world.till(code.site)
    EnrolCode.objects.update(used_at=world.NOW, terminal=till)
    part = client.get(f"/claim/{KEY}", headers={"HX-Request": "true"}).content.decode()
    assert f"/terminals/{till.pk}/" in part
    assert "every 3s" not in part


def test_the_key_of_a_known_till_is_not_claimed() -> None:
    till = world.till()
    Terminal.objects.filter(pk=till.pk).update(public_key=KEY)
    client = world.signed_in("technician")
    assert client.post(f"/claim/{KEY}", FORM).status_code == 302
    assert "is enrolled already" in client.get(f"/claim/{KEY}").content.decode()
    assert not EnrolCode.objects.exists()


@pytest.mark.parametrize("key", ["A", "A" * 44, "A" * 42 + "."])
def test_what_is_no_key_has_no_page(key: str) -> None:
    assert world.signed_in("technician").get(f"/claim/{key}").status_code == 404


def test_a_second_spelling_of_a_key_is_none() -> None:
    assert world.signed_in("technician").post("/claim/" + "A" * 42 + "B", FORM).status_code == 404


def test_a_technician_makes_no_codes_and_a_manager_sets_the_shop() -> None:
    form = {
        "customer": "SIA A",
        "site": "Ostas iela",
        "terminal_name": "K",
        "lifetime": "900",
        "approval": "yes",
    }
    assert world.signed_in("technician").post("/enrol/", form).status_code == 403
    manager = world.signed_in("manager")
    manager.post("/enrol/", form)
    assert Site.objects.get().needs_approval
    code = EnrolCode.objects.get()
    assert code.expires_at - code.created_at == timedelta(minutes=15)
    manager.post("/enrol/", {**form, "approval": ""})
    assert Site.objects.get().needs_approval
    manager.post("/enrol/", {**form, "approval": "no"})
    assert not Site.objects.get().needs_approval
    assert manager.post("/enrol/", {**form, "lifetime": "9"}).status_code == 422


def test_an_exchanged_printer_and_an_exchanged_disk_stand_in_the_history_newest_first() -> None:
    till = world.till()
    code = "device.identity_changed"
    world.incident(
        till, code, reason="serial X1 -> X2", since=world.NOW - timedelta(days=2), severity="warning"
    )
    for disk in ("A-1", "B-2"):
        identity.record_machine(till.pk, v1.Machine(disk_serial=disk), world.NOW)
    with translation.override("en"):
        history = [(change.sign, change.note) for change in changes(till)]
    assert history == [
        (identity_words.CHANGES["machine_changed"], "Disk: A-1 → B-2"),
        (identity_words.CHANGES["device_changed"], "printer: serial X1 -> X2"),
    ]
    page = world.signed_in("reader").get(f"/terminals/{till.pk}/").content.decode()
    assert "Disk: A-1 → B-2" in page
    assert "printer: serial X1 -&gt; X2" in page
    facts = world.signed_in("reader").get(f"/terminals/{till.pk}/?show=facts").content.decode()
    assert "A part of the computer was changed" in facts

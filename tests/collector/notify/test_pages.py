"""My notifications, the outbox and what an incident's page says of messages, as each role sees them."""

import json

import pytest
from django.test import Client

from collector.core.models import Role, User
from collector.notify import courier, outbox, telling
from collector.notify.models import Address, Channel, Outgoing, Status
from collector.notify.outbox import Letter
from tests.collector.notify.conftest import Configured
from tests.collector.notify.people import address, fault, person
from tests.collector.still import START, StillClock
from tests.collector.web import world

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    found = Client(headers={"Accept-Language": "en"})
    found.force_login(user)
    return found


def test_an_address_is_added_tried_out_changed_and_removed(configured: Configured) -> None:
    me = person()
    client = client_of(me)
    answer = client.post(
        "/notifications/add", {"channel": "sms", "address": "2000 0000", "label": "work"}, follow=True
    )
    assert "+37120000000" in answer.text
    made = me.addresses.get()
    assert made.wishes.get().severity == "error"
    client.post(f"/notifications/{made.pk}/try")
    assert Outgoing.objects.get().address == "+37120000000"
    own = {
        "severity": "critical",
        "hours": "own",
        "mon_from": "22:00",
        "mon_to": "06:00",
        "zone": "Europe/Riga",
    }
    client.post(f"/notifications/{made.pk}/wish", {**own, "wish": made.wishes.get().pk})
    kept = made.wishes.get()
    assert (kept.severity, kept.hours, kept.tells_end) == ("critical", {"mon": [["22:00", "06:00"]]}, False)
    assert 'value="22:00"' in client.get("/notifications/").text
    client.post(f"/notifications/{made.pk}/drop", {"wish": kept.pk})
    client.post(f"/notifications/{made.pk}/remove")
    assert not me.addresses.exists()


@pytest.mark.parametrize(
    ("channel", "to", "says"),
    [
        ("email", "nobody", "name@example.com"),
        ("sms", "12", "+371 20000000"),
        ("pigeon", "x", "choose e-mail"),
        ("webhook", "https://localhost/", "Only a manager"),
    ],
)
def test_what_is_refused_is_said(configured: Configured, channel: str, to: str, says: str) -> None:
    answer = client_of(person()).post("/notifications/add", {"channel": channel, "address": to})
    assert answer.status_code == 422
    assert says in answer.text
    assert not Address.objects.exists()


def test_hours_that_are_not_whole(configured: Configured) -> None:
    who = address()
    answer = client_of(who.person).post(
        f"/notifications/{who.pk}/wish", {"severity": "error", "hours": "own", "tue_from": "08:00"}
    )
    assert answer.status_code == 422
    assert "each day needs both times" in answer.text


def test_a_manager_adds_a_web_hook_with_a_secret_and_no_private_one(configured: Configured) -> None:
    boss = person(role=Role.MANAGER)
    client = client_of(boss)
    answer = client.post("/notifications/add", {"channel": "webhook", "address": "https://192.168.1.1/hook"})
    assert "private network" in answer.text
    client.post("/notifications/add", {"channel": "webhook", "address": "https://localhost/hook"})
    secret = boss.addresses.get().keys["secret"]
    assert len(secret) > 40
    assert secret in client.get("/notifications/").text


def test_a_browser_is_added_once(configured: Configured) -> None:
    client = client_of(person())
    told = {"endpoint": "https://localhost/push/1", "p256dh": "x", "auth": "y"}
    for _ in range(2):
        answer = client.post("/notifications/browser", json.dumps(told), content_type="application/json")
        assert answer.status_code == 204
    assert Address.objects.get().channel == Channel.PUSH
    refused = client.post("/notifications/browser", "[]", content_type="application/json")
    assert refused.status_code == 422


def test_nobody_touches_the_addresses_of_others(configured: Configured) -> None:
    other = address()
    client = client_of(person())
    for act in ("remove", "try", "well", "wish", "drop"):
        answer = client.post(
            f"/notifications/{other.pk}/{act}", {"severity": "error", "wish": other.wishes.get().pk}
        )
        assert answer.status_code == 422
    assert Address.objects.count() == 1
    assert not Outgoing.objects.exists()
    assert other.address not in client.get("/notifications/").text


def test_the_outbox_shows_what_became_of_each_message(still: StillClock) -> None:
    courier.mark_bad(Channel.EMAIL, "gone@example.com", "550 no such user", START)
    for key, to in (("a", "gone@example.com"), ("b", "here@example.com")):
        outbox.put(Letter(Channel.EMAIL, to, "en", f"subject {key}", "text", key=key), START)
    courier.Courier(Channel.EMAIL, lambda message, target: "250 fine")(still.now())
    client = world.signed_in(Role.TECHNICIAN)
    page = client.get("/outbox/").text
    assert "subject a" in page
    assert "This address was refused before" in page
    assert "550 no such user" in page
    failed = client.get("/outbox/?show=failed").text
    assert "subject a" in failed
    assert "subject b" not in failed
    assert "subject b" in client.get("/outbox/?q=here@").text
    message = Outgoing.objects.get(key="a")
    assert "gone@example.com" in client.get(f"/outbox/{message.pk}/").text
    client.post(f"/outbox/{message.pk}/again")
    message.refresh_from_db()
    assert message.status == Status.WAITING
    assert courier.Courier(Channel.EMAIL, lambda message, target: "250 fine")(still.now()) == 1


def test_a_reader_looks_and_does_nothing(still: StillClock) -> None:
    outbox.put(Letter(Channel.EMAIL, "a@example.com", "en", "s", "t", key="a"), START)
    pk = Outgoing.objects.get().pk
    client = world.signed_in(Role.READER)
    assert client.get(f"/outbox/{pk}/").status_code == 200
    assert client.post(f"/outbox/{pk}/again").status_code == 403


def test_a_one_time_code_is_shown_to_nobody() -> None:
    secret = Letter(
        Channel.EMAIL, "a@example.com", "en", "Code 123-456", "it is 123-456", key="x", secret=True
    )
    outbox.put(secret, START)
    client = world.signed_in(Role.MANAGER)
    pk = Outgoing.objects.get().pk
    assert "123-456" not in client.get(f"/outbox/{pk}/").text
    assert "123-456" not in client.get(f"/api/v1/outbox/{pk}").text
    assert "123-456" not in client.get("/api/v1/outbox").text
    assert "123-456" not in client.get("/outbox/").text
    assert client.get("/api/v1/outbox?q=123").json()["count"] == 0


def test_an_incident_says_who_was_told(still: StillClock) -> None:
    who = address()
    incident = fault(world.till(), still)
    telling.tell(still.now())
    still.seconds += 31
    telling.tell(still.now())
    client = world.signed_in(Role.READER)
    assert who.person.username in client.get(f"/incidents/{incident.pk}/messages/").text
    assert f"/incidents/{incident.pk}/messages/" in client.get(f"/incidents/{incident.pk}/").text


def test_the_same_by_the_api(configured: Configured) -> None:
    client = world.signed_in(Role.TECHNICIAN)
    made = client.post(
        "/api/v1/notifications/addresses",
        json.dumps({"channel": "email", "address": "me@example.com"}),
        content_type="application/json",
    )
    assert made.status_code == 201, made.text
    pk = made.json()["id"]
    wish = {
        "severity": "warning",
        "hours": {"sat": [["10:00", "12:00"], ["14:00", "16:00"]]},
        "time_zone": "Europe/Riga",
    }
    answer = client.post(
        f"/api/v1/notifications/addresses/{pk}/wishes", json.dumps(wish), content_type="application/json"
    )
    assert answer.status_code == 201, answer.text
    assert client.post(f"/api/v1/notifications/addresses/{pk}/try").json()["status"] == "waiting"
    listed = client.get("/api/v1/notifications/addresses").json()["items"][0]
    assert [w["severity"] for w in listed["wishes"]] == ["error", "warning"]
    number = client.get("/api/v1/outbox?status=waiting").json()["items"][0]["id"]
    assert client.get(f"/api/v1/outbox/{number}").json()["text"].startswith("If you read this")
    bad = client.post(
        f"/api/v1/notifications/addresses/{pk}/wishes",
        json.dumps({**wish, "hours": {"moon": []}}),
        content_type="application/json",
    )
    assert (bad.status_code, bad.json()["code"]) == (409, "notify.hours")
    assert client.delete(f"/api/v1/notifications/addresses/{pk}").status_code == 204
    assert client.get("/api/v1/notifications/addresses").json()["items"] == []

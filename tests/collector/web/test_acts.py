"""What a person does on the pages: who may, what it changes, and that a forged form changes nothing."""

import base64
from datetime import timedelta

import pytest
from django.test import Client

from agent.uplink.enrol import parse_code
from collector.core.models import User
from collector.incidents.models import Incident
from collector.inventory.enrolment import secret_hash
from collector.inventory.models import EnrolCode
from collector.web.trust import fingerprint
from tests.collector.web import world

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def test_acknowledge_assign_note_and_resolve_leave_their_steps() -> None:
    found = world.incident(world.till())
    client, other = world.signed_in("technician"), world.person("manager")
    steps = [
        ("acknowledge", {}),
        ("assign", {"assignee": other.pk}),
        ("note", {"note": "rolls are in the back room"}),
        ("resolve", {"note": "new roll"}),
    ]
    for name, form in steps:
        answer = client.post(f"/incidents/{found.pk}/{name}", form, headers=HTMX)
        assert answer.status_code == 200, name
    found.refresh_from_db()
    assert (found.state, found.assignee, found.resolution) == ("resolved", other, "new roll")
    kinds = list(found.transitions.values_list("kind", flat=True))
    assert kinds == ["opened", "acknowledged", "assigned", "noted", "resolved"]
    assert "rolls are in the back room" in answer.content.decode()


def test_reopen_needs_a_reason() -> None:
    found = world.incident(world.till(), state="resolved", resolved_at=world.NOW)
    client = world.signed_in("technician")
    refused = client.post(f"/incidents/{found.pk}/reopen", {"note": " "}, headers=HTMX)
    assert refused.status_code == 422
    assert "Write in a few words" in refused.content.decode()
    assert client.post(f"/incidents/{found.pk}/reopen", {"note": "still dead"}).status_code == 302
    assert Incident.objects.get(pk=found.pk).state == "new"


def test_a_row_is_answered_with_the_row() -> None:
    found = world.incident(world.till())
    html = world.signed_in("technician").post(
        f"/incidents/{found.pk}/acknowledge", {"as": "row"}, headers=HTMX
    )
    assert html.content.decode().lstrip().startswith(f'<tr data-row="{found.pk}"')
    assert 'data-state="assigned"' in html.content.decode()


def test_an_act_that_came_too_late_shows_why_and_how_it_is_now() -> None:
    found = world.incident(world.till(), state="resolved", resolved_at=world.NOW)
    answer = world.signed_in("technician").post(f"/incidents/{found.pk}/acknowledge", headers=HTMX)
    assert answer.status_code == 422
    assert "has changed meanwhile" in answer.content.decode()


def test_a_reader_cannot_be_given_an_incident() -> None:
    found = world.incident(world.till())
    form = {"assignee": world.person("reader").pk}
    assert (
        world.signed_in("manager").post(f"/incidents/{found.pk}/assign", form, headers=HTMX).status_code
        == 422
    )
    assert Incident.objects.get(pk=found.pk).assignee is None


@pytest.mark.parametrize("name", ["acknowledge", "assign", "note", "resolve", "reopen"])
def test_a_reader_changes_nothing(name: str) -> None:
    found = world.incident(world.till())
    client = world.signed_in("reader")
    form = {"note": "x", "assignee": world.person("manager").pk}
    assert client.post(f"/incidents/{found.pk}/{name}", form).status_code == 403
    assert Incident.objects.get(pk=found.pk).transitions.count() == 1
    assert f'/incidents/{found.pk}/{name}"' not in client.get(f"/incidents/{found.pk}/").content.decode()


def test_unknown_incidents_and_acts_are_not_found() -> None:
    found = world.incident(world.till())
    client = world.signed_in("manager")
    assert client.post("/incidents/999999/acknowledge").status_code == 404
    assert client.post(f"/incidents/{found.pk}/explode").status_code == 404
    assert client.get(f"/incidents/{found.pk}/acknowledge").status_code == 405


@pytest.mark.parametrize(
    "where", ["/incidents/{}/acknowledge", "/language", "/sign-out", "/enrol/", "/people/", "/sign-in"]
)
def test_a_form_without_its_token_changes_nothing(where: str) -> None:
    found = world.incident(world.till())
    client = world.signed_in("manager", csrf=True)
    answer = client.post(where.format(found.pk), {"language": "ru"})
    assert answer.status_code == 403
    assert Incident.objects.get(pk=found.pk).state == "new"


def test_signing_in_speaks_the_language_of_the_person_and_out_again() -> None:
    person = world.person("technician")
    User.objects.filter(pk=person.pk).update(language="lv")
    client = Client()
    wrong = client.post("/sign-in", {"username": person.username, "password": "wrong"})
    assert wrong.status_code == 422
    right = client.post("/sign-in", {"username": person.username, "password": world.PASSWORD}, follow=True)
    assert '<html lang="lv"' in right.content.decode()
    client.post("/language", {"language": "en", "next": "/devices/"})
    assert User.objects.get(pk=person.pk).language == "en"
    assert '<html lang="en"' in client.get("/").content.decode()
    assert client.get("/sign-out").status_code == 405
    client.post("/sign-out")
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_the_language_form_leads_nowhere_else(target: str) -> None:
    answer = world.signed_in("reader").post("/language", {"language": "lv", "next": target})
    assert answer.headers["Location"] == "/"


def test_a_manager_makes_a_code_that_is_shown_once() -> None:
    client = world.signed_in("manager")
    form = {"customer": "SIA Zaļā karote", "site": "Kafejnīca Centrs", "terminal_name": "Kase 7"}
    html = client.post("/enrol/", form).content.decode()
    secret = html.split('id="secret">')[1].split("<")[0]
    assert f"plomba-agent enrol --collector https://127.0.0.1:8443 --code {secret}" in html
    assert parse_code(secret).fingerprint == base64.b32decode(fingerprint().upper() + "====")
    assert 'src="data:image/svg+xml' in html
    made = EnrolCode.objects.get()
    assert made.secret_hash == secret_hash(parse_code(secret).secret) != secret
    assert made.expires_at - made.created_at == timedelta(hours=1)
    assert secret not in client.get("/enrol/").content.decode()
    assert client.post("/enrol/", {"customer": "x"}).status_code == 422


def test_a_manager_adds_people_and_changes_others_but_not_himself() -> None:
    client = world.signed_in("manager")
    form = {"username": "peteris", "role": "technician", "language": "lv", "password": world.PASSWORD}
    assert client.post("/people/", {**form, "password": "short"}).status_code == 422
    assert client.post("/people/", form).status_code == 302
    added = User.objects.get(username="peteris")
    assert added.check_password(world.PASSWORD)
    client.post(f"/people/{added.pk}", {"role": "reader"})
    client.post(f"/people/{added.pk}", {"active": "0"})
    added.refresh_from_db()
    assert (added.role, added.is_active) == ("reader", False)
    own = User.objects.get(role="manager")
    client.post(f"/people/{own.pk}", {"role": "reader"})
    assert User.objects.get(pk=own.pk).role == "manager"

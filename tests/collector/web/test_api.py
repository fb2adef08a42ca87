"""The REST API: who may call what, problems in one form, a session with its token, a document of it all."""

import json
from typing import NamedTuple

import pytest
from django.test import Client

from collector.core import clock
from collector.core.models import User
from collector.incidents import contracts
from collector.incidents.models import Incident
from collector.web.api.root import api
from tests.collector.web import world

pytestmark = pytest.mark.django_db
V1 = "/api/v1"
NOTE = {"note": "new roll"}
ENROL = {"customer": "SIA Zaļā karote", "site": "Kafejnīca Centrs", "terminal_name": "Kase 9"}
WISH = {"text": "[host]\nsample_s = 30", "base": 0, "comment": "calmer"}
REPORT = {"title": "Atvilktne neveras", "site": 0}
CONTRACT = {"name": "Nakts", "valid_from": "2026-01-01", "targets": [{"metric": "ttr", "minutes": 60}]}
CALENDAR = {"name": "Nakts", "hours": {"mon": [["18:00", "02:00"]]}, "own": {"2026-12-30": "Inventūra"}}
PRIORITIES = {"rows": [[1, 1, 2, 3], [1, 2, 3, 4], [2, 3, 3, 4]], "why": "agreed"}
PERSON = {"username": "liga", "password": world.PASSWORD, "role": "reader"}


class Call(NamedTuple):
    method: str
    path: str
    needed: str
    body: dict[str, object] | None
    status: int


def _name(call: Call) -> str:
    return f"{call.method} {call.path.partition('?')[0]}"


CALLS = [
    Call("GET", "/session", "reader", None, 200),
    Call("DELETE", "/session", "reader", None, 204),
    Call("GET", "/customers", "reader", None, 200),
    Call("GET", "/sites?customer=1", "reader", None, 200),
    Call("GET", "/terminals", "reader", None, 200),
    Call("GET", "/terminals/{terminal}", "reader", None, 200),
    Call("GET", "/terminals/{terminal}/events?kinds=states&kinds=faults", "reader", None, 200),
    Call("GET", "/devices?standing=fault&q=rīga&sort=-site", "reader", None, 200),
    Call("GET", "/devices/{device}", "reader", None, 200),
    Call("POST", "/enrol-codes", "manager", ENROL, 201),
    Call("GET", "/incidents?open=true&limit=200", "reader", None, 200),
    Call("GET", "/incidents/{incident}", "reader", None, 200),
    Call("POST", "/incidents/{incident}/acknowledge", "technician", None, 200),
    Call("POST", "/incidents/{incident}/assign", "technician", {"assignee": 0}, 200),
    Call("POST", "/incidents/{incident}/note", "technician", NOTE, 200),
    Call("POST", "/incidents/{incident}/resolve", "technician", NOTE, 200),
    Call("POST", "/incidents/{done}/reopen", "technician", NOTE, 200),
    Call("POST", "/incidents", "technician", REPORT, 201),
    Call("GET", "/incidents/{incident}/desk", "reader", None, 200),
    Call("POST", "/incidents/{incident}/do/{act}", "technician", {}, 200),
    Call("POST", "/incidents/{incident}/files", "technician", {}, 422),
    Call("GET", "/incidents/{incident}/files/{none}", "reader", None, 404),
    Call("GET", "/contracts", "reader", None, 200),
    Call("GET", "/contracts/{contract}", "reader", None, 200),
    Call("POST", "/contracts", "manager", CONTRACT, 201),
    Call("GET", "/calendars", "reader", None, 200),
    Call("GET", "/calendars/{calendar}", "reader", None, 200),
    Call("POST", "/calendars", "manager", CALENDAR, 201),
    Call("GET", "/calendars/legal/deadline?begin=2026-04-30&days=3", "reader", None, 200),
    Call("GET", "/priorities", "reader", None, 200),
    Call("POST", "/priorities", "manager", PRIORITIES, 200),
    Call("GET", "/backups/snapshots", "reader", None, 200),
    Call("GET", "/backups/runs", "reader", None, 200),
    Call("GET", "/backups/drills", "reader", None, 200),
    Call("GET", "/backups/proofs", "reader", None, 200),
    Call("GET", "/configuration/{level}/{terminal}", "reader", None, 200),
    Call("POST", "/configuration/{level}/{terminal}/preview", "technician", {"text": ""}, 200),
    Call("POST", "/configuration/{level}/{terminal}", "technician", WISH, 201),
    Call("GET", "/people", "manager", None, 200),
    Call("POST", "/people", "manager", PERSON, 201),
    Call("PATCH", "/people/{person}", "manager", {"role": "technician"}, 200),
]
RANK = {"reader": 0, "technician": 1, "manager": 2}


def prepare(path: str, body: dict[str, object] | None) -> tuple[str, dict[str, object] | None]:
    terminal = world.whole_world()
    person = world.person("manager")
    known = {
        "level": "terminal",
        "terminal": terminal.pk,
        "device": terminal.devices.get().pk,
        "incident": Incident.objects.filter(terminal=terminal).first().pk,  # type: ignore[union-attr]
        "done": Incident.objects.get(state="resolved").pk,
        "person": person.pk,
        "act": "start",
        "none": 1,
        "calendar": "legal",
        "contract": contracts.make(
            contracts.Draft(**{**CONTRACT, "valid_from": clock.now().date()}), clock.now()
        ).key,
    }
    if body and "assignee" in body:
        body = {"assignee": person.pk}
    if body and "site" in body and "title" in body:
        body = {**body, "site": terminal.site_id}
    return V1 + path.format(**known), body


def call(client: Client, method: str, path: str, body: dict[str, object] | None, **more: str) -> object:
    data = json.dumps(body) if body is not None else ""
    return client.generic(method, path, data, content_type="application/json", headers=more or None)


def is_problem(answer: object, status: int, code: str) -> None:
    assert answer.status_code == status, answer.content  # type: ignore[attr-defined]
    assert answer.headers["Content-Type"] == "application/problem+json"  # type: ignore[attr-defined]
    document = answer.json()  # type: ignore[attr-defined]
    assert (document["code"], document["status"]) == (code, status)
    assert document["type"] == f"urn:plomba:{code}"
    assert document["title"]


@pytest.mark.parametrize("role", RANK)
@pytest.mark.parametrize("one", CALLS, ids=_name)
def test_each_call_is_open_to_its_roles_and_shut_to_others(one: Call, role: str) -> None:
    where, sent = prepare(one.path, one.body)
    answer = call(world.signed_in(role), one.method, where, sent)
    if RANK[role] >= RANK[one.needed]:
        assert answer.status_code == one.status, answer.content  # type: ignore[attr-defined]
    else:
        is_problem(answer, 403, "api.forbidden")


@pytest.mark.parametrize("one", CALLS, ids=_name)
def test_nothing_is_told_to_strangers(one: Call) -> None:
    where, sent = prepare(one.path, one.body)
    is_problem(call(Client(), one.method, where, sent), 401, "api.not_signed_in")


@pytest.mark.parametrize("one", [one for one in CALLS if one.method != "GET"], ids=_name)
def test_what_changes_something_needs_the_token(one: Call) -> None:
    where, sent = prepare(one.path, one.body)
    is_problem(call(world.signed_in("manager", csrf=True), one.method, where, sent), 403, "api.csrf")


def test_every_line_of_the_table_is_a_call_of_the_document() -> None:
    """Every call, also one without a line here, is walked as everybody in test_tenancy."""
    document = Client().get(f"{V1}/openapi.json").json()
    told = {
        (method.upper(), _shape(path.removeprefix(V1)))
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert {(method, _shape(path)) for method, path, *_rest in CALLS} <= told
    assert document["info"]["title"] == "Plomba"
    assert api.docs_url is None


def _shape(path: str) -> str:
    parts = path.partition("?")[0].split("/")
    return "/".join("{}" if part.startswith("{") else part for part in parts)


def test_a_session_opens_with_name_and_password_and_its_token_lets_act() -> None:
    found = world.incident(world.till())
    person = world.person("technician")
    client = Client(enforce_csrf_checks=True)
    wrong = call(client, "POST", f"{V1}/session", {"username": person.username, "password": "no"})
    is_problem(wrong, 401, "api.wrong_password")
    answer = call(client, "POST", f"{V1}/session", {"username": person.username, "password": world.PASSWORD})
    token = answer.json()["csrf_token"]  # type: ignore[attr-defined]
    done = call(client, "POST", f"{V1}/incidents/{found.pk}/acknowledge", None, **{"X-CSRFToken": token})
    assert done.json()["state"] == "assigned"  # type: ignore[attr-defined]
    assert [step["kind"] for step in done.json()["transitions"]] == ["opened", "acknowledged"]  # type: ignore[attr-defined]


def test_a_shut_account_cannot_come_in() -> None:
    person = world.person("manager")
    client = Client()
    client.force_login(person)
    User.objects.filter(pk=person.pk).update(is_active=False)
    is_problem(client.get(f"{V1}/incidents"), 401, "api.not_signed_in")


def test_refusals_have_codes() -> None:
    found = world.incident(world.till(), state="resolved", resolved_at=world.NOW)
    client = world.signed_in("manager")
    where = f"{V1}/incidents/{found.pk}"
    is_problem(call(client, "POST", f"{where}/acknowledge", None), 409, "incident.state")
    is_problem(call(client, "POST", f"{where}/resolve", {"note": ""}), 422, "api.invalid")
    is_problem(call(client, "POST", f"{where}/resolve", {"note": "  "}), 409, "incident.note_missing")
    is_problem(call(client, "POST", f"{V1}/incidents/424242/note", NOTE), 409, "incident.unknown")
    is_problem(client.get(f"{V1}/incidents/424242"), 404, "api.not_found")
    is_problem(client.get(f"{V1}/nowhere"), 404, "api.not_found")
    is_problem(client.get(f"{V1}/incidents?limit=501"), 422, "api.invalid")
    is_problem(client.get(f"{V1}/devices?sort=;"), 422, "api.invalid")
    is_problem(call(client, "POST", f"{V1}/people", {**PERSON, "password": "x"}), 422, "people.password_weak")
    own = User.objects.get(role="manager")
    is_problem(call(client, "PATCH", f"{V1}/people/{own.pk}", {"active": False}), 409, "people.own_account")
    is_problem(
        call(client, "POST", f"{V1}/people", {**PERSON, "username": own.username}), 409, "people.name_taken"
    )


def test_health_is_open_to_all() -> None:
    answer = Client().get(f"{V1}/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_an_incident_tells_its_title_in_three_languages_and_its_place() -> None:
    world.incident(world.till())
    (item,) = world.signed_in("reader").get(f"{V1}/incidents?open=true").json()["items"]
    assert item["title"] == {
        "lv": "Printerim beidzies papīrs",
        "en": "Printer is out of paper",
        "ru": "В принтере закончилась бумага",
    }
    assert (item["terminal_name"], item["site_name"], item["open"]) == ("Kase 1", "Kafejnīca Centrs", True)


def test_a_device_tells_its_state_as_it_was_stored() -> None:
    world.device(world.till(), state={"paper_end": True, "last_z_number": 7, "supply_voltage": 23.9})
    (item,) = world.signed_in("reader").get(f"{V1}/devices").json()["items"]
    assert item["state"] == {"paper_end": True, "last_z_number": 7, "supply_voltage": 23.9}
    assert item["state"]["paper_end"] is True
    assert (item["contact"], item["standing"]) == ("ok", "ok")


@pytest.mark.parametrize("text", ["\0", "\ud800"], ids=["NUL", "half a character"])
def test_what_no_database_keeps_is_refused(text: str) -> None:
    client = world.signed_in("manager")
    for path, body in (
        ("/session", {"username": text, "password": "x"}),
        ("/enrol-codes", {**ENROL, "site": text}),
    ):
        assert call(client, "POST", V1 + path, {**body}).status_code in (400, 422)  # type: ignore[attr-defined]
    assert call(client, "POST", f"{V1}/enrol-codes", {**ENROL, "site": "\U0001f600 ž"}).status_code == 201  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/devices?q=%00", "/terminals/%00", "/backups/runs?terminal=%00"])
def test_an_address_with_nul_is_refused(path: str) -> None:
    is_problem(world.signed_in("reader").get(V1 + path), 400, "api.invalid")


def test_bounds() -> None:
    client = world.signed_in("manager")
    is_problem(client.get(f"{V1}/incidents?offset=99999999999999999999"), 422, "api.invalid")
    is_problem(call(client, "POST", f"{V1}/people", {"x": "a" * (2 << 20)}), 413, "api.too_large")

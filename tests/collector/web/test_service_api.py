"""The service desk over the REST API: the same acts, the same refusals, for the same people."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from collector.core.models import User
from collector.service.models import Candidate, CertifiedVersion, Change
from tests.collector.service import office
from tests.collector.web import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
API = "/api/v1"


def post(client: Client, path: str, body: dict[str, object] | None = None) -> HttpResponse:
    return client.post(f"{API}{path}", body or {}, content_type="application/json")


def test_queues_rules_and_suggestions_are_told() -> None:
    worker = office.person(skills=("printer",))
    found = office.incident(queue="technical")
    client = world.signed_in("reader")
    queues = {one["key"]: one for one in client.get(f"{API}/service/queues").json()}
    assert (queues["technical"]["open"], queues["technical"]["name"]["en"]) == (1, "Technical")
    assert len(client.get(f"{API}/service/rules").json()) == 7
    told = client.get(f"{API}/service/incidents/{found.pk}/suggestions").json()
    assert (told[0]["person"], told[0]["missing"]) == (worker.pk, [])
    assert post(client, f"/service/incidents/{found.pk}/queue", {"queue": "helpdesk"}).status_code == 403
    worker_client = world.signed_in("technician")
    assert (
        post(worker_client, f"/service/incidents/{found.pk}/queue", {"queue": "helpdesk"}).status_code == 204
    )
    assert post(worker_client, f"/service/incidents/{found.pk}/queue", {"queue": "attic"}).status_code == 404
    found.refresh_from_db()
    assert found.queue == "helpdesk"


def test_the_rota_is_told_with_its_gaps_and_changed_by_those_who_may() -> None:
    one, other = world.person("technician"), world.person("technician")
    row = office.rota(one, starts_on=world.NOW.date() - timedelta(days=3), turn_days=60)
    client = world.signed_in("reader")
    assert client.get(f"{API}/service/rotas").json()[0]["now"] == one.pk
    client.force_login(one)
    start, end = world.NOW + HOUR, world.NOW + 5 * HOUR
    span = {"starts_at": start.isoformat(), "ends_at": end.isoformat()}
    assert post(client, f"/service/rotas/{row.pk}/overrides", {"person": other.pk, **span}).status_code == 409
    swap = post(client, f"/service/rotas/{row.pk}/swaps", {"person": other.pk, **span}).json()
    assert post(client, f"/service/swaps/{swap['id']}/accept").status_code == 409
    client.force_login(other)
    assert post(client, f"/service/swaps/{swap['id']}/accept").json()["state"] == "accepted"
    manager = world.signed_in("manager")
    made = post(manager, f"/service/rotas/{row.pk}/overrides", {"person": None, **span}).json()
    period = {"start": world.NOW.isoformat(), "end": (world.NOW + 9 * HOUR).isoformat()}
    shifts = manager.get(f"{API}/service/rotas/{row.pk}/shifts", period).json()
    assert [(one["person"], one["why"]) for one in shifts][1] == (None, "nobody")
    assert manager.delete(f"{API}/service/overrides/{made['id']}").status_code == 204
    shifts = manager.get(f"{API}/service/rotas/{row.pk}/shifts", period).json()
    assert [one["why"] for one in shifts] == ["turn", "swap", "turn"]


def test_a_visit_goes_from_plan_to_proof() -> None:
    client, place = world.signed_in("technician"), office.site()
    plan = {"site": place.pk, "purpose": "galva", "starts_at": world.NOW.isoformat(),
            "ends_at": (world.NOW + HOUR).isoformat()}  # fmt: skip
    pk = post(client, "/visits", plan).json()["id"]
    for name in ("leave", "arrive"):
        assert post(client, f"/visits/{pk}/acts/{name}").status_code == 200
    proof = {"note": "done", "minutes": 5, "parts": [{"name": "head"}]}
    refused = post(client, f"/visits/{pk}/finish", proof)
    assert (refused.status_code, refused.json()["code"]) == (409, "visit.no_proof")
    file = SimpleUploadedFile("x.png", b"\x89PNG\r\n\x1a\nx", content_type="image/png")
    assert client.post(f"{API}/visits/{pk}/files", {"kind": "photo", "file": file}).status_code == 201
    done = post(client, f"/visits/{pk}/finish", proof).json()
    assert (done["state"], done["parts"][0]["name"], len(done["files"])) == ("done", "head", 1)
    assert client.get(f"{API}/visits", {"state": "done"}).json()["count"] == 1
    assert post(world.signed_in("reader"), f"/visits/{pk}/acts/confirm").status_code == 403


def test_a_change_tells_what_is_missing_and_follows_its_table() -> None:
    client, till = world.signed_in("manager"), office.till()
    ask = {"category": "version_rollout", "title": "Jaunā", "reason": "trīs mēneši", "terminals": [till.pk],
           "product": "Kase", "version": "7.2"}  # fmt: skip
    change = post(client, "/changes", ask).json()
    assert {one["name"] for one in change["next"]} == {"validate", "reject", "cancel"}
    pk = change["id"]
    assert post(client, f"/changes/{pk}/steps/implement").json()["code"] == "service.state"
    post(client, f"/changes/{pk}/steps/validate")
    manager = User.objects.get(role="manager")
    post(client, f"/changes/{pk}/steps/assign", {"assignee": manager.pk})
    plan = {"starts_at": (world.NOW + HOUR).isoformat(), "ends_at": (world.NOW + 2 * HOUR).isoformat(),
            "back_out": "atjaunot", "test_plan": "čeks"}  # fmt: skip
    assert post(client, f"/changes/{pk}/steps/plan", plan).json()["code"] == "change.not_certified"
    CertifiedVersion.objects.create(product="Kase", version="7.2", at=world.NOW)
    planned = post(client, f"/changes/{pk}/steps/plan", plan).json()
    assert (planned["state"], planned["risk"]) == ("planned", "medium")
    assert client.get(f"{API}/changes", {"show": "approval"}).json()["count"] == 1
    assert client.get(f"{API}/certified-versions").json()[0]["version"] == "7.2"
    task = Change.objects.get(pk=pk).tasks.create(kind="seals", due_at=world.NOW)
    done = post(client, f"/changes/{pk}/tasks/{task.pk}/done", {"note": "uzliktas"}).json()
    assert done["tasks"][0]["note"] == "uzliktas"


def test_a_proposal_becomes_a_problem() -> None:
    row = Candidate.objects.create(key="k", code="printer.cutter_error", model="FP-700", count=3, devices=3, sites=2,
                                   first_at=world.NOW, last_at=world.NOW, proposed_at=world.NOW)  # fmt: skip
    client = world.signed_in("technician")
    assert client.get(f"{API}/problem-candidates").json()[0]["model"] == "FP-700"
    problem = post(client, f"/problem-candidates/{row.pk}/accept").json()
    assert post(client, f"/problems/{problem['id']}/steps/assign").json()["state"] == "assigned"
    refused = post(client, f"/problems/{problem['id']}/steps/resolve")
    assert refused.json()["code"] == "problem.not_explained"
    assert client.get(f"{API}/problems", {"known": "false"}).json()["count"] == 1
    assert client.get(f"{API}/problems/{problem['id']}").json()["model"] == "FP-700"
    assert post(client, f"/problem-candidates/{row.pk}/dismiss", {"note": "no"}).status_code == 409


def test_what_decides_by_itself_is_changed_by_managers_alone() -> None:
    technician, manager = world.signed_in("technician"), world.signed_in("manager")
    span = {"starts_at": world.NOW.isoformat(), "ends_at": (world.NOW + HOUR).isoformat()}
    asks: list[tuple[str, dict[str, object]]] = [
        ("/service/rules", {"name": "Kass", "queue": "helpdesk", "match": {"codes": ["printer.*"]}}),
        ("/certified-versions", {"product": "Kase", "version": "7.2"}),
        ("/freezes", {"name": "Svētki", **span}),
    ]
    for path, body in asks:
        assert post(technician, path, body).status_code == 403, path
        assert post(manager, path, body).status_code == 201, path
    assert post(manager, "/service/rules", {**asks[0][1], "match": {"moon": ["full"]}}).status_code == 422
    assert post(manager, "/certified-versions", asks[1][1]).json()["code"] == "certified.listed"
    assert post(manager, "/freezes", {**asks[2][1], "ends_at": span["starts_at"]}).status_code == 422
    [frozen] = manager.get(f"{API}/freezes").json()
    assert manager.delete(f"{API}/freezes/{frozen['id']}").status_code == 204
    assert manager.get(f"{API}/freezes").json() == []
    [listed] = manager.get(f"{API}/certified-versions").json()
    assert post(manager, f"/certified-versions/{listed['id']}/withdraw").json()["withdrawn_on"] is not None
    rule = manager.get(f"{API}/service/rules").json()[-1]
    changed = manager.put(
        f"{API}/service/rules/{rule['id']}", {**asks[0][1], "order": 1}, "application/json"
    ).json()
    assert (changed["order"], changed["match"]) == (1, {"codes": ["printer.*"]})


def test_a_problem_is_raised_described_and_made_known() -> None:
    client = world.signed_in("technician")
    pk = post(client, "/problems", {"title": "Griezējs", "code": "printer.cutter_error"}).json()["id"]
    path = f"{API}/problems/{pk}"
    assert client.patch(path, {"known": True}, "application/json").json()["code"] == "problem.no_workaround"
    told = {"root_cause": "atspere", "workaround": "pagriezt", "known": True}
    assert client.patch(path, told, "application/json").json()["known_error_since"] is not None
    assert client.get(f"{API}/problems", {"known": "true"}).json()["count"] == 1

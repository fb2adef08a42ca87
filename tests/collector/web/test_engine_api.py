"""Maintenance windows and rules over the REST API: the acts and refusals of the pages, for the same people."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from collector.core.models import Role
from collector.incidents import kept_rules
from collector.incidents.watch_models import RuleChange, RuleDraft
from collector.inventory.maintenance_models import Maintenance
from tests.collector.web import world
from tests.collector.web.test_engine_pages import told

pytestmark = pytest.mark.django_db
API = "/api/v1"
HOUR = timedelta(hours=1)
PERIOD: dict[str, object] = {
    "begin": (world.NOW - 24 * HOUR).isoformat(),
    "end": (world.NOW + HOUR).isoformat(),
}


@pytest.fixture(autouse=True)
def _rules_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_rules, "_kept", None)


def post(client: Client, path: str, body: dict[str, object] | None = None) -> Any:
    return client.post(f"{API}{path}", body or {}, content_type="application/json")


def window(**more: object) -> dict[str, object]:
    begins, ends = world.NOW + HOUR, world.NOW + 3 * HOUR
    return {"begins_at": begins.isoformat(), "ends_at": ends.isoformat(), "reason": "new counter", **more}


def test_a_window_is_made_listed_and_ended() -> None:
    till, client = world.till(), world.signed_in(Role.TECHNICIAN)
    made = post(client, "/maintenance", window(terminal=till.pk))
    assert made.status_code == 201
    told = made.json()
    assert (told["place"], told["terminal"], told["site"]) == (
        f"{till.name}, {till.site.name}",
        till.pk,
        None,
    )
    reader = world.signed_in(Role.READER)
    assert [one["id"] for one in reader.get(f"{API}/maintenance").json()["items"]] == [told["id"]]
    assert reader.get(f"{API}/maintenance/{told['id']}").json() == told
    assert post(reader, f"/maintenance/{told['id']}/end").status_code == 403
    assert post(client, f"/maintenance/{told['id']}/end").json()["ended_at"] is not None
    assert post(client, f"/maintenance/{told['id']}/end").json()["code"] == "maintenance.over"
    assert reader.get(f"{API}/maintenance").json()["count"] == 0
    assert reader.get(f"{API}/maintenance?show=past").json()["count"] == 1


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({}, 409, "maintenance.place"),
        ({"site": 4711}, 404, "api.not_found"),
        ({"reason": ""}, 422, "api.invalid"),
        ({"begins_at": "2026-12-01T00:00:00"}, 422, "api.invalid"),
        ({"site": 0, "ends_at": "2020-01-01T00:00:00Z"}, 409, "maintenance.times"),
        ({"site": 0, "days": [3]}, 409, "maintenance.times"),
        ({"site": 0, "days": [7]}, 422, "api.invalid"),
    ],
    ids=str,
)
def test_a_window_that_is_none_is_refused(wrong: dict[str, object], status: int, code: str) -> None:
    given = window(**wrong)
    if given.get("site") == 0:
        given["site"] = world.site().pk
    answer = post(world.signed_in(Role.TECHNICIAN), "/maintenance", given)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Maintenance.objects.exists()


def test_rules_are_told_with_their_figures_and_bills() -> None:
    client = world.signed_in(Role.READER)
    rules = {one["name"]: one for one in client.get(f"{API}/rules?days=7").json()}
    figures = {one["name"]: one for one in rules["printer"]["figures"]}
    assert figures["hold_s"]["value"] == figures["hold_s"]["shipped"]
    assert figures["hold_s"]["least"] == 0
    assert rules["printer"]["bill"]["days"] == 7
    assert client.get(f"{API}/rules/printer?days=7").json() == rules["printer"]
    assert client.get(f"{API}/rules/attic").status_code == 404


def test_other_figures_are_a_draft_until_a_manager_lets_them_hold() -> None:
    worker, manager = world.signed_in(Role.TECHNICIAN), world.signed_in(Role.MANAGER)
    figures = {"wait_s": 600}
    assert (
        post(world.signed_in(Role.READER), "/rules/printer/drafts", {"figures": figures}).status_code == 403
    )
    made = post(worker, "/rules/printer/drafts", {"figures": figures, "comment": "noise"}).json()
    assert (made["state"], made["figures"], made["tried"]) == ("waiting", {"wait_s": 600.0}, None)
    assert not RuleChange.objects.exists()
    assert post(worker, f"/rules/printer/drafts/{made['id']}/hold").status_code == 403
    assert post(manager, f"/rules/fiscal/drafts/{made['id']}/hold").status_code == 404
    assert post(manager, f"/rules/printer/drafts/{made['id']}/hold").json()["state"] == "holds"
    assert kept_rules.changes()["printer"] == {"wait_s": 600.0}
    again = post(manager, f"/rules/printer/drafts/{made['id']}/hold")
    assert (again.status_code, again.json()["code"]) == (409, "rule.draft_over")
    told = worker.get(f"{API}/rules/printer").json()
    assert {one["name"]: one["value"] for one in told["figures"]}["wait_s"] == 600
    assert told["changed"]


def test_a_draft_is_given_up_by_its_author_or_a_manager() -> None:
    author, other = world.signed_in(Role.TECHNICIAN), world.signed_in(Role.TECHNICIAN)
    made = post(author, "/rules/printer/drafts", {"figures": {"hold_s": 60}}).json()
    where = f"{API}/rules/printer/drafts/{made['id']}"
    assert other.delete(where).status_code == 409
    assert author.delete(where).json()["state"] == "given_up"
    assert [one["state"] for one in other.get(f"{API}/rules/printer/drafts").json()] == ["given_up"]
    assert not RuleChange.objects.exists()


@pytest.mark.parametrize(
    ("figures", "status"),
    [({"hold_s": -1}, 409), ({"attic": 1}, 409), ({"need": 3, "of": 2}, 409), ({"hold_s": "long"}, 422)],
    ids=str,
)
def test_figures_that_are_none_are_refused(figures: dict[str, object], status: int) -> None:
    client = world.signed_in(Role.MANAGER)
    assert post(client, "/rules/printer/drafts", {"figures": figures}).status_code == status
    assert post(client, "/rules/printer/backtest", {"figures": figures, **PERIOD}).status_code == status
    assert not RuleDraft.objects.exists()


def test_a_backtest_says_what_would_be_otherwise_and_its_draft_keeps_it() -> None:
    till = world.till()
    told(till, 80, "raised")
    told(till, 79, "cleared")
    client = world.signed_in(Role.TECHNICIAN)
    found = post(client, "/rules/printer/backtest", {"figures": {"wait_s": 3600}, **PERIOD}).json()
    assert (found["now"]["opened"], found["then"]["opened"], found["differing"]) == (1, 0, 1)
    assert [line["changed"] for line in found["lines"]] == ["gone"]
    made = post(client, "/rules/printer/drafts", {"figures": {"wait_s": 3600}}).json()
    tried = post(client, f"/rules/printer/drafts/{made['id']}/backtest", PERIOD).json()
    assert tried == found
    kept = client.get(f"{API}/rules/printer/drafts").json()[0]["tried"]
    assert kept == {name: found[name] for name in ("begin", "end", "now", "then", "differing")}
    long = {"begin": "2026-01-01T00:00:00Z", "end": "2026-12-01T00:00:00Z"}
    answer = post(client, "/rules/printer/backtest", {"figures": {}, **long})
    assert (answer.status_code, answer.json()["code"]) == (409, "rule.period")

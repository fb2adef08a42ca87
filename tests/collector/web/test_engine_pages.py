"""Pages of the incident engine: maintenance, rules with their noise bill and backtest, hours of shops, causes."""

from datetime import timedelta

import pytest

from collector.core.models import Role
from collector.incidents import kept_rules, noise
from collector.incidents.models import Incident, Transition
from collector.incidents.watch_models import RuleChange, RuleDraft
from collector.inventory import maintenance
from collector.inventory.maintenance_models import Maintenance
from tests.collector.web import world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rules_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has changes of rules of its own, under the same numbers."""
    monkeypatch.setattr(kept_rules, "_kept", None)


def plan(client: object, **more: str) -> object:
    begins = world.NOW.astimezone() + timedelta(hours=1)
    form = {
        "begins": begins.strftime("%Y-%m-%dT%H:%M"),
        "ends": (begins + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M"),
        "reason": "new counter",
        **more,
    }
    return client.post("/maintenance/", form)  # type: ignore[attr-defined]


def test_a_window_is_planned_and_called_off() -> None:
    place = world.site()
    client = world.signed_in(Role.TECHNICIAN)
    assert plan(client, place=f"site/{place.pk}").status_code == 302
    window = Maintenance.objects.get()
    assert (window.site, window.reason, window.made_by.role) == (place, "new counter", Role.TECHNICIAN)
    assert window.ends_at - window.begins_at == timedelta(hours=2)
    assert "new counter" in client.get("/maintenance/").content.decode()
    client.post(f"/maintenance/{window.pk}/end")
    window.refresh_from_db()
    assert window.ended_at is not None
    assert not maintenance.coming(world.NOW).exists()


def test_a_window_of_the_shops_wall_clock_that_comes_again() -> None:
    place = world.site()
    client = world.signed_in(Role.MANAGER)
    weekly = {"days": ["0", "2"], "begin": "22:00", "end": "02:00"}
    form = {
        "place": f"site/{place.pk}",
        "begins": "2026-12-01T00:00",
        "ends": "2027-03-01T00:00",
        "reason": "night works",
    }
    assert client.post("/maintenance/", {**form, **weekly}).status_code == 302
    window = Maintenance.objects.get()
    assert (window.days, str(window.begin), str(window.end)) == ([0, 2], "22:00:00", "02:00:00")
    assert window.begins_at.isoformat() == "2026-11-30T22:00:00+00:00", "midnight in Riga"


@pytest.mark.parametrize(
    "wrong",
    [
        {"place": "site/4711"},
        {"place": "planet/1"},
        {"reason": " "},
        {"ends": "2020-01-01T00:00"},
        {"days": "3"},
    ],
    ids=str,
)
def test_a_window_that_is_none_is_refused_with_words(wrong: dict[str, str]) -> None:
    place = world.site()
    answer = plan(world.signed_in(Role.TECHNICIAN), **{"place": f"site/{place.pk}", **wrong})
    assert answer.status_code == 422
    assert not Maintenance.objects.exists()


def test_who_only_reads_plans_nothing() -> None:
    place = world.site()
    assert plan(world.signed_in(Role.READER), place=f"site/{place.pk}").status_code == 422
    assert not Maintenance.objects.exists()


def bill(rule: str) -> noise.Bill:
    return next(b for b in noise.bills(world.NOW - timedelta(days=1), world.NOW) if b.rule.name == rule)


def test_the_noise_bill_tells_what_was_useful() -> None:
    till = world.till()
    world.incident(till, "printer.paper_end", rule="printer", subject_id="a")
    gone = {"state": "resolved", "resolution": "recovered", "resolved_at": world.NOW, "rule": "printer"}
    world.incident(till, "printer.paper_end", subject_id="b", **gone)
    world.incident(till, "printer.paper_end", subject_id="c", **{**gone, "resolution": "changed the roll"})
    taken = world.incident(till, "printer.paper_end", subject_id="d", **gone)
    Transition.objects.create(
        incident=taken,
        kind="acknowledged",
        at=world.NOW,
        recorded_at=world.NOW,
        by=world.person(Role.TECHNICIAN),
    )
    quiet = {"suppressed_since": world.NOW, "suppressed_why": "cause"}
    world.incident(till, "printer.offline", subject_id="e", rule="printer", **quiet)
    found = bill("printer")
    assert (found.opened, found.quiet, found.useful, found.ignored, found.waiting) == (5, 1, 2, 1, 1)
    assert found.noise_percent == 33
    page = world.signed_in(Role.READER).get("/rules/").content.decode()
    assert 'data-rule="printer"' in page
    assert "33 %" in page


def told(till: object, minute: int, change: str) -> None:
    at = world.NOW - timedelta(minutes=minute)
    body = {
        "code": "printer.paper_end",
        "change": change,
        "since": at.isoformat(),
        "subject": {"kind": "device", "id": "printer"},
    }
    world.message(till, "event", at, body, "printer")  # type: ignore[arg-type]


def test_other_figures_are_tried_on_what_was_told_and_change_nothing() -> None:
    till = world.till()
    for minute in (120, 80, 40):
        told(till, minute, "raised")
        told(till, minute - 1, "cleared")
    day = {
        "begin": (world.NOW - timedelta(days=1)).date().isoformat(),
        "end": (world.NOW + timedelta(days=1)).date().isoformat(),
    }
    client = world.signed_in(Role.READER)
    page = client.post("/rules/printer/", {**day, "do": "try", "reopen_s": "7200"}).content.decode()
    assert 'data-line="opened"><td>Opened</td><td class="c-num">3</td><td class="c-num">1</td>' in page
    assert page.count('data-changed="gone"') == 2
    page = client.post("/rules/printer/", {**day, "do": "try", "wait_s": "300"}).content.decode()
    assert page.count('data-changed="gone"') == 3
    assert not RuleChange.objects.exists()
    assert not Incident.objects.exists()


def test_a_manager_lets_figures_hold_and_a_technician_may_not() -> None:
    assert (
        world.signed_in(Role.TECHNICIAN).post("/rules/printer/", {"do": "save", "wait_s": "60"}).status_code
        == 422
    )
    manager = world.signed_in(Role.MANAGER)
    assert (
        manager.post("/rules/printer/", {"do": "save", "wait_s": "60", "comment": "noise"}).status_code == 302
    )
    found = kept_rules.current().for_code("printer.paper_end")
    assert found is not None
    assert found[1].wait_s == 60
    page = manager.get("/rules/printer/").content.decode()
    assert "Must last, s: <b>60</b>" in page
    assert manager.post("/rules/printer/", {"do": "save", "wait_s": "-5"}).status_code == 422
    manager.post("/rules/printer/", {"do": "save"})
    back = kept_rules.current().for_code("printer.paper_end")
    assert back is not None
    assert back[1].wait_s == 0


def test_a_draft_of_figures_waits_for_a_manager() -> None:
    worker, manager = world.signed_in(Role.TECHNICIAN), world.signed_in(Role.MANAGER)
    assert world.signed_in(Role.READER).post("/rules/printer/", {"do": "draft"}).status_code == 422
    for wait_s in ("60", "90"):
        assert worker.post("/rules/printer/", {"do": "draft", "wait_s": wait_s}).status_code == 302
    assert not RuleChange.objects.exists()
    first, second = RuleDraft.objects.order_by("pk")
    page = worker.get("/rules/printer/").content.decode()
    assert f'data-draft="{first.pk}"' in page
    assert worker.post("/rules/printer/", {"do": "hold", "draft": first.pk}).status_code == 422
    assert manager.post("/rules/printer/", {"do": "hold", "draft": first.pk}).status_code == 302
    assert manager.post("/rules/printer/", {"do": "hold", "draft": first.pk}).status_code == 422
    assert worker.post("/rules/printer/", {"do": "give_up", "draft": second.pk}).status_code == 302
    assert kept_rules.changes()["printer"] == {"wait_s": 60.0}


def test_hours_of_a_shop() -> None:
    place = world.site()
    manager = world.signed_in(Role.MANAGER)
    good = {"mon": "09:00-13:00, 14:00–22:00", "sun": "", "provider": "Tet", "region": "Rīga"}
    assert manager.post(f"/shops/{place.pk}/", good).status_code == 302
    place.refresh_from_db()
    assert place.hours == {"mon": [["09:00", "13:00"], ["14:00", "22:00"]]}
    assert (place.provider, place.region) == ("Tet", "Rīga")
    bad = manager.post(f"/shops/{place.pk}/", {"mon": "from nine"})
    assert bad.status_code == 422
    assert "Tet" in manager.get("/shops/").content.decode()
    assert world.signed_in(Role.READER).get(f"/shops/{place.pk}/").status_code == 403


def test_an_incident_of_a_shop_or_an_area_is_shown_everywhere_with_its_effects() -> None:
    till = world.till()
    common = {"code": "site.offline", "subject_kind": "terminal", "severity": "error", "rule": "site"}
    times = {"since": world.NOW, "opened_at": world.NOW, "last_seen_at": world.NOW}
    area = Incident.objects.create(area="provider:Tet", **common, **times)
    shop = Incident.objects.create(
        site=till.site, cause=area, suppressed_since=world.NOW, suppressed_why="cause", **common, **times
    )
    quiet = {"cause": shop, "suppressed_since": world.NOW, "suppressed_why": "cause"}
    silent = world.incident(till, "agent.silent", subject_kind="terminal", subject_id="", **quiet)
    for row in (area, shop):
        Transition.objects.create(
            incident=row, kind="opened", at=world.NOW, recorded_at=world.NOW, to_state="new"
        )
    client = world.signed_in(Role.TECHNICIAN)
    for address in ("/", "/incidents/?show=all", f"/terminals/{till.pk}/", "/api/v1/incidents"):
        assert client.get(address).status_code == 200, address
    page = client.get(f"/incidents/{area.pk}/").content.decode()
    assert "shops on the line of Tet" in page
    assert f'data-effect="{shop.pk}"' in page
    page = client.get(f"/incidents/{shop.pk}/").content.decode()
    assert f"/incidents/{area.pk}/" in page
    assert 'data-suppressed="cause"' in page
    assert f'data-effect="{silent.pk}"' in page
    found = client.get(f"/api/v1/incidents/{area.pk}").json()
    assert (found["terminal"], found["site"], found["area"]) == (None, None, "provider:Tet")
    found = client.get(f"/api/v1/incidents/{silent.pk}").json()
    assert (found["cause"], found["suppressed"]) == (shop.pk, "cause")

"""The pages of the service desk: for whom they open, what a person does on them, and that they say why not."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from collector.backups.models import Drill, Snapshot
from collector.core.models import User
from collector.incidents.models import Incident
from collector.inventory.holding_models import Holding
from collector.inventory.models import Terminal
from collector.service.models import (
    Absence,
    Candidate,
    CertifiedVersion,
    Change,
    Escalation,
    Freeze,
    Member,
    Override,
    Problem,
    QueueRule,
    Rota,
    Rung,
    Swap,
    Visit,
    Worker,
)
from collector.web.reading.evidence import proofs
from tests.collector.service import office
from tests.collector.web import world
from tests.collector.web.test_pages import inline_of

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
PNG = b"\x89PNG\r\n\x1a\n" + b"drawn"
PAGES = {
    "/desk/": "reader",
    "/desk/rules/": "manager",
    "/on-call/": "reader",
    "/visits/?who=all": "reader",
    "/visits/{visit}/": "reader",
    "/changes/": "reader",
    "/changes/?show=all&q=versija": "reader",
    "/changes/calendar/": "reader",
    "/changes/certified/": "reader",
    "/changes/new": "technician",
    "/changes/{change}/": "reader",
    "/problems/": "reader",
    "/problems/{problem}/": "reader",
}
RANK = {"reader": 0, "technician": 1, "manager": 2}


def address(page: str) -> str:
    """With one of everything in the world."""
    till = office.till()
    worker = office.person(skills=("printer",), town="Rīga")
    now = world.NOW
    office.rota(worker, office.person())
    incident = office.incident(till, queue="technical", opened_at=now)
    visit = Visit.objects.create(site=till.site, incident=incident, technician=worker, purpose="galva",
                                 starts_at=now, ends_at=now + HOUR, created_at=now, state="on_site")  # fmt: skip
    change = Change.objects.create(kind="normal", category="version_rollout", title="Jaunā versija", requester=worker,
                                   created_at=now, product="Kase", version="7.2", touches_programme=True, outage=True,
                                   starts_at=now + HOUR, ends_at=now + 3 * HOUR, state="planned", risk="medium",
                                   risk_score=40, risk_why=[["history", 10, 20]])  # fmt: skip
    change.terminals.add(till)
    change.tasks.create(kind="seals", terminal=till, due_at=now + HOUR, legal_basis="why")
    Freeze.objects.create(name="Svētki", starts_at=now, ends_at=now + 30 * HOUR)
    CertifiedVersion.objects.create(product="Kase", version="7.1", at=now)
    Candidate.objects.create(key="k", code="printer.cutter_error", model="FP-700", count=3, devices=3, sites=2,
                             first_at=now, last_at=now, proposed_at=now)  # fmt: skip
    problem = Problem.objects.create(title="Griezējs", code="printer.cutter_error", created_at=now)
    problem.incidents.add(incident)
    return page.format(visit=visit.pk, change=change.pk, problem=problem.pk)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_for_those_who_may_see_it(page: str) -> None:
    where = address(page)
    for role, rank in RANK.items():
        status = world.signed_in(role).get(where).status_code
        assert status == (200 if rank >= RANK[PAGES[page]] else 403), role


@pytest.mark.parametrize("language", ["lv", "en", "ru"])
def test_no_page_has_inline_script_or_style(language: str) -> None:
    client = world.signed_in("manager")
    client.cookies["django_language"] = language
    first = address("{visit} {change} {problem}").split()
    ids = dict(zip(("visit", "change", "problem"), first, strict=True))
    for page in list(PAGES):
        html = client.get(page.format(**ids)).content.decode()
        assert f'<html lang="{language}"' in html
        assert inline_of(html) == [], page


def test_an_incident_is_given_to_whom_is_suggested_or_to_another_queue() -> None:
    worker = office.person(skills=("printer",))
    found = office.incident(queue="technical")
    client = world.signed_in("technician")
    html = client.get("/desk/").content.decode()
    assert f'name="person" value="{worker.pk}" data-key="a"' in html
    client.post(f"/desk/give/{found.pk}", {"queue": "helpdesk"})
    found.refresh_from_db()
    assert (found.queue, found.assignee) == ("helpdesk", None)
    client.post(f"/desk/give/{found.pk}", {"person": worker.pk, "queue": ""})
    found.refresh_from_db()
    assert (found.state, found.assignee) == ("assigned", worker)


def test_a_rule_is_tried_before_it_is_kept() -> None:
    office.incident(office.till(), opened_at=world.NOW)
    client = world.signed_in("manager")
    form = {"name": "Kass", "queue": "helpdesk", "order": "5", "codes": "printer.*", "priorities": "x"}
    assert client.post("/desk/rules/", form).status_code == 422
    form["priorities"] = ""
    html = client.post("/desk/rules/", {**form, "do": "try"}).content.decode()
    assert "Dry run" in html
    assert not QueueRule.objects.filter(name="Kass").exists()
    client.post("/desk/rules/", {**form, "do": "save"})
    assert QueueRule.objects.get(name="Kass").match == {"codes": ["printer.*"]}


def test_skills_queues_chains_and_absences_are_kept_and_taken_back() -> None:
    client, worker = world.signed_in("manager"), office.person()
    client.post(f"/desk/people/{worker.pk}", {"skills": "Printer, EDS", "town": "Cēsis", "capacity": "9",
                                              "queues": ["technical"], "leads": ["technical"]})  # fmt: skip
    kept = Worker.objects.get(user=worker)
    assert (kept.skills, kept.capacity) == (["eds", "printer"], 9)
    assert Member.objects.get(user=worker).lead
    before = Rung.objects.count()
    chain = Rung.objects.first().chain_id  # type: ignore[union-attr]
    client.post(f"/desk/chains/{chain}", {"trigger": "silence", "threshold": "20", "targets": ["lead"]})
    client.post(f"/desk/chains/{chain}", {"trigger": "moon", "threshold": "20", "targets": ["lead"]})
    assert Rung.objects.count() == before + 1
    client.post(f"/desk/chains/{chain}", {"cancel": Rung.objects.last().pk})  # type: ignore[union-attr]
    assert Rung.objects.count() == before
    client.post(
        "/desk/absence", {"person": worker.pk, "starts_at": "2026-12-01T08:00", "ends_at": "2026-12-02T08:00"}
    )
    away = Absence.objects.get()
    assert away.starts_at.isoformat() == "2026-12-01T06:00:00+00:00"
    client.post("/desk/absence", {"cancel": away.pk})
    assert not Absence.objects.exists()


def test_a_rota_is_made_swapped_and_overridden_on_its_page() -> None:
    manager = world.signed_in("manager")
    asker, asked = world.person("technician"), world.person("technician")
    form = {"name": "Naktis", "starts_on": "2026-11-23", "handover": "09:00", "turn_days": "365", "hours": "",
            "people": [str(asker.pk)], "time_zone": "Europe/Riga", "level": "1", "queue": ""}  # fmt: skip
    manager.post("/on-call/rota", {**form, "time_zone": "Europe/Atlantis"})
    assert not Rota.objects.exists()
    manager.post("/on-call/rota", form)
    row = Rota.objects.get()
    client = world.signed_in("reader")
    client.force_login(asker)
    swap = {"person": asked.pk, "starts_at": "2027-01-04T10:00", "ends_at": "2027-01-05T10:00"}
    client.post(f"/on-call/{row.pk}/swap", swap)
    client.force_login(asked)
    client.post(f"/on-call/swaps/{Swap.objects.get().pk}/accept")
    override = Override.objects.get()
    assert override.user == asked
    html = client.get("/on-call/?day=2027-01-03").content.decode()
    assert "why-swap" in html
    client.post(f"/on-call/{override.pk}/take-back")
    assert "why-swap" not in client.get("/on-call/?day=2027-01-03").content.decode()
    manager.post(f"/on-call/{row.pk}/override", {"person": "nobody", "starts_at": "2027-01-04T10:00",
                                                 "ends_at": "2027-01-05T10:00"})  # fmt: skip
    assert "GAP" in manager.get("/on-call/?day=2027-01-03").content.decode()


def on_site() -> Visit:
    worker = world.person("technician")
    till = office.till()
    return Visit.objects.create(
        site=till.site,
        technician=worker,
        purpose="galva",
        state="on_site",
        created_at=world.NOW,
        starts_at=world.NOW,
        ends_at=world.NOW + HOUR,
    )


def test_a_visit_is_proven_on_its_page() -> None:
    row = on_site()
    client = world.signed_in("technician")
    form = {"note": "jauna galva", "minutes": "30", "part_name": ["galva", ""], "part_serial": ["S1", ""],
            "part_quantity": ["2", "1"]}  # fmt: skip
    refused = client.post(f"/visits/{row.pk}/do/finish", form)
    assert refused.status_code == 422
    assert "done with proof" in refused.content.decode()
    assert "jauna galva" in refused.content.decode()
    wrong = SimpleUploadedFile("x.svg", b"<svg/>")
    assert client.post(f"/visits/{row.pk}/files", {"kind": "photo", "file": wrong}).status_code == 422
    good = SimpleUploadedFile("x.png", PNG)
    assert client.post(f"/visits/{row.pk}/files", {"kind": "photo", "file": good}).status_code == 302
    file = row.files.get()
    shown = world.signed_in("reader").get(f"/visits/{row.pk}/files/{file.pk}")
    assert (shown.content, shown.headers["Content-Type"]) == (PNG, "image/png")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    client.post(f"/visits/{row.pk}/do/finish", form)
    row.refresh_from_db()
    assert (row.state, [(one.name, one.quantity) for one in row.parts.all()]) == ("done", [("galva", 2)])
    assert client.get(f"/visits/999/files/{file.pk}").status_code == 404


def test_a_visit_is_planned_from_an_incident_and_its_clock_stands() -> None:
    found = office.incident(office.till(), queue="technical", opened_at=world.NOW)
    client, worker = world.signed_in("technician"), world.person("technician")
    html = client.get(f"/visits/?incident={found.pk}").content.decode()
    assert f'name="incident" value="{found.pk}"' in html
    start = (world.NOW + 50 * HOUR).strftime("%Y-%m-%dT%H:%M")
    end = (world.NOW + 51 * HOUR).strftime("%Y-%m-%dT%H:%M")
    form = {"site": found.site_id, "incident": found.pk, "person": worker.pk, "purpose": "galva"}
    client.post("/visits/plan", {**form, "starts_at": start, "ends_at": end})
    found.refresh_from_db()
    assert (found.state, found.assignee) == ("scheduled_visit", worker)
    row = Visit.objects.get()
    for name in ("leave", "arrive"):
        client.post(f"/visits/{row.pk}/do/{name}")
    assert Incident.objects.get(pk=found.pk).state == "in_progress"


def test_a_change_says_everything_that_is_missing_and_goes_on_when_it_is_there() -> None:
    till, client = office.till(), world.signed_in("manager")
    form = {"category": "version_rollout", "kind": "standard", "title": "Jaunā", "reason": "trīs mēneši",
            "terminals": [till.pk], "product": "Kase", "version": "7.2"}  # fmt: skip
    assert "cannot be such a change" in client.post("/changes/new", form).content.decode()
    client.post("/changes/new", {**form, "kind": "normal"})
    row = Change.objects.get()
    for name, more in (("validate", {}), ("assign", {"person": User.objects.get(role="manager").pk})):
        assert client.post(f"/changes/{row.pk}/do/{name}", more).status_code == 302
    start, end = ((world.NOW + n * HOUR).strftime("%Y-%m-%dT%H:%M") for n in (50, 52))
    plan = {"starts_at": start, "ends_at": end, "back_out": "", "test_plan": ""}
    refused = client.post(f"/changes/{row.pk}/do/plan", plan)
    assert refused.status_code == 422
    for words in ("how it is undone", "how it is seen", "not on the certified list"):
        assert words in refused.content.decode()
    client.post("/changes/certified/", {"product": "Kase", "version": "7.2"})
    client.post(f"/changes/{row.pk}/do/plan", {**plan, "back_out": "atjaunot", "test_plan": "čeks"})
    row.refresh_from_db()
    assert row.state == "planned"
    assert "asked for this change" in client.post(f"/changes/{row.pk}/do/approve").content.decode()
    world.signed_in("manager").post(f"/changes/{row.pk}/do/approve")
    html = client.get(f"/changes/{row.pk}/").content.decode()
    assert "no backup that is young enough" in html
    assert Change.objects.get(pk=row.pk).state in ("planned", "approved")


def test_freezes_and_certificates_are_for_managers() -> None:
    technician, manager = world.signed_in("technician"), world.signed_in("manager")
    freeze = {"name": "Svētki", "starts_at": "2026-12-24T00:00", "ends_at": "2026-12-27T00:00"}
    assert technician.post("/changes/freeze", freeze).status_code == 403
    assert technician.post("/changes/certified/", {"product": "Kase", "version": "1"}).status_code == 403
    assert not CertifiedVersion.objects.exists()
    manager.post("/changes/freeze", freeze)
    assert "Svētki" in manager.get("/changes/calendar/?day=2026-12-20").content.decode()
    manager.post("/changes/freeze", {"cancel": Freeze.objects.get().pk})
    assert "Svētki" not in manager.get("/changes/calendar/?day=2026-12-20").content.decode()
    for _ in range(2):
        manager.post("/changes/certified/", {"product": "Kase", "version": "1"})
    row = CertifiedVersion.objects.get()
    manager.post("/changes/certified/", {"withdraw": row.pk})
    row.refresh_from_db()
    assert row.withdrawn_on is not None


def test_a_proposal_is_accepted_described_and_known() -> None:
    candidate = Candidate.objects.create(
        key="k",
        code="printer.cutter_error",
        model="FP-700",
        count=3,
        devices=3,
        sites=2,
        first_at=world.NOW,
        last_at=world.NOW,
        proposed_at=world.NOW,
    )
    client = world.signed_in("technician")
    assert client.post(f"/problems/candidates/{candidate.pk}/dismiss", {"note": ""}).status_code == 302
    client.post(f"/problems/candidates/{candidate.pk}/accept")
    row = Problem.objects.get()
    assert client.post(f"/problems/{row.pk}/do/known").status_code == 422
    client.post(f"/problems/{row.pk}/do/write", {"root_cause": "atspere", "workaround": "pagriezt"})
    client.post(f"/problems/{row.pk}/do/known")
    assert "pagriezt" in client.get("/problems/?show=known").content.decode()
    assert world.signed_in("reader").post(f"/problems/{row.pk}/do/unknown").status_code == 403


def test_what_is_known_of_backups_is_the_worst_of_a_tills_sources() -> None:
    till: Terminal = office.till()
    at = world.NOW - 9 * HOUR

    def source(name: str, age: int, drilled: bool) -> None:
        when = world.NOW - age * HOUR
        Snapshot.objects.create(
            terminal=till,
            source=name,
            digest=name,
            engine="sqlite",
            mode="full",
            sequence=1,
            packs=1,
            agent_started_at=when,
            agent_finished_at=when,
            received_at=when,
            source_bytes=1,
            stored_bytes=1,
        )
        if drilled:
            Drill.objects.create(terminal=till, source=name, snapshot=name, ok=True, started_at=when, duration_s=1,
                                 received_at=when)  # fmt: skip

    Holding.objects.create(terminal=till, what="software", at=at, received_at=at, epoch=1, seq=1,
                           items=[["Kase POS", "7.1", "", ""], ["Other", "1", "", ""]])  # fmt: skip
    source("db", 2, True)
    one = proofs([till], "kase")[till.pk]
    assert (one.backup_at, one.version, one.proven_version) == (world.NOW - 2 * HOUR, "7.1", "7.1")
    source("files", 30, False)
    one = proofs([till], "kase")[till.pk]
    assert (one.backup_at, one.proven_at, one.proven_version) == (world.NOW - 30 * HOUR, None, "")
    assert proofs([till], "")[till.pk].version == ""
    Holding.objects.update(at=world.NOW - HOUR)
    assert proofs([till], "kase")[till.pk].proven_version == ""


def test_the_incident_shows_its_known_error_its_visits_and_what_was_escalated() -> None:
    till = office.till()
    found = office.incident(
        till, "printer.cutter_error", device=office.device(till), queue="technical", priority=2
    )
    Problem.objects.create(title="Griezējs", code="printer.cutter_error", model="FP-700", workaround="Pagriezt riteni",
                           created_at=world.NOW, known_error_since=world.NOW)  # fmt: skip
    Escalation.objects.create(incident=found, rung=Rung.objects.first(), occurrence="nobody:0", at=world.NOW)
    html = world.signed_in("technician").get(f"/incidents/{found.pk}/").content.decode()
    for words in ("Pagriezt riteni", f"/visits/?incident={found.pk}", "minutes nobody has it"):
        assert words in html
    reader = world.signed_in("reader").get(f"/incidents/{found.pk}/").content.decode()
    assert f"/visits/?incident={found.pk}" not in reader

"""The desk's pages without a browser: acts by form, files that are served harmlessly, what managers agree on."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from collector.core import calendars, clock, files
from collector.incidents import contracts, wakes
from collector.incidents.desk_models import Attachment, Contract, PriorityMatrix
from collector.incidents.models import Incident
from collector.inventory.models import Site
from collector.web import uploads
from tests.collector.web import world

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@pytest.fixture
def incident() -> Incident:
    day = clock.now().date() - timedelta(days=3)
    targets = [{"metric": "tto", "minutes": 30}, {"metric": "ttr", "minutes": 240}]
    hours = {"reaction_calendar": "always", "solution_calendar": "always"}
    contracts.make(contracts.Draft(name="Visiem", valid_from=day, targets=targets, **hours), clock.now())
    till = world.till()
    found = world.incident(till, site=till.site)
    wakes.renew_changed(clock.now())
    return found


@pytest.fixture
def client() -> Client:
    return world.signed_in("technician")


def do(client: Client, incident: Incident, name: str, **form: object) -> tuple[int, str]:
    answer = client.post(f"/incidents/{incident.pk}/{name}", form, headers=HTMX)
    return answer.status_code, answer.content.decode()


def test_the_page_shows_clocks_and_offers_what_the_state_allows(client: Client, incident: Incident) -> None:
    page = client.get(f"/incidents/{incident.pk}/").content.decode()
    assert 'data-clock="tto" data-standing="running"' in page
    assert "Wait for something" not in page, "nobody has it yet"
    status, page = do(client, incident, "start")
    assert (status, 'data-clock="tto" data-standing="stopped"' in page) == (200, True)
    assert "Wait for something" in page
    assert "Take it back" in page
    status, page = do(client, incident, "undo")
    assert 'data-state="new"' in page
    reader = world.signed_in("reader").get(f"/incidents/{incident.pk}/").content.decode()
    assert "data-clock" in reader
    assert "/start" not in reader


def test_a_wait_is_until_a_moment_on_the_clock_of_the_shop(client: Client, incident: Incident) -> None:
    do(client, incident, "start")
    local = clock.now() + timedelta(days=2)
    text = local.strftime("%Y-%m-%dT12:00")
    status, page = do(client, incident, "wait", wait="pending_legal", until_at=text, until="x", note="EDS")
    assert status == 200, page
    incident.refresh_from_db()
    assert incident.pending_until is not None
    assert incident.pending_until.hour in (9, 10), "noon in Riga"
    assert do(client, incident, "wait", wait="closed", until_at=text, note="x")[0] == 422
    assert do(client, incident, "wait", wait="pending_legal", until="", note="x")[0] == 422
    assert "Choose for whom it waits" in do(client, incident, "wait", wait="", until="", note="x")[1]


def test_what_the_customer_reads_is_marked(client: Client, incident: Incident) -> None:
    do(client, incident, "note", note="between us")
    status, page = do(client, incident, "answer", note="we come at two")
    assert status == 200
    assert list(incident.transitions.filter(public=True).values_list("note", flat=True)) == ["we come at two"]
    assert page.count("data-public") == 1


@pytest.mark.parametrize(
    ("content", "shown", "names"),
    [
        (PNG, True, ("photo.html", "photo.html")),
        (b"<script>alert(1)</script>", False, ("../../etc/pass wd<b>.png", "pass wd_b_.png")),
        (b"<svg onload=alert(1)>", False, ("a.svg", "a.svg")),
    ],
)
def test_a_file_is_served_as_what_it_is(
    client: Client, incident: Incident, content: bytes, shown: bool, names: tuple[str, str]
) -> None:
    name, saved_as = names
    status, page = do(client, incident, "attach", file=SimpleUploadedFile(name, content, "text/html"))
    assert status == 200, page
    row = Attachment.objects.get()
    assert row.name == saved_as
    answer = client.get(f"/incidents/{incident.pk}/files/{row.pk}")
    assert answer.headers["Content-Type"] == ("image/png" if shown else "application/octet-stream")
    assert answer.headers["Content-Disposition"].startswith("inline" if shown else "attachment")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert b"".join(answer.streaming_content) == content  # type: ignore[attr-defined]
    other = world.incident(world.till(), site=None)
    assert client.get(f"/incidents/{other.pk}/files/{row.pk}").status_code == 404
    do(client, incident, "strike", sort="file", number=row.pk)
    assert client.get(f"/incidents/{incident.pk}/files/{row.pk}").status_code == 404
    do(client, incident, "strike", sort="file", number=row.pk, back="1")
    assert client.get(f"/incidents/{incident.pk}/files/{row.pk}").status_code == 200


def test_files_that_are_too_large_or_empty_leave_nothing(
    client: Client, incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    before = list(files._home().rglob("attachments/**/*"))
    assert do(client, incident, "attach", file=SimpleUploadedFile("a", b"x" * 1001))[0] == 422
    assert "The file is empty" in do(client, incident, "attach", file=SimpleUploadedFile("a", b""))[1]
    assert do(client, incident, "attach")[0] == 422
    assert not Attachment.objects.exists()
    after = [path for path in files._home().rglob("attachments/**/*") if path.is_file()]
    assert [path for path in after if path not in before] == []


def test_a_form_that_brings_too_much_is_not_even_read(
    client: Client, incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 2000)
    assert do(client, incident, "attach", file=SimpleUploadedFile("a", b"x" * 3000))[0] == 400
    assert do(client, incident, "attach", file=SimpleUploadedFile("a", b"x" * 1000))[0] == 200


def test_time_and_parts_are_recorded_and_struck_out(client: Client, incident: Incident) -> None:
    do(client, incident, "time", minutes=25, note="on the phone")
    status, page = do(
        client, incident, "part", part="Printer head", quantity=1, serial_out="A1", serial_in="B2"
    )
    assert status == 200
    assert "25 minutes together" in page
    assert "A1 → B2" in page
    row = incident.timespent_rows.get()
    status, page = do(client, incident, "strike", sort="time", number=row.pk)
    assert "0 minutes together" in page
    assert do(client, incident, "time", minutes=0)[0] == 422
    assert do(client, incident, "part", part=" ")[0] == 422
    assert do(client, incident, "strike", sort="nonsense", number=1)[0] == 422


def test_an_incident_by_hand_names_itself_and_its_place(client: Client) -> None:
    till = world.till()
    form = {
        "title": "Atvilktne neveras",
        "where": f"till/{till.pk}",
        "impact": 2,
        "urgency": 1,
        "source": "phone",
    }
    answer = client.post("/incidents/new", form)
    found = Incident.objects.get()
    assert answer.headers["Location"] == f"/incidents/{found.pk}/"
    assert (found.priority, found.judged_by, found.code, found.source) == (1, "hand", "", "phone")
    for page in ("/incidents/", f"/incidents/{found.pk}/", "/"):
        assert "Atvilktne neveras" in client.get(page).content.decode(), page
    client.post("/incidents/new", form)
    assert Incident.objects.count() == 2, "two matters at one till"
    known = {**form, "code": "drawer.stuck"}
    client.post("/incidents/new", known)
    twice = client.post("/incidents/new", known)
    assert (twice.status_code, Incident.objects.count()) == (422, 3)
    shop = client.post("/incidents/new", {**form, "where": f"site/{till.site_id}"})
    assert shop.status_code == 302
    for wrong in ({"title": " "}, {"where": ""}, {"where": "till/none"}, {"impact": 9}, {"code": "x"}):
        assert client.post("/incidents/new", {**form, **wrong}).status_code == 422, wrong
    assert world.signed_in("reader").get("/incidents/new").status_code == 403


def test_the_queue_is_sorted_by_time_left_and_filtered(client: Client, incident: Incident) -> None:
    till = world.till(Site.objects.get(pk=incident.site_id), "Kase 2")
    late = world.incident(till, site=till.site, opened_at=world.NOW - timedelta(hours=5))
    late.transitions.update(at=world.NOW - timedelta(hours=5), recorded_at=world.NOW - timedelta(hours=5))
    silent = world.incident(
        till, "printer.cover_open", site=till.site, suppressed_since=world.NOW, cause=incident
    )
    wakes.renew_changed(clock.now())

    def rows(address: str) -> list[int]:
        html = client.get(address).content.decode()
        return [int(part.split('"')[0]) for part in html.split('<tr data-row="')[1:]]

    assert rows("/incidents/") == [late.pk, incident.pk]
    assert rows("/incidents/?late=1") == [late.pk]
    assert rows("/incidents/?priority=1") == []
    assert rows("/incidents/?show=waiting") == []
    assert silent.pk in rows("/incidents/?silent=1")
    assert "▸1" in client.get("/incidents/").content.decode()


def test_managers_write_contracts_and_readers_look(client: Client) -> None:
    manager = world.signed_in("manager")
    form = {"name": "Nakts", "valid_from": "2026-01-01", "ttr-": "1:30", "ttr-1": "0,5", "solution": "always"}
    form |= {"reaction": "", "reopen_days": "5", "close_days": "5"}
    assert manager.post("/contracts/new", form).headers["Location"] == "/contracts/nakts/"
    made = Contract.objects.get()
    assert made.targets == [
        {"metric": "ttr", "minutes": 90, "priority": None, "kind": "", "queue": ""},
        {"metric": "ttr", "minutes": 30, "priority": 1, "kind": "", "queue": ""},
    ]
    assert (made.reaction_calendar, made.device_facts) == (None, False)
    for wrong in ({"ttr-": "x"}, {"ttr-": "", "ttr-1": ""}, {"valid_from": "x"}, {"close_days": "0"}):
        assert manager.post("/contracts/nakts/", {**form, **wrong}).status_code == 422, wrong
    manager.post("/contracts/nakts/", {**form, "ttr-1": ""})
    assert list(Contract.objects.values_list("number", flat=True)) == [2, 1]
    assert client.get("/contracts/nakts/").status_code == 200
    assert client.post("/contracts/nakts/", form).status_code == 404
    assert client.get("/contracts/new").status_code == 403
    assert client.get("/contracts/none/").status_code == 404


def test_managers_write_calendars_and_priorities(client: Client) -> None:
    manager = world.signed_in("manager")
    form = {
        "name": "Maiņa",
        "time_zone": "Europe/Riga",
        "mon": "09:00-13:00, 14:00-02:00",
        "own": "2026-12-30 Inventūra",
    }
    key = manager.post("/calendars/new", form).headers["Location"].split("/")[2]
    row = calendars.newest(key)
    assert row.hours == {"mon": [["09:00", "13:00"], ["14:00", "02:00"]]}
    assert row.days["2026-12-30"]["lv"] == "Inventūra"
    for wrong in ({"mon": "9"}, {"mon": "09:00-25:00"}, {"own": "tomorrow"}, {"mon": ""}, {"time_zone": "x"}):
        assert manager.post(f"/calendars/{key}/", {**form, **wrong}).status_code == 422, wrong
    cells = {f"cell-{impact}-{urgency}": 4 for impact in (1, 2, 3) for urgency in (1, 2, 3, 4)}
    assert manager.post("/priorities/", cells).status_code == 422
    assert manager.post("/priorities/", {**cells, "why": "a test"}).status_code == 302
    assert PriorityMatrix.objects.get().rows == [[4, 4, 4, 4]] * 3
    assert client.post("/priorities/", {**cells, "why": "x"}).status_code == 404
    for page in ("/contracts/", "/calendars/", f"/calendars/{key}/", "/calendars/legal/", "/priorities/"):
        assert client.get(page).status_code == 200, page

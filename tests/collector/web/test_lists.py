"""Search, sort, paging, and the number of queries: the same for three rows and for thirty."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from collector.web.reading.fold import MARKED, PLAIN, fold
from collector.web.reading.places import SORTS, DeviceFilter, wanted_devices
from tests.collector.web import world

pytestmark = pytest.mark.django_db

LISTS = [
    "/",
    "/incidents/",
    "/devices/",
    "/backups/",
    "/backups/law/",
    "/people/",
    "/enrol/",
    "/api/v1/incidents?limit=500",
    "/api/v1/devices?limit=500",
    "/api/v1/terminals?limit=500",
    "/api/v1/sites?limit=500",
    "/api/v1/customers?limit=500",
    "/api/v1/backups/runs?limit=500",
    "/api/v1/backups/drills?limit=500",
    "/api/v1/backups/snapshots?limit=500",
    "/api/v1/backups/proofs",
    "/api/v1/people?limit=500",
]


def grow(count: int) -> None:
    for number in range(count):
        till = world.till(world.site(f"Shop {number}", customer=f"Customer {number}"))
        device = world.device(till)
        world.incident(till, device=device, assignee=world.person("technician"))
        world.backup(till)


def queries(client: Client, page: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(page).status_code == 200
    return len(seen)


@pytest.mark.parametrize("page", LISTS)
def test_a_list_asks_the_same_number_of_questions_however_long_it_is(page: str) -> None:
    client = world.signed_in("manager")
    grow(3)
    few = queries(client, page)
    grow(12)
    assert queries(client, page) == few
    assert few <= 20


def test_one_incident_and_one_till_stay_bounded() -> None:
    terminal = world.whole_world()
    client = world.signed_in("manager")
    assert queries(client, f"/terminals/{terminal.pk}/") <= 26
    before = queries(client, f"/api/v1/terminals/{terminal.pk}/events")
    for _ in range(20):
        world.incident(terminal, f"printer.{_}", state="closed")
    assert queries(client, f"/api/v1/terminals/{terminal.pk}/events") == before


def names(search: str = "", **more: object) -> list[str]:
    wanted = DeviceFilter(search=search, **more)  # type: ignore[arg-type]
    return [device.terminal.site.name for device in wanted_devices(wanted)]


@pytest.mark.parametrize(
    "search", ["agenskalns", "ĀGENSKALNS", "Āgens", "zala riga", "tm-t20iii", "EPSON zaļā", "x777", "kase 1"]
)
def test_search_needs_no_diacritics_and_no_capitals(search: str) -> None:
    device = world.device(world.till(world.site("Zaļā karote Āgenskalns", "Rīga")))
    device.identity["serial"] = "X777"
    device.save()
    world.device(
        world.till(world.site("Bāka", "Liepāja", "SIA Jūra"), "Kase 9"), identity={"maker": "Datecs"}
    )
    assert names(search) == ["Zaļā karote Āgenskalns"]


def test_percent_and_underscore_are_letters_like_others() -> None:
    world.device(world.till(world.site("100% kafija")))
    world.device(world.till(world.site("Bez procentiem")))
    assert names("0% k") == ["100% kafija"]
    assert names("_") == []


def test_database_and_python_fold_alike() -> None:
    world.device(world.till(world.site(MARKED + MARKED.upper())))
    assert len(MARKED) == len(PLAIN)
    assert fold(MARKED + MARKED.upper()) == PLAIN * 2
    assert len(names(PLAIN)) == 1


def test_incidents_are_found_by_fault_title_in_any_language() -> None:
    world.incident(world.till())
    client = world.signed_in("reader")
    for words in ("papirs", "out of paper", "бумага", "centrs", "paper_end"):
        assert client.get("/api/v1/incidents", {"q": words}).json()["count"] == 1, words
    assert client.get("/api/v1/incidents", {"q": "drawer"}).json()["count"] == 0


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_turns_around(sort: str) -> None:
    for name in ("B", "A", "Č", "C"):
        till = world.till(world.site(name), f"Kase {name}", last_seen_at=world.NOW)
        device = world.device(till, f"printer-{name}", identity={"model": f"M{name}"})
        if name == "Č":
            world.incident(till, device=device, subject_id=device.name)
    up = [d.pk for d in wanted_devices(DeviceFilter(sort=sort))]
    down = [d.pk for d in wanted_devices(DeviceFilter(sort=sort, down=True))]
    assert len(up) == 4
    assert up == down[::-1] or sort in ("contact", "good")
    if sort == "site":
        assert names(sort=sort) in (["A", "B", "C", "Č"], ["A", "B", "Č", "C"])


def test_pages_follow_one_another() -> None:
    till = world.till()
    for number in range(60):
        world.device(till, f"printer-{number:02}")
    client = world.signed_in("reader")
    first, second = (client.get(f"/devices/?sort=device&page={n}").content.decode() for n in (1, 2))
    assert "1–50 of 60" in first
    assert "51–60 of 60" in second
    assert "printer-49" in first
    assert "printer-50" in second
    assert "printer-50" not in first

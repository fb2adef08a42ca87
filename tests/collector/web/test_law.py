"""The board of what the law asks of each till's backups."""

import re
from datetime import timedelta

import pytest

from collector.backups.models import Snapshot
from collector.inventory import holdings
from collector.inventory.models import Terminal
from protocols.regime.told import Z_REPORTS, written
from protocols.wire import v1
from tests.collector.web import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def z_report(till: Terminal, age: timedelta) -> None:
    subject = v1.Subject(kind=v1.SubjectKind.TERMINAL)
    detail = written([world.NOW - age], 7)
    holdings.record(
        till.pk, 1, v1.Fact(seq=1, at=world.NOW, subject=subject, name=Z_REPORTS, detail=detail), world.NOW
    )


def stored(till: Terminal, age: timedelta) -> None:
    at = world.NOW - age
    Snapshot.objects.create(
        terminal=till, source="pos", digest=f"{till.pk:>064}", engine="sqlite", mode="wal", sequence=1,
        agent_started_at=at, agent_finished_at=at, received_at=at, source_bytes=1, stored_bytes=1, packs=1,
    )  # fmt: skip


def rows(page: str) -> dict[str, list[str]]:
    """Till -> what is owed of each class."""
    found = re.findall(r'<tr data-row="([^"]+)">(.*?)</tr>', page, re.DOTALL)
    return {pk: re.findall(r'data-owed="(\w+)"', row) for pk, row in found}


def test_the_board_shows_late_tills_first_and_what_is_not_known() -> None:
    place = world.site()
    good, late, silent = (world.till(place, name=f"Kase {number}") for number in (1, 2, 3))
    for till, age in ((good, HOUR), (late, 30 * HOUR), (silent, HOUR)):
        stored(till, age)
    z_report(good, 2 * HOUR)
    z_report(late, 26 * HOUR)
    client = world.signed_in("reader")
    page = client.get("/backups/law/").content.decode()
    assert list(rows(page)) == [late.pk, good.pk, silent.pk]
    assert rows(page)[late.pk][0] == "overdue"
    assert rows(page)[good.pk][0] == "nothing"
    assert rows(page)[silent.pk] == ["unknown", "unknown", "a_set"]
    assert "No device of this till tells of Z reports" in page
    assert list(rows(client.get("/backups/law/?show=late").content.decode())) == [late.pk]


def test_the_rules_stand_below_with_their_basis_and_an_unnamed_place_is_said() -> None:
    page = world.signed_in("manager", language="lv").get("/backups/law/").content.decode()
    assert "24 stundās" in page
    assert "Nr. 95" in page
    assert "uvs.lv" in page
    assert "3 gadi" in page
    assert "storage_country" not in page
    assert "collector.toml" in page
    assert page.count("tone-attention") == 3, "nobody has named where the storage lies"


def test_nothing_late_is_said_kindly() -> None:
    assert "Nothing is late" in world.signed_in("reader").get("/backups/law/?show=late").content.decode()


def test_only_people_who_signed_in_see_it() -> None:
    from django.test import Client  # noqa: PLC0415 - for one test

    assert Client().get("/backups/law/").status_code == 302

"""A proof on the board, on the till's page and in the portal: how old, by whom, and in words that are true."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.backups import drilling_key
from collector.backups.models import Drill, Run, Snapshot, Trial
from collector.inventory.models import Terminal
from tests.collector.web import world
from tests.collector.web.test_portal_pages import anna, signed_in

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def key(tmp_path: Path, settings: Any) -> str:
    """The id of the collector's verify key."""
    settings.CONFIG = settings.CONFIG.model_copy(update={"home": tmp_path})
    return drilling_key.make().id


def stored(till: Terminal, *keys: str) -> None:
    Run.objects.create(
        terminal=till,
        source="pos",
        engine="sqlite",
        ok=True,
        started_at=world.NOW,
        received_at=world.NOW,
        duration_s=4,
    )
    Snapshot.objects.create(
        terminal=till, source="pos", digest="a" * 64, engine="sqlite", mode="wal", sequence=1,
        agent_started_at=world.NOW, agent_finished_at=world.NOW, received_at=world.NOW, source_bytes=1, stored_bytes=1,
        packs=1, key_ids=" ".join(keys),
    )  # fmt: skip


def drilled(till: Terminal, *, days: float = 3, ok: bool = True, place: str = "collector") -> None:
    at = world.NOW - days * DAY
    Drill.objects.create(
        terminal=till, source="pos", ok=ok, started_at=at, received_at=at, duration_s=41.3, place=place,
        error="" if ok else "backup.integrity: pack 84886c8f3996 is damaged", evidence={"compared": 27} if ok else {},
    )  # fmt: skip


def board(till: Terminal) -> tuple[str, str]:
    client = world.signed_in("technician")
    return client.get("/backups/").content.decode(), client.get(f"/terminals/{till.pk}/").content.decode()


def portal(till: Terminal, language: str = "en") -> tuple[str, str]:
    client = signed_in(anna(till), language)
    client.cookies["django_language"] = language
    pages = (client.get("/portal/backups/"), client.get(f"/portal/tills/{till.pk}/"))
    return pages[0].content.decode(), pages[1].content.decode()


def test_a_proof_of_this_collector_is_shown_with_age_duration_and_facts(key: str) -> None:
    till = world.till()
    stored(till, "feed", key)
    drilled(till)
    for page in board(till):
        assert "restored here" in page
        assert "Age of the proof: 3 d 0 h" in page
        assert "27 facts equal" in page
        assert "41" in page
        assert "data-waits" not in page


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Restored as a trial 3 days ago in 41 s: all 27 counted figures were as in the till."),
        (
            "lv",
            "Pārbaudei atjaunota pirms 3 dienām, tas ilga 41 s: visi saskaitītie rādītāji (27) bija tādi paši",
        ),
        ("ru", "Восстановлена для пробы 3 дня назад за 41 с: все подсчитанные показатели (27) были те же"),
    ],
)
def test_the_customer_reads_one_sentence(key: str, language: str, words: str) -> None:
    till = world.till()
    stored(till, key)
    drilled(till)
    for page in portal(till, language):
        assert words in page


def test_a_failed_drill_is_told_to_both_and_only_the_desk_gets_its_details(key: str) -> None:
    till = world.till()
    stored(till, key)
    drilled(till)
    drilled(till, days=1, ok=False)
    for page in board(till):
        assert "84886c8f3996" in page
        assert 'data-verdict="restore_failed"' in page or "The last restore drill failed" in page
    for page in portal(till):
        assert "The last trial restore failed. We know of it and work on it." in page
        assert "84886c8f3996" not in page


def test_a_copy_that_nobody_restored_does_not_count_as_proved(key: str) -> None:
    till = world.till()
    stored(till, key)
    board_page, till_page = board(till)
    assert 'data-verdict="unproved"' in board_page
    assert 'data-waits="soon"' in board_page
    assert 'data-waits="soon"' in till_page
    for page in portal(till):
        assert "none counts as proved" in page


def test_an_old_proof_does_not_count_either(key: str) -> None:
    till = world.till()
    stored(till, key)
    drilled(till, days=9)
    assert 'data-verdict="unproved"' in board(till)[0]


def test_where_the_till_did_not_lock_it_for_this_key_the_board_says_so(key: str) -> None:
    till = world.till()
    stored(till, "feed")
    drilled(till, days=9, place="till")
    page = board(till)[0]
    assert 'data-waits="at_till"' in page
    assert "drills are made at the till" in page
    assert "restored at the till" in page


def test_where_no_key_is_here_every_drill_is_made_at_the_till(tmp_path: Path, settings: Any) -> None:
    settings.CONFIG = settings.CONFIG.model_copy(update={"home": tmp_path})
    till = world.till()
    stored(till, "feed")
    assert 'data-waits="at_till"' in board(till)[0]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("backup.no_checker", "No database server of that kind is installed here"),
        ("drill.something_new", "The last drill here proved nothing either way"),
    ],
)
def test_a_try_that_proved_nothing_says_why(key: str, code: str, words: str) -> None:
    till = world.till()
    stored(till, key)
    Trial.objects.create(
        terminal=till, source="pos", snapshot="a" * 64, started_at=world.NOW, ended_at=world.NOW, node="n",
        outcome="unproven", code=code, reason="x",
    )  # fmt: skip
    for page in board(till):
        assert words in page
        assert f'data-waits="{code}"' in page


def test_a_drill_of_this_collector_stands_in_the_timeline_once(key: str) -> None:
    till = world.till()
    stored(till, key)
    drilled(till)
    page = world.signed_in("technician").get(f"/terminals/{till.pk}/?kinds=backups").content.decode()
    assert page.count("Backup restored and compared") == 1


def test_the_api_tells_a_proof_with_its_evidence(key: str) -> None:
    till = world.till()
    stored(till, key)
    drilled(till)
    client = world.signed_in("reader")
    (proof,) = client.get("/api/v1/backups/proofs").json()["items"]
    assert (proof["verdict"], proof["drill_place"], proof["compared"], proof["waits"]) == (
        "proved",
        "collector",
        27,
        "",
    )
    (drill,) = client.get("/api/v1/backups/drills").json()["items"]
    assert (drill["place"], drill["evidence"]) == ("collector", {"compared": 27})

"""The dossier of one till's backups, as a page and as a document."""

from datetime import timedelta

import pytest
from django.test import Client

from collector.backups import holds, reads
from collector.backups.models import Drill
from collector.core import clock
from collector.inventory.models import Terminal
from tests.collector.web import world
from tests.collector.web.test_restore import a_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def till() -> Terminal:
    return world.till()


def page(client: Client, till: Terminal) -> str:
    answer = client.get(f"/terminals/{till.pk}/dossier/")
    assert answer.status_code == 200
    return answer.content.decode()


def told(till: Terminal) -> None:
    """One set, one proof of it, one that failed, a hold, and somebody who took the set away."""
    one, now = a_set(till), clock.now()
    drill = {"terminal": till, "source": "pos", "duration_s": 12.5, "received_at": now, "place": "collector"}
    Drill.objects.create(
        **drill,
        snapshot=one.digest,
        ok=True,
        started_at=now,
        facts={"rows receipt": 7},
        evidence={"compared": 41},
    )
    Drill.objects.create(
        **drill, ok=False, started_at=now - timedelta(days=7), error="page 3 is not what it was"
    )
    holds.hold(till, "pos", why=holds.LEGAL, reason="letter 12 of the authority", by="anna", now=now)
    reads.note(till.pk, reads.Reader("download", person="janis"), one.digest, 4096, now)


def test_it_says_what_is_kept_proven_held_and_read(till: Terminal) -> None:
    told(till)
    digest = till.snapshots.get().digest
    shown = page(world.signed_in("reader"), till)
    for words in (
        digest,
        "41 facts equal",
        "page 3 is not what it was",
        "letter 12 of the authority",
        "janis",
    ):
        assert words in shown


def test_the_document_holds_the_same_for_machines(till: Terminal) -> None:
    told(till)
    one = till.snapshots.get()
    answer = world.signed_in("reader").get(f"/terminals/{till.pk}/dossier.json")
    found = answer.json()
    assert answer["Content-Disposition"] == f'attachment; filename="backups-{till.pk}.json"'
    assert (found["till"]["id"], found["till"]["public_key"]) == (till.pk, till.public_key)
    [kept] = found["sets"]
    assert (kept["digest"], kept["previous"], kept["sequence"]) == (one.digest, one.previous, one.sequence)
    good, bad = sorted(found["drills"], key=lambda drill: not drill["ok"])
    assert (good["snapshot"], good["evidence"]["compared"], bad["error"][:6]) == (one.digest, 41, "page 3")
    assert [step["what"] for step in found["holds"][0]["steps"]] == ["begun"]
    assert (found["readings"][0]["person"], found["readings_count"]) == ("janis", 1)


def test_a_till_without_backups_has_one_too(till: Terminal) -> None:
    shown = page(world.signed_in("reader"), till)
    assert "No backup has come yet" in shown
    assert world.signed_in("reader").get("/terminals/none/dossier/").status_code == 404


def test_nobody_sees_it_who_is_not_signed_in(till: Terminal) -> None:
    for path in ("dossier/", "dossier.json"):
        assert Client().get(f"/terminals/{till.pk}/{path}").status_code == 302


@pytest.mark.parametrize(
    ("language", "word"), [("lv", "Rezerves kopiju lieta"), ("ru", "Досье резервных копий")]
)
def test_it_speaks(till: Terminal, language: str, word: str) -> None:
    told(till)
    client = world.signed_in("reader")
    answer = client.get(f"/terminals/{till.pk}/dossier/", headers={"accept-language": language})
    assert word in answer.content.decode()

"""The way back on the pages: from a till to its set, to a place, to the job that operators sign; and who read what."""

import io
import secrets
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from collector.backups import catalogue, reads
from collector.backups.models import Drill, Reading, Snapshot
from collector.backups.reads import Reader
from collector.backups.store import Store
from collector.core import clock
from collector.inventory.models import Terminal
from tests.agent.backup.till import SECRET, content
from tests.agent.backup.till import Till as Workplace
from tests.collector.web import world

pytestmark = pytest.mark.django_db


def a_set(till: Terminal, engine: str = "sqlite", source: str = "pos", **more: object) -> Snapshot:
    now = clock.now()
    told = {
        "terminal": till, "source": source, "digest": secrets.token_hex(32), "engine": engine, "mode": "wal",
        "sequence": 1, "agent_started_at": now, "agent_finished_at": now, "received_at": now,
        "source_bytes": 4_000_000, "stored_bytes": 90_000, "packs": 1,
    }  # fmt: skip
    return Snapshot.objects.create(**(told | more))


def page(client: Client, **given: str) -> str:
    answer = client.get("/backups/restore/", given)
    assert answer.status_code == 200
    return answer.content.decode()


def test_step_by_step_to_the_job_that_is_filled_in() -> None:
    till, client = world.till(), world.signed_in("technician")
    spare = world.till(till.site, "Kase 2")
    old, new = a_set(till, received_at=clock.now() - timedelta(days=1)), a_set(till)
    Drill.objects.create(
        terminal=till, source="pos", ok=True, snapshot=new.digest, started_at=clock.now(), duration_s=1,
        received_at=clock.now(),
    )  # fmt: skip
    first = page(client)
    assert "Kase 1" in first
    assert 'data-step="set"' not in first
    sets = page(client, till=till.pk)
    assert sets.index(new.digest) < sets.index(old.digest)
    assert sets.count("was restored") == 1
    where = page(client, till=till.pk, set=new.digest)
    assert 'value="over"' in where
    assert "Kase 2" in where
    over = page(client, till=till.pk, source="pos", set=new.digest, where="over")
    assert (
        f"/terminals/{till.pk}/jobs/?type=restore_over&amp;backup=pos&amp;of=&amp;snapshot={new.digest}"
        in over
    )
    elsewhere = page(client, till=till.pk, source="pos", set=new.digest, where="over", target=spare.pk)
    link = f"/terminals/{spare.pk}/jobs/?type=restore_over&amp;backup=pos&amp;of={till.pk}&amp;snapshot={new.digest}"
    assert link in elsewhere
    form = client.get(link.replace("&amp;", "&")).content.decode()
    assert 'value="restore_over" data-signatures="2"' in form
    assert form.count(" selected") >= 1
    assert f'data-parameter="snapshot" value="{new.digest}"' in form
    assert f'data-parameter="of" value="{till.pk}"' in form


def test_a_database_of_a_server_is_not_offered_over_the_live_one() -> None:
    till, client = world.till(), world.signed_in("technician")
    found = a_set(till, "postgresql")
    shown = page(client, till=till.pk, set=found.digest)
    assert 'value="over"' not in shown
    assert "give it to the server by hand" in shown


def test_nonsense_in_the_address_is_not_chosen() -> None:
    till, client = world.till(), world.signed_in("reader")
    gone = a_set(till, removed_at=clock.now())
    assert "No set lies at this collector yet" in page(client)
    a_set(world.till(till.site, "Kase 2"))
    assert "No set of this till lies here" in page(client, till=till.pk)
    a_set(till)
    shown = page(client, till=till.pk, source="other", set=gone.digest, where="over", target="nobody")
    assert 'data-step="where"' not in shown
    assert page(client, till="nobody")


def test_the_page_asks_as_often_however_many_sets_there_are() -> None:
    till, client = world.till(), world.signed_in("reader")

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            page(client, till=till.pk)
        return len(seen)

    a_set(till), a_set(till)
    few = asked()
    for _ in range(10):
        a_set(till)
    assert asked() == few


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Terminal, Workplace, Snapshot]:
    """A true set in a storage folder."""
    till = world.till()
    work = Workplace(tmp_path / "work", terminal=till.pk)
    work.root.mkdir()
    work.make_database()
    done = work.backup()
    place = Store(tmp_path / "storage")
    monkeypatch.setattr("collector.backups.keeping.store", lambda: place)
    monkeypatch.setattr(catalogue, "store", lambda: place)
    (tmp_path / "storage").mkdir()
    (tmp_path / "work" / "repository").rename(tmp_path / "storage" / till.pk)
    return till, work, a_set(till, digest=done.snapshot)


def fetched(client: Client, path: str) -> tuple[dict[str, str], bytes]:
    async def ask() -> tuple[dict[str, str], bytes]:
        asker = AsyncClient()
        asker.cookies = client.cookies
        answer = await asker.get(path)
        assert answer.status_code == 200
        return dict(answer.headers), b"".join([piece async for piece in answer.streaming_content])  # type: ignore[union-attr]

    return async_to_sync(ask)()


@pytest.mark.django_db(transaction=True)
def test_a_set_that_was_taken_away_opens_with_the_key_alone(
    stored: tuple[Terminal, Workplace, Snapshot], tmp_path: Path
) -> None:
    till, work, found = stored
    headers, body = fetched(world.signed_in("technician"), f"/backups/{till.pk}/{found.digest}.tar")
    assert headers["Content-Type"] == "application/x-tar"
    assert headers["Content-Disposition"].endswith(f'-{found.digest[:8]}.tar"')
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        objects = archive.getnames()
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Debian 12's Python knows none
        archive.extractall(tmp_path / "work" / "repository", **safe)
    restored = work.restore(tmp_path / "back.db", secret=SECRET)
    assert content(restored.path) == content(work.database)
    [noted] = Reading.objects.all()
    assert (noted.way, noted.snapshot) == ("download", found.digest)
    assert noted.person.startswith("technician")
    assert noted.objects_read == len(objects)
    assert "took the locked set away" in world.signed_in("reader").get("/backups/readings/").content.decode()


def test_readers_take_nothing_away(stored: tuple[Terminal, Workplace, Snapshot]) -> None:
    till, _work, found = stored
    assert world.signed_in("reader").get(f"/backups/{till.pk}/{found.digest}.tar").status_code == 403
    assert world.signed_in("technician").get(f"/backups/{till.pk}/{'0' * 64}.tar").status_code == 404
    assert not Reading.objects.exists()


def test_a_set_whose_objects_are_gone_is_not_found(stored: tuple[Terminal, Workplace, Snapshot]) -> None:
    till = stored[0]
    lost = a_set(till)
    assert world.signed_in("technician").get(f"/backups/{till.pk}/{lost.digest}.tar").status_code == 404


def test_the_log_adds_up_a_day_and_names_who_it_was() -> None:
    till = world.till()
    spare = world.till(till.site, "Kase 2")
    now = clock.now()
    for _ in range(3):
        reads.note(till.pk, Reader("lent", reader=spare.pk, job="j-1"), "a" * 64, 1_000_000, now)
    reads.note(till.pk, Reader("own", reader=till.pk), "", 5, now - timedelta(days=1))
    [lent, own] = Reading.objects.all()
    assert (lent.objects_read, lent.bytes_read, own.objects_read) == (3, 3_000_000, 1)
    client = world.signed_in("reader")
    shown = client.get("/backups/readings/").content.decode()
    assert shown.index('data-way="lent"') < shown.index('data-way="own"')
    assert f"/terminals/{spare.pk}/jobs/#job-j-1" in shown
    only = client.get("/backups/readings/", {"till": spare.pk}).content.decode()
    assert "Nobody has read any backup" in only

"""How far a backup is, on the till's page, by the till's last word."""

from datetime import timedelta

import pytest

from collector.backups import under_way
from collector.core import clock
from collector.ingest import store
from collector.ingest.parsing import parse
from protocols.wire import v1
from tests.collector.web import world

pytestmark = pytest.mark.django_db


def told(terminal: str, *running: v1.UnderWay, traffic: v1.BackupTraffic | None = None) -> v1.Report:
    return v1.Report(
        terminal=terminal,
        epoch=1,
        sent_at=clock.now(),
        messages=(),
        under_way=running,
        backup_traffic=traffic,
    )


def going(done: int = 250_000_000) -> v1.UnderWay:
    now = clock.now()
    return v1.UnderWay(
        source="pos", stage="store", done=done, total=1_000_000_000, bytes_s=5e6, left_s=150.0, at=now
    )


def test_speed_bytes_and_time_left_stand_on_the_page_until_it_ends() -> None:
    till, client = world.till(), world.signed_in("technician")
    traffic = v1.BackupTraffic(month="2026-11", used=3_000_000, limit=2_000_000_000)
    under_way.record(told(till.pk, going(), traffic=traffic), clock.now())
    page = client.get(f"/terminals/{till.pk}/").content.decode()
    assert 'data-under-way="pos" data-stale="no"' in page
    assert 'value="25"' in page
    assert "2 min left" in page
    assert 'data-traffic="2026-11"' in page
    under_way.record(told(till.pk), clock.now())
    page = client.get(f"/terminals/{till.pk}/").content.decode()
    assert "data-under-way" not in page
    assert "data-traffic" in page


def test_a_till_that_stopped_telling_is_not_believed_for_ever() -> None:
    till, client = world.till(), world.signed_in("technician")
    under_way.record(told(till.pk, going()), clock.now() - 2 * under_way.STALE)
    page = client.get(f"/terminals/{till.pk}/").content.decode()
    assert 'data-stale="yes"' in page
    assert "left" not in page.split("data-under-way")[1].split("</section>")[0]
    under_way.record(told(till.pk, going()), clock.now() - under_way.FORGOTTEN - timedelta(minutes=1))
    assert "data-under-way" not in client.get(f"/terminals/{till.pk}/").content.decode()


def test_it_comes_with_a_report_and_a_run_that_ended_takes_it_away() -> None:
    till = world.till()
    for report in (told(till.pk, going()), told(till.pk, going(500_000_000))):
        parsed = parse(report.model_dump_json().encode(), till.pk)
        now = clock.now()
        streams = store.lock_streams([parsed.report], now)
        store.store(parsed, now, streams, store.batch_of([parsed.report]))
    (one,) = under_way.of([till.pk], clock.now()).values()
    assert one.percent == 50
    now = clock.now()
    end = v1.Backup(seq=1, at=now, source="pos", engine="sqlite", ok=True, started_at=now, duration_s=1)
    under_way.ended(till.pk, end)
    assert under_way.of([till.pk], clock.now()) == {}

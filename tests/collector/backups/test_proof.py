"""What the dashboard is told of backups: the newest of each kind, per source, counted by arrival."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from collector.backups.catalogue import record_backup, record_drill
from collector.backups.proof import sources
from collector.inventory.models import Customer, Site, Terminal
from protocols.wire import v1

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def terminal(name: str) -> str:
    site = Site.objects.create(customer=Customer.objects.create(name=name), name=name)
    return Terminal.objects.create(site=site, name=name, public_key=name, enrolled_at=AT).id


def run(ok: bool, at: datetime, source: str = "pos", error: str = "") -> v1.Backup:
    return v1.Backup(
        seq=1,
        at=at,
        source=source,
        engine="sqlite",
        ok=ok,
        snapshot="a" * 64 if ok else "",
        started_at=at,
        duration_s=1.5,
        source_bytes=4096,
        facts={"rows": 3},
        error=error,
    )


def proof(ok: bool, at: datetime) -> v1.Drill:
    return v1.Drill(seq=2, at=at, source="pos", snapshot="a" * 64, ok=ok, started_at=at, duration_s=2.5)


def test_the_last_to_arrive_counts_whatever_the_till_says_of_its_time() -> None:
    till = terminal("one")
    record_backup(till, run(True, AT + timedelta(days=400)), AT)
    record_backup(till, run(False, AT, error="backup.source_locked: busy"), AT + timedelta(hours=1))
    record_drill(till, proof(True, AT), AT)
    record_drill(till, proof(False, AT), AT + timedelta(hours=2))
    (found,) = sources([till])
    assert (found.terminal_id, found.source, found.snapshot) == (till, "pos", None)
    assert found.run
    assert found.good_run
    assert (found.run.ok, found.run.error) == (False, "backup.source_locked: busy")
    assert (found.good_run.received_at, found.good_run.facts) == (AT, {"rows": 3})
    assert found.drill
    assert found.good_drill
    assert (found.drill.ok, found.good_drill.received_at) == (False, AT)


def test_each_source_of_each_till_stands_for_itself() -> None:
    one, two = terminal("one"), terminal("two")
    for till, source in ((one, "pos"), (one, "office"), (two, "pos")):
        record_backup(till, run(True, AT, source), AT)
    assert [(s.terminal_id, s.source) for s in sources()] == sorted(
        [(one, "office"), (one, "pos"), (two, "pos")]
    )
    assert [s.source for s in sources([two])] == ["pos"]
    assert sources([]) == []


def test_many_tills_cost_no_more_queries() -> None:
    for number in range(5):
        record_backup(terminal(f"till {number}"), run(True, AT), AT)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert len(sources()) == 5
    assert len(asked) == 6

"""The month's traffic of backups: counted before it leaves, and near its end only what the law demands goes on."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from agent.backup.demand import demanded
from agent.backup.engines import Cut
from agent.backup.repository.local import LocalRepository
from agent.backup.repository.meter import Free
from agent.backup.traffic import NEAR, SPENT, STEP_BYTES, Counted, Ledger, Use
from agent.config.reader import checked
from agent.runtime.backup_month import Companion, Month, is_demanded, regime
from agent.spool import FILE, Json, Spool
from protocols.errors import BackupError
from protocols.wire import v1
from tests.agent.backup.plain import PlainFile
from tests.agent.backup.till import Till

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MB = 1_000_000
CLASSES = tuple(regime("lv").classes.values())


class At:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    def wait(self, event: Event, timeout_s: float) -> bool:
        return event.is_set()


def test_it_counts_by_month_of_utc_and_a_clock_that_goes_back_gives_nothing_back(tmp_path: Path) -> None:
    clock, ledger = At(), Ledger(tmp_path)
    for at, count in ((NOW, 5), (NOW + 5 * DAY, 7), (NOW, 3)):
        clock.at = at
        ledger.add(clock.now(), count)
    assert ledger.use(NOW, 10) == Use("2026-11", 8, 10)
    assert ledger.use(NOW + 5 * DAY, 10) == Use("2026-12", 7, 10)


def test_what_was_not_sent_is_given_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    counted = Counted(Free(), ledger, At(), 1000 * MB, demanded=False)
    counted.spend(1000)
    assert ledger.use(NOW, 1).used == STEP_BYTES
    counted.close()
    assert ledger.use(NOW, 1).used == 1000


@pytest.mark.parametrize("first", [True, False])
def test_a_run_that_is_killed_has_counted_all_that_left(tmp_path: Path, *, first: bool) -> None:
    """Control: counted only after it has left, the bytes of a killed run are not in the count."""
    ledger = Ledger(tmp_path)
    process = os.fork()
    if process == 0:
        try:
            if first:
                Counted(Free(), ledger, At(), 100 * MB, demanded=False).spend(700_000)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.waitpid(process, 0)
    assert (ledger.use(NOW, 1).used >= 700_000) is first


@pytest.mark.parametrize("law", [True, False])
def test_near_its_end_only_what_the_law_demands_goes_on_and_the_rest_later(till: Till, *, law: bool) -> None:
    till.database.write_bytes(os.urandom(300_000))
    ledger = Ledger(till.root)
    ledger.add(NOW, int(NEAR * 10 * MB))
    sending = Counted(Free(), ledger, At(), 10 * MB, demanded=law)
    place = LocalRepository(till.folder, sending)
    if law:
        till.backup(place, by=PlainFile(Cut.PAGES))
        assert ledger.use(NOW, 10 * MB).used > NEAR * 10 * MB
        return
    with pytest.raises(BackupError) as refused:
        till.backup(place, by=PlainFile(Cut.PAGES))
    assert (refused.value.code, refused.value.retriable) == (SPENT, False)
    till.backup(LocalRepository(till.folder), by=PlainFile(Cut.PAGES))
    till.restore(till.root / "back")
    assert (till.root / "back").read_bytes() == till.database.read_bytes()


@pytest.mark.parametrize(
    ("z_ago", "good_ago", "wanted"),
    [
        (1, 2, "daily"),
        (2, 1, None),
        (None, 0.9, None),
        (None, 1.1, "daily"),
        (None, None, "daily"),
    ],
)
def test_after_a_z_report_the_daily_set_is_demanded_first(
    z_ago: float | None, good_ago: float | None, wanted: str | None
) -> None:
    z_reports = None if z_ago is None else [NOW - z_ago * DAY]
    last = None if good_ago is None else NOW - good_ago * DAY
    found = demanded(reversed(CLASSES), z_reports, last, NOW)
    assert (found.id if found else None) == wanted


def test_working_copies_are_demanded_by_nobody() -> None:
    assert demanded([regime("lv").classes["operational"]], None, None, NOW) is None


def test_a_clock_in_the_future_does_not_put_a_demanded_set_off() -> None:
    """Its last good backup claims to be of next year."""
    z_report = [NOW - timedelta(hours=1)]
    assert demanded(CLASSES, z_report, NOW + 400 * DAY, NOW) is None
    assert demanded(CLASSES, None, NOW + 400 * DAY, NOW + 402 * DAY) is not None


CONFIG: dict[str, object] = {
    "collector": {"url": "https://collector"},
    "budget": {"backup_monthly_mb": 10},
    "backup": [
        {"name": "pos", "engine": "sqlite", "source": "/pos.db", "recovery_key": "/k.pub", "every": "6h"},
        {"name": "work", "engine": "sqlite", "source": "/pos.db", "recovery_key": "/k.pub", "every": "6h",
         "classes": ["operational"]},
        {"name": "disk", "engine": "sqlite", "source": "/pos.db", "recovery_key": "/k.pub", "every": "6h",
         "classes": ["operational"], "repository": "/mnt/disk"},
    ],
}  # fmt: skip


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / FILE, At(), owner=True) as made:
        yield made


def test_what_waits_is_told_once_a_month_and_what_sends_nothing_does_not_wait(
    tmp_path: Path, spool: Spool
) -> None:
    config = checked("agent.toml", {**CONFIG, "agent": {"state_dir": str(tmp_path)}})
    told: list[v1.Fact] = []

    def tell(fact: v1.Fact, state: dict[str, Json]) -> None:
        told.append(fact)
        spool.put_all(state=state)

    month = Month(config, spool, tell)
    pos, work, disk = config.backups
    good, z_report = NOW - timedelta(hours=7), NOW - timedelta(hours=1)
    assert not month.holds(work, good, z_report, NOW)
    Ledger(tmp_path).add(NOW, 9 * MB)
    for _ in range(3):
        assert month.holds(work, good, z_report, NOW)
    assert not month.holds(disk, good, z_report, NOW)
    assert not month.holds(pos, good, z_report, NOW)
    assert month.holds(pos, NOW, z_report, NOW)
    assert [(one.subject.id, one.name) for one in told] == [
        ("work", "backup.postponed"),
        ("pos", "backup.postponed"),
    ]
    assert is_demanded(config, pos, good, z_report, NOW)
    assert not month.holds(work, good, z_report, NOW + 10 * DAY)


def test_what_goes_along_with_reports_is_news_only(tmp_path: Path) -> None:
    config = checked("agent.toml", {**CONFIG, "agent": {"state_dir": str(tmp_path)}})
    beside = Companion(config, At())
    first = beside()
    assert first.under_way == ()  # a run of this agent that was killed may have left its word
    assert first.backup_traffic == v1.BackupTraffic(month="2026-11", used=0, limit=10 * MB)
    again = beside()
    assert (again.under_way, again.backup_traffic) == (None, None)
    file = tmp_path / "backup" / "pos.progress"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        '{"stage": "store", "done": 5, "total": 10, "bytes_s": 2.5, "left_s": 2.0, "at": "2026-11-26T12:00:00+00:00"}'
    )
    (running,) = beside().under_way or ()
    assert (running.source, running.done, running.total, running.left_s) == ("pos", 5, 10, 2.0)
    file.unlink()
    assert beside().under_way == ()
    assert beside().under_way is None

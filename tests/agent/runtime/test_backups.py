"""When a backup is due, and that one which dies without a word is told."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from threading import Event

import pytest

from agent.config import Backup
from agent.runtime.backups import Backups, due_at
from agent.runtime.clock import SystemClock
from agent.spool import Spool

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def plan(**rhythm: object) -> Backup:
    facts = {"name": "pos", "engine": "sqlite", "source": "/pos.db", "recovery_key": Path("/recovery.pub")}
    return Backup.model_construct(**{**facts, "every": None, "at": None, "after": None, **rhythm})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rhythm", "last", "due"),
    [
        ({"every": 6 * HOUR}, None, NOW),
        ({"every": 6 * HOUR}, NOW - HOUR, NOW + 5 * HOUR),
        ({"every": 6 * HOUR}, NOW - 30 * HOUR, NOW - 24 * HOUR),
        ({"every": 6 * HOUR}, NOW + 500 * HOUR, NOW + 6 * HOUR),
        ({"at": time(3, 30)}, None, NOW),
        ({"at": time(3, 30)}, NOW - 8 * HOUR, NOW + 15.5 * HOUR),
        ({"at": time(13, 0)}, NOW - 24 * HOUR, NOW - 23 * HOUR),
        ({"at": time(3, 30)}, NOW + 500 * HOUR, NOW + 15.5 * HOUR),
    ],
)
def test_when_the_next_run_is_due(rhythm: dict[str, object], last: datetime | None, due: datetime) -> None:
    assert due_at(plan(**rhythm), last, NOW) == due


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.db", SystemClock(), owner=True) as made:
        yield made


@pytest.mark.parametrize(
    ("code", "told"), [("raise SystemExit(1)", []), ("import os; os.abort()", ["backup.broke_off"])]
)
def test_a_backup_runs_once_when_due_and_its_sudden_death_is_told(
    spool: Spool, code: str, told: list[str]
) -> None:
    ended, pause = Event(), Event()
    backups = Backups(
        (plan(every=HOUR),),
        Path("/agent.toml"),
        spool,
        SystemClock(),
        ended.set,
        start=lambda name, config: [sys.executable, "-c", code],
    )
    for _ in range(500):
        backups.tick()
        if ended.is_set():
            break
        pause.wait(0.02)
    assert ended.is_set()
    assert [json.loads(row.body)["name"] for row in spool.next_batch(9, 1 << 20).rows] == told
    assert spool.read_state("backup.pos") is not None
    ended.clear()
    backups.tick()
    backups.stop()
    assert not ended.is_set()


class Asked:
    """Is the till quiet? Keeps what it was asked."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.patience: list[timedelta] = []

    def may(self, _now: datetime, _since: datetime, patience: timedelta) -> bool:
        self.patience.append(patience)
        return self.quiet


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize(
    ("rhythm", "last", "waits", "patience"),
    [
        ({"every": 6 * HOUR}, None, False, None),
        ({"every": 6 * HOUR}, NOW - 5 * HOUR, False, None),
        ({"every": 6 * HOUR}, NOW - 7 * HOUR, True, 6 * HOUR),
        ({"every": 2 * HOUR}, NOW - 7 * HOUR, True, 2 * HOUR),
        ({"at": time(11, 30)}, NOW - 24 * HOUR, False, None),
        ({"at": time(8, 0)}, NOW - 24 * HOUR, True, 6 * HOUR),
    ],
)
def test_a_backup_that_can_wait_waits_for_a_quiet_minute(
    spool: Spool,
    *,
    rhythm: dict[str, object],
    last: datetime | None,
    waits: bool,
    patience: timedelta | None,
    quiet: bool,
) -> None:
    """One with a time of day is begun then; one that was missed, or comes every so often, when the till is quiet."""
    asked = Asked(quiet=quiet)
    backups = Backups((), Path("/agent.toml"), spool, SystemClock(), lambda: None, may=asked.may)
    begins = backups._begins(plan(**rhythm), last, NOW)
    due = due_at(plan(**rhythm), last, NOW) <= NOW
    assert begins is (due and (quiet or not waits))
    assert asked.patience == ([patience] if patience else [])


@pytest.mark.parametrize(
    ("rhythm", "last", "z_at", "begins"),
    [
        ({"after": "z_report"}, NOW - HOUR, NOW - 2 * HOUR, False),
        ({"after": "z_report"}, NOW - 2 * HOUR, NOW - HOUR, True),
        ({"after": "z_report"}, NOW - 2 * HOUR, None, False),
        ({"after": "z_report"}, NOW - 900 * HOUR, None, False),
        ({"after": "z_report"}, None, None, True),
        ({"after": "z_report", "every": 6 * HOUR}, NOW - 2 * HOUR, NOW - HOUR, True),
        ({"after": "z_report", "every": 6 * HOUR}, NOW - 7 * HOUR, NOW - 9 * HOUR, True),
        ({"every": 6 * HOUR}, NOW - 2 * HOUR, NOW - HOUR, False),
        ({"after": "z_report"}, NOW - 2 * HOUR, NOW + HOUR, False),
    ],
)
def test_a_z_report_begins_a_backup_and_not_the_clock(
    spool: Spool, rhythm: dict[str, object], last: datetime | None, z_at: datetime | None, begins: bool
) -> None:
    class At(SystemClock):
        def now(self) -> datetime:
            return NOW

    started: list[str] = []

    def start(name: str, _config: Path) -> list[str]:
        started.append(name)
        return [sys.executable, "-c", ""]

    if last:
        spool.put_all(state={"backup.pos": {"started_at": last.isoformat()}})
    backups = Backups(
        (plan(**rhythm),), Path("/agent.toml"), spool, At(), lambda: None, start=start, z_report=lambda: z_at
    )
    backups.tick()
    assert bool(started) == begins
    while backups.busy:
        Event().wait(0.01)
    backups.tick()

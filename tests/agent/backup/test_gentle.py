"""A backup waits while the till sells, keeps to its hours and its limits, and is made in the end all the same."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from threading import Event

import psutil
import pytest

from agent.backup.engines import Cut, NoPause
from agent.backup.gentle import LOOK_S, SLOW_BYTES_S, Gentle, Manners, Told, step_back
from agent.backup.progress import Silent
from agent.backup.repository.local import LocalRepository
from agent.backup.repository.meter import Bucket
from agent.backup.run import Job, Signer, backup
from agent.runtime.backups import Backups
from agent.runtime.clock import SystemClock
from agent.spool import Spool
from tests.agent.backup.plain import PlainFile
from tests.agent.backup.till import KEY, SECRET, Till
from tests.agent.runtime.test_backups import plan


class Hand:
    """Time that passes only where somebody waits."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at or datetime(2026, 11, 26, 12, 0).astimezone()
        self.begun = self.at

    def now(self) -> datetime:
        return self.at.astimezone(UTC)

    def monotonic(self) -> float:
        return (self.at - self.begun).total_seconds()

    def wait(self, event: Event, timeout_s: float) -> bool:
        self.at += timedelta(seconds=timeout_s)
        return event.is_set()


def test_it_waits_while_the_till_is_busy() -> None:
    clock = Hand()
    answers = iter([True] * 5 + [False] * 100)
    gentle = Gentle(Manners(busy=lambda: next(answers)), clock, Event())
    gentle.between(1, 10)
    gentle.between(2, 10)
    assert (gentle.waited_s, gentle.late) == (5 * LOOK_S, False)


def test_it_keeps_to_its_hours_over_midnight() -> None:
    clock = Hand(datetime(2026, 11, 26, 21, 59, 30).astimezone())
    gentle = Gentle(Manners(window=(time(22), time(6))), clock, Event())
    gentle.between(1, 10)
    assert gentle.waited_s == 30
    clock.at = datetime(2026, 11, 27, 5, 59).astimezone()
    gentle.between(2, 10)
    assert gentle.waited_s == 30
    clock.at = datetime(2026, 11, 27, 6, 0).astimezone()
    gentle.between(3, 10)
    assert gentle.waited_s == 4 * 3600  # all of the patience was used up
    assert gentle.late


def test_patience_ends_and_it_goes_on_slowly() -> None:
    clock = Hand()
    gentle = Gentle(Manners(busy=lambda: True, patience_s=60), clock, Event())
    gentle.between(0, 0)
    assert (gentle.waited_s, gentle.late) == (60, True)
    begun = clock.monotonic()
    for done in range(1, 11):
        gentle.between(done * SLOW_BYTES_S, 0)
    assert clock.monotonic() - begun == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize("slice_bytes", [1, 1000, 64_000, 5_000_000])
def test_a_limit_holds_whatever_the_slices_are(slice_bytes: int) -> None:
    clock, total = Hand(), 20_000_000 if slice_bytes > 1 else 20_000
    bucket = Bucket(total / 10, clock, Event())
    for _ in range(total // slice_bytes):
        bucket.spend(slice_bytes)
    assert clock.monotonic() == pytest.approx(10, rel=0.05)


def test_a_backup_reads_no_faster_than_it_may(till: Till) -> None:
    till.database.write_bytes(bytes(range(256)) * 8000)
    clock = Hand()
    till.folder.mkdir()
    job = Job("pos", PlainFile(Cut.PAGES), str(till.database), [SECRET.public], till.root / "state")
    send = Bucket(50_000, clock, Event())
    backup(
        job,
        LocalRepository(till.folder, send),
        Signer("till", KEY),
        clock,
        pace=NoPause(),
        progress=Silent(),
        reading=Bucket(100_000, clock, Event()),
    )
    stored = sum(path.stat().st_size for path in till.objects())
    assert clock.monotonic() >= 2_048_000 / 100_000 + stored / 50_000 - 1


def test_what_the_resident_agent_says_is_heard_and_its_end_ends_the_waiting() -> None:
    read, write = os.pipe()
    with os.fdopen(read) as source, os.fdopen(write, "w") as to:
        told = Told(source)
        assert not told()
        print("busy", file=to, flush=True)
        assert eventually(told)
        print("quiet", file=to, flush=True)
        assert eventually(lambda: not told())
        print("busy", file=to, flush=True)
        assert eventually(told)
        to.close()
        assert eventually(lambda: not told())
    assert not Told(io.StringIO(""))()


def eventually(what: object) -> bool:
    pause = Event()
    for _ in range(3000):
        if what():  # type: ignore[operator]
            return True
        pause.wait(0.01)
    return False


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.db", SystemClock(), owner=True) as made:
        yield made


def test_the_resident_agent_tells_its_child_when_the_till_sells(spool: Spool, tmp_path: Path) -> None:
    busy, ended = [True], Event()
    heard = tmp_path / "heard"
    code = (
        "import sys; f = open(sys.argv[1], 'w')\n"
        "for l in sys.stdin:\n f.write(l); f.flush()\n if l == 'quiet\\n': break"
    )
    backups = Backups(
        (plan(every=timedelta(hours=1)),),
        Path("/agent.toml"),
        spool,
        SystemClock(),
        ended.set,
        start=lambda name, config: [sys.executable, "-c", code, str(heard)],
        busy=lambda now: busy[0],
    )
    backups.tick()
    assert eventually(lambda: heard.exists() and heard.read_text() == "busy\n")
    backups.tick()
    busy[0] = False
    backups.tick()
    assert eventually(lambda: (backups.tick(), ended.is_set())[1])
    assert heard.read_text() == "busy\nquiet\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Unix priorities")
def test_it_steps_back_for_the_processor_and_the_disk() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        step_back(child.pid)
        process = psutil.Process(child.pid)
        assert process.nice() >= 10
        assert process.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
        child.communicate(b"\n")

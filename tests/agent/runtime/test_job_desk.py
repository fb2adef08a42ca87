"""When the jobs room is loaded, and what it is lent: a look at a device that is fresh."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from agent.config.reader import checked
from agent.jobs import memory
from agent.runtime.clock import SystemClock
from agent.runtime.job_desk import MEMORY, JobDesk
from agent.runtime.running_till import RunningTill
from agent.spool import Spool
from agent.uplink.connection import Answer
from protocols.wire import v1
from tests.office import Office


@dataclass
class Client:
    """The signed client, answering every question with one document."""

    body: bytes
    asked: list[tuple[str, str]] = field(default_factory=list)

    def send(self, method: str, path: str, body: bytes, *, content_type: str) -> Answer:
        self.asked.append((method, path))
        return Answer(200, {}, self.body)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.db", SystemClock(), owner=True) as opened:
        yield opened


def desk(folder: Path, spool: Spool, root: str) -> JobDesk:
    config = checked("test", {"collector": {"url": "https://c"}, "jobs": {"company_root": root}})
    till = RunningTill({}, SystemClock(), lambda *_: None, lambda: None)
    offset: Any = lambda: 0.0  # noqa: E731
    return JobDesk(
        config,
        folder / "agent.toml",
        spool,
        SystemClock(),
        till,
        terminal="till-1",
        offset_s=offset,
        told=lambda: None,
    )


def test_what_is_known_of_jobs_is_one_and_the_same() -> None:
    assert memory.KEY == MEMORY


def test_the_room_is_loaded_to_begin_its_memory_and_then_only_when_it_is_needed(
    tmp_path: Path, spool: Spool
) -> None:
    office = Office()
    without = desk(tmp_path, spool, "")
    without.begin()
    assert spool.read_state(MEMORY) is None
    first = desk(tmp_path, spool, office.root_key)
    first.begin()
    assert memory.read(spool.read_state(MEMORY)) is not None
    assert first._runner is not None
    second = desk(tmp_path, spool, office.root_key)
    second.begin()
    assert second._runner is None
    client = Client(office.offer())
    second.fetch(client)  # type: ignore[arg-type]
    assert client.asked == [("GET", v1.PATH_JOBS)]
    assert second._runner is not None


def test_nothing_is_fetched_when_the_agent_is_about_to_end(tmp_path: Path, spool: Spool) -> None:
    ending = desk(tmp_path, spool, Office().root_key)
    ending.stop()
    client = Client(Office().offer())
    ending.fetch(client)  # type: ignore[arg-type]
    assert client.asked == []


def test_a_till_without_a_root_says_why_it_does_nothing(tmp_path: Path, spool: Spool) -> None:
    office, here = Office(), desk(tmp_path, spool, "")
    here.fetch(Client(office.offer(office.signed(office.job()))))  # type: ignore[arg-type]
    assert here._runner is not None
    here._runner.wait()
    [row] = spool.next_batch(10, 1 << 20).rows
    told = v1.MESSAGE.validate_json(row.body)
    assert isinstance(told, v1.JobResult)
    assert told.code == "job.no_root"


class Watch:
    """Looked at `seconds` ago; looks again when it is asked the second time."""

    def __init__(self, age_s: float) -> None:
        self.looked: Any = (SystemClock().monotonic() - age_s, None)
        self.asked = 0


def test_a_look_that_began_before_the_question_is_not_fresh() -> None:
    watch, clock = Watch(0.5), SystemClock()

    def soon(_device: str, _after_s: float) -> None:
        """The first wish falls on a look that runs already, and is lost."""
        watch.asked += 1
        if watch.asked == 2:
            watch.looked = (clock.monotonic(), None)

    class Seeing(RunningTill):
        def seen(self, device: str) -> Any:
            return device

    till = Seeing({"d": watch}, clock, soon, lambda: None)  # type: ignore[dict-item]
    assert till.look("d", Event()) == "d"  # type: ignore[comparison-overlap]
    assert watch.asked == 2


def test_who_is_told_to_stop_waits_for_no_look() -> None:
    stop = Event()
    stop.set()
    till = RunningTill({"d": Watch(0.5)}, SystemClock(), lambda *_: None, lambda: None)  # type: ignore[dict-item]
    assert till.look("d", stop) is None

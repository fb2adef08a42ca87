"""The agent measures itself, slows itself down, tells of it, and lets heavy work wait."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from agent.health import RULES
from agent.runtime.budget import Budget, Limits, Usage
from agent.runtime.judging import Judging
from agent.runtime.outgoing import Outgoing
from agent.runtime.own_usage import Meter
from agent.runtime.self_watch import EVERY_S, SelfWatch
from agent.runtime.watchdog import Watchdog
from agent.runtime.watched_rhythm import WatchedRhythm
from agent.spool import FILE, Spool
from protocols.wire import v1
from tests.agent.runtime.hand_clock import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def spool(tmp_path: Path, clock: HandClock) -> Iterator[Spool]:
    with Spool(tmp_path / FILE, clock, owner=True) as made:
        yield made


class Told(Outgoing):
    """Keeps what it was told."""

    def __init__(self, spool: Spool) -> None:
        super().__init__(spool, lambda: None)
        self.events: list[v1.Event] = []
        self.samples: list[v1.Sample] = []

    def tell(self, messages, state=None):  # type: ignore[no-untyped-def]
        self.events += [message for message in messages if isinstance(message, v1.Event)]
        super().tell(messages, state)

    def later(self, samples, state=None):  # type: ignore[no-untyped-def]
        self.samples += samples


class Bench:
    def __init__(self, spool: Spool, clock: HandClock) -> None:
        self.clock = clock
        self.usage = Usage(cpu_percent=0.1)
        self.factors: list[float] = []
        self.told = Told(spool)
        subject = v1.Subject(kind=v1.SubjectKind.TERMINAL)
        judging = Judging(subject, RULES, spool, self.told, clock)
        budget = Budget(Limits(cpu_percent=2.0))
        self.watch = SelfWatch(
            lambda: self.usage, budget, judging, self.told, clock, slow=self.factors.append
        )

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.watch.look()
            self.clock.move(EVERY_S)


@pytest.fixture
def bench(spool: Spool, clock: HandClock) -> Bench:
    return Bench(spool, clock)


def test_over_its_budget_it_says_so_and_why_and_takes_it_back(bench: Bench) -> None:
    bench.look(3)
    assert not bench.told.events
    bench.usage = Usage(cpu_percent=3.0)
    bench.look(2)
    assert not bench.told.events, "one busy minute is none"
    bench.look()
    [event] = bench.told.events
    assert (event.code, event.change.value) == ("agent.over_budget", "raised")
    assert event.reason.startswith(
        "processor time of the agent: 3.0 of 2 % of one core; polls are 4 times rarer"
    )
    bench.usage = Usage(cpu_percent=0.1)
    bench.look(3)
    assert [event.change.value for event in bench.told.events] == ["raised", "cleared"]


def test_below_it_work_is_shed_and_nobody_is_called(bench: Bench) -> None:
    bench.usage = Usage(cpu_percent=1.8)
    bench.look(10)
    assert bench.factors == [2, 4, *[4] * 8]
    assert not bench.watch.heavy
    assert not bench.told.events


def test_what_it_uses_is_told_with_what_it_sheds(bench: Bench) -> None:
    bench.usage = Usage(cpu_percent=1.8, memory_mib=44.4, late_s=0.25)
    bench.look()
    [sample] = bench.told.samples
    assert sample.values == {
        "agent_cpu_percent": 1.8, "agent_memory_mib": 44.4, "agent_late_s": 0.25, "agent_slowed": 2.0,
    }  # fmt: skip


def test_what_is_not_known_is_left_out_and_judged_as_unknown(bench: Bench) -> None:
    bench.usage = Usage()
    bench.look(5)
    assert bench.told.samples[0].values == {"agent_late_s": 0.0, "agent_slowed": 1.0}
    assert not bench.told.events


def test_the_measure_is_of_what_was_used_since(clock: HandClock, tmp_path: Path) -> None:
    sent = [0]
    meter = Meter(clock, lambda: sent[0], lambda: 0.5)
    first = meter.read()
    assert (first.cpu_percent, first.sent_mib_per_h, first.late_s) == (None, None, 0.5)
    assert first.memory_mib is not None
    assert first.memory_mib > 5
    with (tmp_path / "written").open("wb") as out:
        out.write(os.urandom(1 << 20))
        out.flush()
        os.fsync(out.fileno())
    before = psutil.Process().cpu_times()
    while psutil.Process().cpu_times() == before:  # it counts in ticks
        sum(n * n for n in range(100_000))
    sent[0] = 1 << 20
    clock.move(3600)
    usage = meter.read()
    assert usage.sent_mib_per_h == 1.0
    assert usage.cpu_percent is not None
    assert 0 < usage.cpu_percent < 1
    assert usage.disk_mib_per_h is not None  # what a file in memory (tmpfs) costs is 0


@pytest.fixture
def rhythm(clock: HandClock) -> WatchedRhythm:
    return WatchedRhythm(clock, 4, Watchdog(clock))


@pytest.mark.parametrize(
    ("name", "delay_s", "slowed_s"),
    [
        ("device printer", 5.0, 20.0),
        ("host", 60.0, 240.0),
        ("device printer", 0.5, 0.5),
        ("flush", 60.0, 60.0),
    ],
)
def test_only_polls_and_samples_are_slowed(
    rhythm: WatchedRhythm, name: str, delay_s: float, slowed_s: float
) -> None:
    assert rhythm._slowed(name, delay_s) == delay_s
    rhythm.slow_down(4.0)
    assert rhythm._slowed(name, delay_s) == slowed_s
    rhythm.slow_down(1.0)
    assert rhythm._slowed(name, delay_s) == delay_s


def test_it_knows_by_how_much_a_job_came_late(rhythm: WatchedRhythm, clock: HandClock) -> None:
    ran: list[datetime] = []
    job = rhythm._watched("device printer", lambda: ran.append(clock.now()))
    rhythm._plan("device printer", 5.0)
    clock.move(7.5)
    job()
    rhythm._plan("device printer", 5.0)
    clock.move(5.0)
    job()
    assert rhythm.late_s() == 2.5
    assert rhythm.late_s() == 0.0
    assert len(ran) == 2
    assert ran[1] - ran[0] == timedelta(seconds=5)

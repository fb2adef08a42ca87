"""A probe that can wait does, and holds no other up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.runtime.host_watch import HEAVY_S, HostWatch
from agent.runtime.judging import Judging
from agent.spool import FILE, Spool
from tests.agent.runtime.hand_clock import HandClock
from tests.agent.runtime.test_host_watch import RULES, TILL, Desk, Played

DAY_S = 86400.0


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / FILE, HandClock(), owner=True) as made:
        yield made


class Bench:
    def __init__(self, spool: Spool) -> None:
        self.clock = HandClock()
        self.may = False
        self.asked: list[tuple[float, float]] = []
        self.light, self.heavy = Played("network", every_s=60.0), Played("software", every_s=DAY_S)
        desk = Desk(spool)
        judging = Judging(TILL, RULES, spool, desk, self.clock)
        self.watch = HostWatch(
            [self.light, self.heavy], judging, desk, self.clock, desk.state.get, heavy=self.ask
        )

    def ask(self, every_s: float, waited_s: float) -> bool:
        self.asked.append((every_s, waited_s))
        return self.may

    def minutes(self, count: int) -> None:
        """As the rhythm calls: when it is told to, and not in a hurry."""
        end_s = self.clock.steady_s + count * 60
        while self.clock.steady_s < end_s:
            delay_s = self.watch.slow_delay_s()
            assert delay_s >= 1
            self.clock.move(delay_s)
            self.watch.look_slow()


@pytest.fixture
def bench(spool: Spool) -> Bench:
    return Bench(spool)


def test_a_heavy_probe_waits_and_the_light_ones_look_on(bench: Bench) -> None:
    bench.minutes(60)
    assert bench.heavy.looks == 0
    assert 50 <= bench.light.looks <= 61
    assert {every_s for every_s, _ in bench.asked} == {DAY_S}, "light probes are asked about nothing"
    assert max(waited_s for _, waited_s in bench.asked) > 3000


def test_in_a_quiet_minute_it_looks_once(bench: Bench) -> None:
    bench.minutes(60)
    bench.may = True
    bench.minutes(60)
    assert bench.heavy.looks == 1


def test_the_control_without_the_rule_it_looks_at_once(bench: Bench) -> None:
    bench.may = True
    bench.minutes(10)
    assert bench.heavy.looks == 1
    assert DAY_S >= HEAVY_S

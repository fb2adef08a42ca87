"""Quick probes never wait for slow ones, news is told once, and what fails is unknown with a reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread

import pytest

from agent.health import RULES
from agent.runtime import status
from agent.runtime.clock import SystemClock
from agent.runtime.host_watch import HostWatch
from agent.runtime.judging import Judging
from agent.runtime.outgoing import Outgoing
from agent.runtime.rhythm import Rhythm
from agent.spool import FILE, Json, Spool, SpoolFull
from agent.system.probe import Item, Listing, Measured, NotKnown, count
from protocols.wire import v1
from tests.agent.runtime.hand_clock import HandClock

TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)


class Desk(Outgoing):
    """Keeps what is told, as the spool would."""

    def __init__(self, spool: Spool) -> None:
        super().__init__(spool, lambda: None)
        self.messages: list[v1.AnyMessage] = []
        self.samples: list[v1.Sample] = []
        self.state: dict[str, Json] = {}
        self.full = False

    def tell(self, messages: Sequence[v1.AnyMessage], state: Mapping[str, Json] | None = None) -> None:
        if self.full:
            raise SpoolFull("full")
        self.messages += messages
        self.state.update(state or {})

    def later(self, samples: Sequence[v1.Sample], state: Mapping[str, Json] | None = None) -> None:
        self.samples += samples
        self.state.update(state or {})

    def facts(self, name: str) -> list[dict[str, object]]:
        return [dict(m.detail) for m in self.messages if isinstance(m, v1.Fact) and m.name == name]

    def changes(self) -> list[tuple[str, str]]:
        return [(m.code, m.change.value) for m in self.messages if isinstance(m, v1.Event)]


@dataclass
class Played:
    """A probe that gives what it is told to give, or raises it."""

    name: str
    every_s: float = 0.0
    gives: Measured | Exception = field(default_factory=Measured)
    looks: int = 0

    def measure(self) -> Measured:
        self.looks += 1
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


@dataclass
class Rig:
    spool: Spool
    clock: HandClock
    desk: Desk

    def watch(self, *probes: Played) -> HostWatch:
        judging = Judging(TILL, RULES, self.spool, self.desk, self.clock)
        return HostWatch(probes, judging, self.desk, self.clock, self.desk.state.get)

    def all_slow(self, watch: HostWatch, times: int = 10) -> None:
        for _ in range(times):
            watch.look_slow()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    clock = HandClock()
    with Spool(tmp_path / "spool.db", clock, owner=True) as spool:
        yield Rig(spool, clock, Desk(spool))


def test_each_slow_probe_has_its_own_pace(rig: Rig) -> None:
    often, seldom, quick = Played("often", 60), Played("seldom", 600), Played("quick")
    watch = rig.watch(often, seldom, quick)
    rig.all_slow(watch)
    assert (often.looks, seldom.looks) == (0, 0), "the start of a till has better things to do"
    for _ in range(120):
        rig.clock.move(10)
        rig.all_slow(watch)
    assert (often.looks, seldom.looks) == (20, 2)
    assert quick.looks == 0
    watch.look()
    assert quick.looks == 1


def test_no_more_than_one_slow_probe_looks_at_a_time_and_the_longest_due_goes_first(rig: Rig) -> None:
    first, second = Played("first", 100), Played("second", 50)
    watch = rig.watch(first, second)
    rig.clock.move(20)
    watch.look_slow()
    assert (first.looks, second.looks) == (0, 1)
    assert watch.slow_delay_s() == 1.0
    watch.look_slow()
    assert (first.looks, second.looks) == (1, 1)
    assert watch.slow_delay_s() == 50.0


def test_a_slow_probe_that_hangs_holds_up_no_quick_one(tmp_path: Path) -> None:
    clock, hangs, looked, go = SystemClock(), Event(), Event(), Event()

    @dataclass
    class Hanging(Played):
        def measure(self) -> Measured:
            hangs.set()
            go.wait(60)
            return Measured()

    @dataclass
    class Quick(Played):
        def measure(self) -> Measured:
            if hangs.is_set():
                looked.set()
            return Measured()

    with Spool(tmp_path / "spool.db", clock, owner=True) as spool:
        desk = Desk(spool)
        watch = HostWatch(
            [Hanging("slow", 0.001), Quick("quick")], Judging(TILL, RULES, spool, desk, clock), desk, clock
        )
        rhythm = Rhythm(clock, threads=2)
        rhythm.every("host", watch.look, lambda: 0.05, first_s=0.0)
        rhythm.every("slow probes", watch.look_slow, watch.slow_delay_s, first_s=0.0)
        rhythm.start()
        assert hangs.wait(30)
        assert looked.wait(30)
        go.set()
        rhythm.stop()


def test_in_one_lane_the_slow_probe_would_hold_the_quick_one_up(rig: Rig) -> None:
    """The control: what the two lanes are for."""
    hangs, go = Event(), Event()

    @dataclass
    class Hanging(Played):
        def measure(self) -> Measured:
            hangs.set()
            go.wait(60)
            return Measured()

    slow, quick = Hanging("slow"), Played("quick")
    thread = Thread(target=rig.watch(slow, quick).look, daemon=True)
    thread.start()
    assert hangs.wait(30)
    assert quick.looks == 0
    go.set()
    thread.join(30)
    assert quick.looks == 1


def test_what_fails_is_unknown_with_a_reason_and_neither_raises_nor_clears(rig: Rig) -> None:
    bad = Measured(conditions=(count("host.disk_failing", 1, "sda: it fails"),))
    probe, other = Played("smart", gives=bad), Played("other", gives=Measured({"x": 1.0}))
    watch = rig.watch(probe, other)
    watch.look()
    assert rig.desk.changes() == [("host.disk_failing", "raised")]
    probe.gives = NotKnown("smartctl did not answer within 10 s")
    watch.look()
    watch.look()
    assert rig.desk.changes() == [("host.disk_failing", "raised")]
    assert rig.desk.facts("host.unknown") == [{}, {"smart": "smartctl did not answer within 10 s"}]
    probe.gives = Measured(conditions=(count("host.disk_failing", 0, "well"),))
    watch.look()
    assert rig.desk.changes()[-1] == ("host.disk_failing", "cleared")
    assert rig.desk.facts("host.unknown")[-1] == {}
    assert other.looks == 4


def test_a_condition_that_cannot_be_told_says_why(rig: Rig) -> None:
    watch = rig.watch(
        Played("smart", gives=Measured(conditions=(count("host.disk_failing", None, "asleep"),)))
    )
    watch.look()
    assert rig.desk.facts("host.unknown") == [{"host.disk_failing": "asleep"}]
    assert rig.desk.state["host.unknown"] == {"smart": {"host.disk_failing": "asleep"}}
    assert rig.desk.changes() == []


@pytest.mark.parametrize("bug", [ValueError("x"), RecursionError(), KeyError("x")])
def test_a_bug_in_one_probe_blinds_no_other(rig: Rig, bug: Exception) -> None:
    other = Played("other", gives=Measured({"x": 1.0}))
    watch = rig.watch(Played("bad", gives=bug), other)
    watch.look()
    assert other.looks == 1
    [fact] = rig.desk.facts("host.unknown")
    assert fact == {"bad": f"a bug in the agent: {type(bug).__name__}"}


def test_facts_and_lists_are_told_when_they_changed_and_a_restart_tells_none_again(rig: Rig) -> None:
    items = (Item("b", "2"), Item("a", "1", "ACME", "c" * 64))
    gives = Measured(facts={"host.reboot": {"pending": False}}, lists=(Listing("software", items),))
    probe = Played("all", gives=gives)
    watch = rig.watch(probe)
    watch.look()
    watch.look()
    rig.watch(probe).look()
    assert rig.desk.facts("host.reboot") == [{"pending": False}]
    [inventory] = [m for m in rig.desk.messages if isinstance(m, v1.Inventory)]
    assert [(i.name, i.version, i.vendor, i.sha256) for i in inventory.items] == [
        ("a", "1", "ACME", "c" * 64),
        ("b", "2", "", ""),
    ]
    probe.gives = replace(
        gives, facts={"host.reboot": {"pending": True}}, lists=(Listing("software", items[:1]),)
    )
    rig.watch(probe).look()
    assert rig.desk.facts("host.reboot") == [{"pending": False}, {"pending": True}]
    assert len([m for m in rig.desk.messages if isinstance(m, v1.Inventory)]) == 2


def test_without_what_was_kept_a_restart_would_tell_it_again(rig: Rig) -> None:
    probe = Played("all", gives=Measured(facts={"host.reboot": {"pending": False}}))
    rig.watch(probe).look()
    rig.desk.state.clear()
    rig.watch(probe).look()
    assert len(rig.desk.facts("host.reboot")) == 2


def test_what_the_disk_did_not_take_is_told_next_time(rig: Rig) -> None:
    probe = Played("all", gives=Measured(facts={"host.reboot": {"pending": True}}))
    watch = rig.watch(probe)
    rig.desk.full = True
    with pytest.raises(SpoolFull):
        watch.look()
    rig.desk.full = False
    watch.look()
    assert rig.desk.facts("host.reboot") == [{"pending": True}]


def test_a_slow_probe_that_could_not_be_stored_waits_for_its_turn(rig: Rig) -> None:
    probe = Played("slow", 100, Measured(facts={"host.reboot": {"pending": True}}))
    watch = rig.watch(probe)
    rig.clock.move(50)
    rig.desk.full = True
    with pytest.raises(SpoolFull):
        watch.look_slow()
    assert watch.slow_delay_s() > 1


def test_what_a_probe_keeps_is_stored_with_or_without_news(rig: Rig) -> None:
    probe = Played("trend", gives=Measured(keep={"/": [1, 2]}))
    rig.watch(probe).look()
    assert rig.desk.state["probe.trend"] == {"/": [1, 2]}


def test_much_is_cut_to_what_the_wire_takes(rig: Rig) -> None:
    detail = {f"name {i}": "x" * 1000 for i in range(200)}
    values = {f"figure_{i}" + "x" * 200: 1.0 for i in range(200)}
    digest = "a" * 64
    items = tuple(
        Item(f"n{i}" + "n" * 300, "v" * 300, "w" * 300, digest if i == 4999 else "") for i in range(5000)
    )
    gives = Measured(values, facts={"host.big": detail}, lists=(Listing("software", items),))
    rig.watch(Played("big", gives=gives)).look()
    [inventory] = [m for m in rig.desk.messages if isinstance(m, v1.Inventory)]
    assert len(inventory.model_dump_json()) < 600_000
    assert inventory.left_off == 5000 - len(inventory.items)
    assert digest in {item.sha256 for item in inventory.items}, "a cash program is never left off"
    assert len(rig.desk.facts("host.big")[0]) == 64
    assert sum(len(sample.values) for sample in rig.desk.samples) == 200


def test_status_says_what_is_not_known_and_why(tmp_path: Path) -> None:
    clock = HandClock()
    with Spool(tmp_path / FILE, clock, owner=True) as spool:
        outgoing = Outgoing(spool, lambda: None)
        failing = Played("smart", gives=NotKnown("smartctl is not installed"))
        HostWatch([failing], Judging(TILL, RULES, spool, outgoing, clock), outgoing, clock).look()
        outgoing.flush()
        assert status.read(tmp_path, clock)["unknown"] == {"smart": "smartctl is not installed"}

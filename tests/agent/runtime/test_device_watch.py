"""What is told of one device: real poller, judge and spool, an emulated device, counted time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.config import Device
from agent.devices.poller import Poller
from agent.health import RULES, HostClock
from agent.ports import Port
from agent.runtime.clock import SystemClock
from agent.runtime.device_watch import DRAWER, KNOWN, LONG, STATE_S, DeviceWatch
from agent.runtime.judging import Judging
from agent.runtime.outgoing import Outgoing
from agent.spool import Spool, SpoolFull
from protocols.device.registry import FAMILIES
from protocols.errors import PortHeld
from protocols.status.model import Identity
from protocols.wire import v1
from tests.agent.devices.virtual import CountedClock, MachinePort
from tests.agent.spool.reading import told
from tests.contract.families import CASES

KICK = b"\x1bp\x00\x19\xfa"
RIGHT = HostClock(0.0, 0.1, 60.0)


@dataclass
class Till:
    """`held`: the cash program has the port. `host`: what is known of the till's own clock."""

    spool: Spool
    clock: CountedClock
    family: str = "escpos"
    keys: dict[str, Any] = field(default_factory=dict)
    host: HostClock | None = None
    held: bool = False
    sees_kicks: bool = False
    called: list[float] = field(default_factory=list)
    opened: int = 0

    def __post_init__(self) -> None:
        self.machine = CASES[self.family].emulator()
        self.port = MachinePort(self.machine, self.clock)
        self.start()

    def start(self) -> None:
        """Also a restart: only what the spool kept is known."""
        device = Device(id="d", family=self.family, port="/dev/ttyUSB0", **self.keys)
        known = self.spool.read_state(f"{KNOWN}d")
        who = Identity(**{k: str(v) for k, v in known.items()}) if isinstance(known, dict) else None
        poller = Poller(device, FAMILIES[self.family], CASES[self.family].profiles, self.clock, known=who)
        self.outgoing = Outgoing(self.spool, lambda: None)
        subject = v1.Subject(kind=v1.SubjectKind.DEVICE, id="d")
        judging = Judging(subject, RULES, self.spool, self.outgoing, self.clock)
        self.watch = DeviceWatch(
            device, poller, judging, self.outgoing, self.clock,
            host=lambda: self.host, soon=self.called.append, sees_kicks=self.sees_kicks,
        )  # fmt: skip
        self.watch.restore({key: self.spool.read_state(key) for key in (f"{LONG}d", f"{DRAWER}d")})

    def open(self, address: str, line: object) -> Port:
        self.opened += 1
        if self.held:
            raise PortHeld(f"{address} is in use by another program")
        return self.port

    def run(self, seconds: float) -> None:
        end_s = self.clock.seconds + seconds
        while self.clock.seconds < end_s:
            self.watch.poll()
            self.clock.seconds += self.watch.delay_s()
        self.outgoing.flush()

    def kick(self) -> None:
        """As the tap would see it."""
        self.run(10)
        self.machine.receive(KICK)
        self.watch.kicked(self.clock.now(), self.clock.monotonic())
        self.run(30)
        self.machine.set_faults({"drawer_open": False})
        self.run(10)

    def told(self, kind: str) -> list[dict[str, Any]]:
        return told(self.spool.path, kind)

    def facts(self) -> list[tuple[str, dict[str, Any]]]:
        return [(fact["name"], fact.get("detail", {})) for fact in self.told("fact")]

    def events(self) -> list[str]:
        return [f"{event['code']} {event['change']}" for event in self.told("event")]

    def status(self) -> dict[str, Any]:
        kept = self.spool.read_state("device.d")
        assert isinstance(kept, dict)
        return kept


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.db", SystemClock(), owner=True) as made:
        yield made


@pytest.fixture
def printer(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> Till:
    return _till(monkeypatch, Till(spool, CountedClock(), sees_kicks=True))


@pytest.fixture
def fiscal(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> Till:
    """Its clock is the real one, and so is that of the till at its start."""
    return _till(monkeypatch, Till(spool, CountedClock(datetime.now(UTC)), "datecs_isl_legacy"))  # noqa: TID251


def _till(monkeypatch: pytest.MonkeyPatch, till: Till) -> Till:
    monkeypatch.setattr("agent.devices.poller.open_port", till.open)
    return till


def test_wear_counters_are_told_once_for_each_slow_round(fiscal: Till) -> None:
    fiscal.run(1000)
    told = [sample["values"] for sample in fiscal.told("sample")]
    assert len(told) == 4, "at first contact and every 300 s"
    assert all(values["paper_mm"] > 0 and values["cuts"] > 0 for values in told)
    assert {sample["subject"]["id"] for sample in fiscal.told("sample")} == {"d"}


def test_a_drawer_is_unknown_learned_told_and_still_known_after_a_restart(printer: Till) -> None:
    printer.run(60)
    assert printer.told("state")[-1]["state"].get("drawer_open") is None
    printer.kick()
    printer.kick()
    assert ("drawer.polarity_learned", {"open_when": "high"}) in printer.facts()
    assert printer.told("state")[-1]["state"]["drawer_open"] is False
    printer.kick()
    printer.start()
    printer.run(10)
    printer.machine.set_faults({"drawer_open": True})
    printer.run(10)
    opened = [detail for name, detail in printer.facts() if name == "drawer.opened"]
    assert opened == [{"kicked": True}, {"kicked": False}]
    closed = [detail.get("open_s") for name, detail in printer.facts() if name == "drawer.closed"]
    assert closed[0] is None, "it was open already when its polarity was learned"
    assert closed[1]
    assert closed[1] > 20
    printer.run(3 * 300)
    assert printer.told("sample")[-1]["values"]["drawer_kicks"] == 3
    assert printer.called[0] > 0, "the look after a kick is called for"


def test_a_drawer_that_a_kick_does_not_open_is_stuck_until_one_does(printer: Till) -> None:
    printer.keys = {"drawer_open_when": "high"}
    printer.start()
    for works in (False, True):
        printer.run(20)
        if works:
            printer.machine.receive(KICK)
        printer.watch.kicked(printer.clock.now(), printer.clock.monotonic())
        printer.run(20)
    assert printer.events() == ["drawer.stuck raised", "drawer.stuck cleared"]
    assert printer.told("event")[0]["reason"] == "it was kicked, and every look at it saw it shut"


def test_a_day_of_more_than_24_hours_is_told_with_its_reason(fiscal: Till) -> None:
    fiscal.machine.set_faults({"day_open": True})
    fiscal.run(30)
    assert "fiscal.day_over_24h raised" in fiscal.events()
    [event] = [e for e in fiscal.told("event") if e["code"] == "fiscal.day_over_24h"]
    assert event["reason"].startswith("the last Z report is of 20")


@pytest.mark.parametrize(
    ("host", "raised", "unknown"),
    [
        (None, [], "the collector has not told the time"),
        (HostClock(400.0, 0.1, 60.0), [], "the till's own clock is 400 s slow"),
        (RIGHT, ["fiscal.clock_drift raised"], ""),
    ],
    ids=["not told", "till wrong", "till right"],
)
def test_only_a_till_with_the_right_time_calls_a_clock_wrong(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, host: HostClock | None, raised: list[str], unknown: str
) -> None:
    late = datetime.fromtimestamp(datetime.now(UTC).timestamp() - 900, UTC)  # noqa: TID251
    till = _till(monkeypatch, Till(spool, CountedClock(late), "datecs_isl_legacy", host=host))
    till.run(30)
    assert [event for event in till.events() if "clock_drift" in event] == raised
    assert unknown in till.status()["unknown"].get("fiscal.clock_drift", "")


def test_while_the_cash_program_has_the_port_it_says_since_when_and_backs_off(printer: Till) -> None:
    printer.run(60)
    good_at = printer.status()["last_good_at"]
    printer.held, began = True, printer.clock.now()
    looks, printer.opened = printer.port.answers, 0
    printer.run(600)
    status = printer.status()
    assert (status["contact"], status["last_good_at"]) == ("in_use", good_at)
    since = datetime.fromisoformat(status["since"])
    assert (since - began).total_seconds() < 10
    state = printer.told("state")[-1]
    assert (state["contact"], state["last_good_at"]) == ("in_use", good_at.replace("+00:00", "Z"))
    assert printer.events() == []
    assert printer.port.answers == looks
    assert printer.opened < 600 / 5 / 2, "ever later"


def test_what_stands_still_is_told_every_few_minutes(printer: Till) -> None:
    printer.run(10 * STATE_S)
    assert 10 <= len(printer.told("state")) <= 13


def test_a_fact_that_the_disk_did_not_take_is_told_later(
    printer: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    printer.keys = {"drawer_open_when": "high"}
    printer.start()
    printer.run(20)
    printer.machine.set_faults({"drawer_open": True})
    with monkeypatch.context() as full:
        full.setattr(printer.spool, "put_all", _full)
        with pytest.raises(SpoolFull):
            printer.watch.poll()
    assert printer.facts() == []
    printer.run(20)
    assert printer.facts() == [("drawer.opened", {"kicked": False})]


def _full(*_: object, **__: object) -> None:
    raise SpoolFull("no room")


def test_what_cannot_be_read_of_an_earlier_run_is_begun_anew(printer: Till) -> None:
    printer.spool.put_all(state={f"{LONG}d": {"memory": {"never": 1}}, f"{DRAWER}d": {"kicks": "x"}})
    printer.start()
    printer.run(10)
    assert printer.status()["contact"] == "ok"

"""Every byte sequence that the agent can emit, taken apart by an independent reader and held against what each
family must never be sent and what is known to only read."""

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Self

import pytest

from agent.config import Device
from agent.devices import poller, prober
from agent.devices.poller import Poller
from protocols.device import datecs_isl_legacy
from protocols.device.exchange import Done, Exchange, Step, Write
from protocols.device.family import Command
from protocols.errors import DeviceError, UsageError
from tests.contract.dissect import WIRES, Said
from tests.contract.families import CASES, PROFILES, Case
from tests.contract.never import ALLOWED, LINE, NEVER, PHYSICAL, broken
from tests.emulators.machine import LINE_BEHAVIOURS, NOISE

STREAMS = {name: case for name, case in CASES.items() if not case.family.ports.whole_messages}
"""The others have a handful of messages, which test_never_message lists one by one."""
FAMILY = pytest.mark.parametrize("case", STREAMS.values(), ids=STREAMS.keys())
LONGEST = 40
"""Steps of one exchange. Each ends by itself long before."""
FAR = 256
"""So many numbers of a family with very many are driven; the rest is only encoded."""
FIXED = (
    b"", b"\x15", b"\x06", b"\x05", b"\x04", b"\x16", b"\x0e", b"\x12", b"\x1a", b"\xff\x06", NOISE, b"\x01",
    b"\x02", b"\xfe",
)  # fmt: skip
"""Silence; NAK, ACK, ENQ, EOT, SYN, RETRY; online and offline of ESC/POS; rubbish; what starts a frame."""


def sequences(case: Case) -> list[int]:
    """Every number that the family counts through."""
    codec = case.family.codec
    found = [codec.first_sequence()]
    while (following := codec.next_sequence(found[-1])) != found[0] and len(found) <= 0xFFFF:
        found.append(following)
    return found


def task_states(case: Case, sequence: int) -> list[bytes]:
    """What only a device with a shared buffer of tasks can say: in progress, exists, full, not found, failed."""
    if case.family.name != "atol_v3":
        return []
    from tests.emulators.atol_v3 import pack  # noqa: PLC0415

    states = (
        b"\xa1",
        b"\xa2",
        b"\xa3",
        b"\xa3\x55\x00\x01",
        b"\xa4\x55\x66",
        b"\xa5",
        b"\xb1",
        b"\xb2",
        b"\xb3",
    )
    return [pack((sequence + n) % 0xE0, state) for state in states for n in range(7)]


class Explorer:
    """Drives exchanges of one family in every way and keeps what they write."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.written: set[bytes] = set()

    def drive(self, command: Command, sequence: int, script: Iterator[bytes | str], machine: Any) -> None:
        exchange = self.case.family.codec.exchange(command, sequence)
        last = b""
        try:
            step = exchange.start()
            for _ in range(LONGEST):
                last = self._keep(step, last)
                if isinstance(step, Done):
                    return
                step = self._next(exchange, next(script), last, machine)
            exchange.expire()
        except DeviceError:
            return

    def _keep(self, step: Step, last: bytes) -> bytes:
        if isinstance(step, Write):
            self.written.add(step.data)
            return step.data
        if isinstance(step, Done) and step.farewell:
            self.written.add(step.farewell)
        return last

    def _next(self, exchange: Exchange, event: bytes | str, last: bytes, machine: Any) -> Step:
        if event == "answer":
            event = machine.receive(last)
        elif event == "half":
            event = machine.receive(last)[:-2]
        elif event == "echo":
            event = last
        assert isinstance(event, bytes)
        return exchange.receive(event) if event else exchange.silence()


def repeated(*events: bytes | str) -> Iterator[bytes | str]:
    while True:
        yield from events


def scripts(events: Sequence[bytes | str], rng: random.Random) -> Iterator[Iterator[bytes | str]]:
    """Each pair of events again and again; some answers and then one event for ever; and chance."""
    for pair in product(events, repeat=2):
        yield repeated(*pair)
    for count, event in product(range(1, 6), events):
        yield iter([*["answer"] * count, *[event] * LONGEST])
    for _ in range(60):
        yield iter(rng.choices(("answer", *events), k=LONGEST))


def explored(case: Case) -> Explorer:
    explorer, codec = Explorer(case), case.family.codec
    numbers, rng = sequences(case), random.Random(case.family.name)
    others = [stale(case, command) for command in case.family.read_only_commands]
    for command in case.family.read_only_commands:
        events = [*FIXED, "answer", "half", "echo", *rng.sample(others, 2), *task_states(case, numbers[0])]
        for script in scripts(events[:24] if len(events) > 30 else events, rng):
            explorer.drive(command, numbers[0], script, case.emulator())
        for event in events:
            explorer.drive(command, numbers[0], iter([event] * (LONGEST + 1)), case.emulator())
        for behaviour in {*case.emulator.behaviours_known, *LINE_BEHAVIOURS} - {"vanish"}:
            machine = case.emulator()
            machine.set_behaviour({behaviour: True})
            explorer.drive(command, numbers[0], repeated("answer"), machine)
            explorer.drive(command, numbers[0], repeated("answer", b""), machine)
    machine = case.emulator()
    for sequence in numbers if len(numbers) <= FAR else rng.sample(numbers, FAR):
        for command in case.family.read_only_commands:
            for event in ("answer", b"", b"\x15"):
                explorer.drive(command, sequence, repeated(event), machine)
            explorer.written.add(codec.encode(command, sequence))
    return explorer


def stale(case: Case, command: Command) -> bytes:
    codec = case.family.codec
    return bytes(case.emulator().receive(codec.encode(command, codec.first_sequence())))


@FAMILY
def test_what_an_exchange_writes_only_reads(case: Case) -> None:
    """Every command, every number, every step that any answer or silence leads to."""
    name = case.family.name
    written = explored(case).written
    said = {one for raw in written for one in WIRES[name].read(raw)}
    assert [reason for one in said if (reason := broken(name, one))] == []
    assert LINE.get(name, frozenset()) <= {one.command for one in said}
    assert len(written) >= min(len(sequences(case)), FAR)


@FAMILY
def test_no_number_makes_a_command_another_one(case: Case) -> None:
    """All numbers of a family with very many: each command in turn, so that no checksum or mask changes what
    is said."""
    name, codec, numbers = case.family.name, case.family.codec, sequences(case)
    commands = case.family.read_only_commands
    once = {command.name: WIRES[name].read(codec.encode(command, numbers[0])) for command in commands}
    for at, sequence in enumerate(numbers):
        for command in commands if len(numbers) <= FAR else commands[at % len(commands) :][:1]:
            assert WIRES[name].read(codec.encode(command, sequence)) == once[command.name]


@FAMILY
def test_every_forbidden_thing_is_caught(case: Case) -> None:
    """The control: crafted by the same independent hand, each is read back and refused."""
    name = case.family.name
    for rule in (*NEVER[name], *PHYSICAL[name]):
        assert rule.holds(rule.said), rule
        said = WIRES[name].read(WIRES[name].craft(rule.said))
        assert any(broken(name, one) for one in said), rule
    assert len(NEVER[name]) > 5


@FAMILY
def test_what_nobody_listed_is_refused_too(case: Case) -> None:
    assert broken(case.family.name, Said(b"\xfe\xfe\xfe"))


@FAMILY
def test_what_is_allowed_is_not_forbidden(case: Case) -> None:
    """No two tables contradict each other for anything that the family has."""
    name = case.family.name
    codec = case.family.codec
    for command in case.family.read_only_commands:
        for said in WIRES[name].read(codec.encode(command, codec.first_sequence())):
            assert not any(rule.holds(said) for rule in (*NEVER[name], *PHYSICAL[name]))
            assert said.command in LINE.get(name, ()) or any(rule.holds(said) for rule in ALLOWED[name])


# What the agent itself can do with a family


@FAMILY
def test_a_drawer_or_a_beep_cannot_be_constructed(case: Case) -> None:
    codec = case.family.codec
    for rule in PHYSICAL[case.family.name]:
        codes = [int.from_bytes(rule.command, "big"), rule.command.decode("latin-1")]
        for code, data in product(codes, (rule.example, b"", b"\x00", b"\x01", b"0", b"50\t")):
            for build in (codec.encode, codec.exchange):
                with pytest.raises(UsageError):
                    build(Command("kick", code, data), codec.first_sequence())


ROOM = Path(poller.__file__).parent
WRITERS = {"runner.py"}
"""The only file of the room that hands bytes to a port; they come out of an exchange."""


def test_the_room_of_the_devices_makes_no_command_of_its_own() -> None:
    found = {path.name: offences(path.read_text("utf-8")) for path in sorted(ROOM.glob("*.py"))}
    assert {
        name: calls for name, calls in found.items() if calls - ({"write"} if name in WRITERS else set())
    } == {}
    assert found["runner.py"] == {"write"}
    assert offences("port.write(b'x')\nCommand('kick', 40)") == {"write", "Command"}


def offences(source: str) -> set[str]:
    """Calls that could build or send a command of one's own."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls}
    return names & {"Command", "write", "pack", "encode"}


class Wire:
    """A port with an emulator at its end that waits for nothing and keeps what is written."""

    def __init__(self, machine: Any, clock: "Jumping") -> None:
        self.machine, self.clock = machine, clock
        self.written: list[bytes] = []
        self._coming = b""

    def write(self, data: bytes) -> None:
        self.written.append(bytes(data))
        self._coming += self.machine.receive(data)

    def read(self, wait_s: float) -> bytes:
        data, self._coming = self._coming, b""
        if not data:
            self.clock.at += wait_s
            self.machine.quiet()
        return data

    def contended(self) -> bool:
        return False

    def close(self) -> None:
        self._coming = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Jumping:
    """A clock that only a silent port moves."""

    at = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 11, 25, 12, tzinfo=UTC) + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    def wait(self, event: Event, timeout_s: float) -> bool:
        self.at += timeout_s
        return event.is_set()


def states(case: Case) -> Iterator[Any]:
    """The device with each of its faults and each of its behaviours."""
    yield case.emulator()
    for fault in case.emulator.faults_known:
        machine = case.emulator()
        machine.set_faults({fault: True})
        yield machine
    for behaviour in {*case.emulator.behaviours_known, *LINE_BEHAVIOURS} - {"vanish"}:
        machine = case.emulator()
        machine.set_behaviour({behaviour: True})
        yield machine


@FAMILY
def test_what_poller_and_prober_write_only_reads(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    name = case.family.name
    for machine in states(case):
        clock = Jumping()
        wire = Wire(machine, clock)
        for room in (poller, prober):
            monkeypatch.setattr(room, "open_port", lambda *_, wire=wire: wire)
        device = Device(id="d", family=name, port="/dev/null", poll_s=2.0)
        watch = Poller(device, case.family, PROFILES[name], clock, jitter=lambda low, high: high)
        for _ in range(4):
            watch.poll()
            clock.at += 400
        try:
            prober.probe("/dev/null", [case.family], PROFILES, clock, bauds=(9600,))
        except DeviceError:
            assert wire.written
        said = [one for raw in wire.written for one in WIRES[name].read(raw)]
        assert said
        assert [reason for one in said if (reason := broken(name, one))] == []
        assert machine.forbidden == []


def test_the_walk_would_see_a_command_that_slipped_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the walk: one command more in the allow-list of a real family."""
    case, report = CASES["datecs_isl_legacy"], Command("Z report", 0x45, b"0")
    listed = {**datecs_isl_legacy._ALLOWED, (0x45, b"0"): report}
    monkeypatch.setattr(datecs_isl_legacy, "_ALLOWED", listed)
    family = replace(case.family, read_only_commands=(*case.family.read_only_commands[:2], report))
    said = [
        one
        for raw in explored(replace(case, family=family)).written
        for one in WIRES["datecs_isl_legacy"].read(raw)
    ]
    assert {reason for one in said if (reason := broken("datecs_isl_legacy", one))} == {
        "b'E' with b'0' is forbidden: 1.4 NEVER"
    }

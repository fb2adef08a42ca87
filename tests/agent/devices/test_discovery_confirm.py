"""Ports that may be asked are asked until somebody answers; others get no byte. Over ptys."""

import subprocess
import sys
import termios
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.devices import profile_store
from agent.devices.discovery import Permission, Reason, Standing
from agent.devices.discovery_confirm import Confidence, Outcome, Plan, discover
from agent.devices.discovery_setup import configuration
from agent.devices.prober import Asking
from agent.ports.discovery import Sighting, look
from protocols.device.family import Family, Way
from protocols.device.registry import FAMILIES
from protocols.errors import DeviceError, Garbled, NoReply, PortGone, PortHeld, Unexpected
from tests.agent.devices.bench import HurriedPort, QuickPort, RawPty, SkewedClock, Till
from tests.contract.families import CASES
from tests.emulators.runner import TcpLine

ALL = list(FAMILIES.values())
SERIAL = [family for family in ALL if Way.SERIAL in family.ports.ways]
PROFILES = profile_store.load()
QUESTIONS_OF_ITS_OWN = {"star_line": {"text", "04"}}
"""DLE EOT n, the question that goes before, is to a Star printer in Star Line Mode: a control code that it does
not know, EOT, which asks for a status byte, and another unknown one. It prints none of them; its emulator
records them because Plomba's Star family never sends them. docs/limits.md says so."""


def asked(plan: Plan, *sightings: Sighting, progress: list[Asking] | None = None) -> list[Outcome]:
    seen = progress.append if progress is not None else lambda asking: None
    return list(discover(sightings, plan, SkewedClock(), seen))


def plain(port: str, **words: str) -> Sighting:
    return Sighting(way=Way.SERIAL, address=port, names=(port,), held=False, **words)  # type: ignore[arg-type]


def plan(*ports: str, families: list[Family] = ALL, bauds: tuple[int, ...] = (9600,)) -> Plan:
    return Plan(families, PROFILES, listed=ports, bauds=bauds)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.devices.prober.open_port", QuickPort)


@pytest.fixture
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.devices.prober.open_port", HurriedPort)


# A drawer that opens on any byte


class Trigger:
    """A trigger box on a serial port: whatever comes opens the drawer."""

    def __init__(self) -> None:
        self.pty = RawPty(lambda data: b"")

    @property
    def opened(self) -> bool:
        return bool(self.pty.received)


@pytest.fixture
def trigger() -> Iterator[Trigger]:
    box = Trigger()
    yield box
    box.pty.close()


@pytest.mark.usefixtures("_hurried")
def test_a_drawer_that_nobody_listed_gets_no_byte(trigger: Trigger) -> None:
    ch340 = replace(plain(trigger.pty.path), vid=0x1A86, pid=0x7523, product="USB Serial")
    found = asked(plan(), plain(trigger.pty.path), ch340)
    assert not trigger.opened
    assert [o.left[0].code for o in found] == ["leave.unknown", "leave.adapter"]


@pytest.mark.usefixtures("_hurried")
def test_without_the_rule_it_opens(trigger: Trigger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    anything = Permission(True, Reason("ask.anything", "the rule is off"))
    monkeypatch.setattr("agent.devices.discovery_confirm.permission", lambda *_: anything)
    monkeypatch.setattr("agent.devices.discovery_confirm.to_ask", lambda *_, **__: SERIAL[:1])
    asked(plan(), plain(trigger.pty.path))
    assert trigger.opened


@pytest.mark.usefixtures("_hurried")
def test_a_known_drawer_gets_no_byte_though_it_is_listed(trigger: Trigger) -> None:
    path = trigger.pty.path
    found = asked(plan(path), plain(path, product="USB Cash Drawer"))
    assert not trigger.opened
    assert found[0].left[0].code == "leave.drawer"
    asked(plan(path, families=SERIAL[:1]), plain(path))  # the control: not known as a drawer
    assert trigger.opened


@pytest.mark.usefixtures("_hurried")
def test_a_dry_run_writes_nothing_and_says_what_it_would_do(trigger: Trigger) -> None:
    path = trigger.pty.path
    found = asked(replace(plan(path), dry=True), plain(path))
    assert not trigger.opened
    assert found[0].left[0].code == "leave.dry_run"
    assert all(family.name in found[0].left[0].text for family in SERIAL)


# Every family, by its emulator


@pytest.fixture(params=SERIAL, ids=[family.name for family in SERIAL])
def till(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Till]:
    made = Till(tmp_path, request.param.name)
    made.plug_in()
    yield made
    made.unplug()


@pytest.mark.usefixtures("_quick")
def test_every_family_is_found_on_a_listed_port_and_is_sent_nothing_forbidden(till: Till) -> None:
    """The questions of the families before it come first: none of them may be anything that it must not be
    sent."""
    (found,) = asked(plan(till.port), *look([till.port])[-1:])
    assert found.family == till.family
    assert found.confidence is Confidence.CERTAIN
    assert found.finding
    assert found.finding.identity.model == till.machine.model
    assert found.left == ()
    assert set(till.machine.forbidden) <= QUESTIONS_OF_ITS_OWN.get(till.family, set())


def test_a_printer_on_the_network_is_found_where_it_is_listed() -> None:
    line = TcpLine(CASES["escpos"].emulator(), ("127.0.0.1", 0))
    line.start()
    try:
        (found,) = asked(plan(line.path), *look([line.path])[-1:])
    finally:
        line.stop()
    assert (found.family, found.confidence) == ("escpos", Confidence.CERTAIN)
    assert "baud" not in configuration([found])


def test_in_another_order_a_receipt_printer_prints_what_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the order."""
    monkeypatch.setattr("agent.devices.prober.open_port", QuickPort)
    monkeypatch.setattr("agent.devices.prober.in_order", lambda families: list(families)[::-1])
    printer = Till(tmp_path, "escpos")
    printer.plug_in()
    try:
        asked(plan(printer.port), plain(printer.port))
        assert "text" in printer.machine.forbidden
    finally:
        printer.unplug()


def test_a_printer_that_does_not_name_itself_is_likely_and_not_certain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.devices.prober.open_port", QuickPort)
    printer = Till(tmp_path, "escpos")
    printer.plug_in()
    printer.machine.set_behaviour({"no_identity": True})
    try:
        (found,) = asked(plan(printer.port), plain(printer.port))
    finally:
        printer.unplug()
    assert (found.family, found.confidence) == ("escpos", Confidence.LIKELY)
    assert any("did not say who it is" in reason.text for reason in found.why)
    assert printer.machine.forbidden == []


# Speeds


class Paced:
    """A device that notes at which speed each question came."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.heard: list[tuple[int, bytes]] = []
        self._answers = answers
        self.pty = RawPty(self._answer)

    def _answer(self, data: bytes) -> bytes:
        self.heard.append((termios.tcgetattr(self.pty.master)[4], data))
        return self._answers.get(data, b"")

    @property
    def speeds(self) -> set[int]:
        return {speed for speed, _ in self.heard}


def paced(answer: bytes, kind: type[DeviceError], monkeypatch: pytest.MonkeyPatch) -> Paced:
    """Asked with ESC/POS and Star Line at all their speeds; the first question is answered with `answer`."""
    monkeypatch.setattr("agent.devices.prober.open_port", QuickPort)
    device = Paced({b"\x10\x04\x01": answer})
    families = [FAMILIES["escpos"], FAMILIES["star_line"]]
    try:
        (found,) = asked(plan(device.pty.path, families=families, bauds=()), plain(device.pty.path))
        assert isinstance(found.error, kind)
    finally:
        device.pty.close()
    return device


def test_a_device_that_answered_is_not_spoken_to_at_another_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An echo is an answer, if to no family's question."""
    device = paced(b"\x10\x04\x01", Unexpected, monkeypatch)
    assert device.speeds == {termios.B9600}
    assert {data for _, data in device.heard} == {b"\x10\x04\x01", b"\x1b\x06\x01"}


@pytest.mark.parametrize(("answer", "kind"), [(b"", NoReply), (b"\xff\xfe", Garbled)])
def test_a_device_that_gave_no_answer_is_tried_at_all_speeds(
    answer: bytes, kind: type[DeviceError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control; bytes that mean nothing are what a wrong speed looks like."""
    device = paced(answer, kind, monkeypatch)
    assert {termios.B9600, termios.B19200, termios.B38400, termios.B115200} <= device.speeds


def test_a_device_is_found_at_the_speed_that_it_is_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.devices.prober.open_port", QuickPort)
    printer = CASES["escpos"].emulator()
    master: list[int] = []

    def answer(data: bytes) -> bytes:
        right = termios.tcgetattr(master[0])[4] == termios.B38400
        return printer.receive(data) if right else b""

    pty = RawPty(answer)
    master.append(pty.master)
    try:
        (found,) = asked(plan(pty.path, bauds=()), plain(pty.path))
    finally:
        pty.close()
    assert found.finding
    assert (found.finding.family, found.finding.baud) == ("escpos", 38400)
    assert "baud = 38400" in configuration([found])


# What goes wrong


HOLDER = (
    "import serial, sys; p = serial.Serial(sys.argv[1], exclusive=True); print('held', flush=True); input()"
)


def test_a_port_in_use_is_said_to_be_in_use_and_gets_no_byte(trigger: Trigger) -> None:
    path = trigger.pty.path
    command = [sys.executable, "-c", HOLDER, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        (seen,) = asked(plan(path), *look([path])[-1:])
        (late,) = asked(plan(path), plain(path))  # it was free when it was looked at
        holder.communicate("\n", timeout=30)
    assert (seen.held, seen.left[0].code, seen.error) == (True, "leave.held", None)
    assert (late.held, late.left[0].code) == (True, PortHeld.code)
    assert isinstance(late.error, PortHeld)
    assert not seen.asked
    assert not late.asked
    assert not trigger.opened


@pytest.mark.usefixtures("_hurried")
def test_one_bad_port_does_not_end_the_search(tmp_path: Path, trigger: Trigger) -> None:
    gone = str(tmp_path / "gone")
    printer = Till(tmp_path, "escpos")
    printer.plug_in()
    try:
        ports = (gone, trigger.pty.path, printer.port)
        found = asked(plan(*ports, families=SERIAL[:1]), *(plain(port) for port in ports))
    finally:
        printer.unplug()
    assert isinstance(found[0].error, PortGone)
    assert isinstance(found[1].error, NoReply)
    assert found[2].family == "escpos"
    assert found[1].confidence is Confidence.NONE


@pytest.mark.usefixtures("_hurried")
def test_progress_names_port_family_speed_and_how_far(trigger: Trigger) -> None:
    seen: list[Asking] = []
    path = trigger.pty.path
    asked(plan(path, families=SERIAL[:2], bauds=(9600, 19200)), plain(path), progress=seen)
    assert [(a.family, a.baud, a.number, a.of) for a in seen] == [
        ("escpos", 9600, 1, 4),
        ("escpos", 19200, 2, 4),
        ("star_line", 9600, 3, 4),
        ("star_line", 19200, 4, 4),
    ]
    assert {a.port for a in seen} == {path}


def test_a_listed_port_that_the_system_does_not_list_is_asked_too(trigger: Trigger) -> None:
    (seen,) = [s for s in look([trigger.pty.path, "socket://192.0.2.1:9100"]) if s.way is Way.TCP]
    assert (seen.listed_only, seen.held, seen.address) == (True, None, "socket://192.0.2.1:9100")
    assert plan("socket://192.0.2.1:9100").standing(seen) == Standing(listed=True)

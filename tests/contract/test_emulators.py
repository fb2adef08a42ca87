"""Every emulator as a process on a real pty: ready line, control port, behaviours of the line, and the
agent's port."""

import ast
import importlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import serial

from agent.devices import profile_store
from agent.ports.serial_port import SerialPort
from protocols.device.exchange import Done, Frame, Write
from protocols.device.family import Command, Family, Reply, When
from protocols.device.registry import FAMILIES
from protocols.errors import PortGone, PortHeld
from tests.contract.families import CASES
from tests.emulators.command_line import listing
from tests.emulators.machine import LINE_BEHAVIOURS

LISTEN_S = 2.0
HELD = (
    "import serial, sys; p = serial.Serial(sys.argv[1], exclusive=True); print('held', flush=True); input()"
)


class Running:
    """An emulator as a process of its own."""

    def __init__(self, family: Family, folder: Path) -> None:
        self.family = family
        self.link = folder / f"{family.name}.pty"
        command = [sys.executable, "-m", f"tests.emulators.{family.name}", "--pty", str(self.link)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.ready: dict[str, Any] = json.loads(self.process.stdout.readline())

    def call(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.ready["control"] + path, data, timeout=30) as answer:
            return json.load(answer)

    def open(self) -> SerialPort:
        assert self.family.ports.serial
        return SerialPort(str(self.link), self.family.ports.serial)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        if self.process.stdout:
            self.process.stdout.close()
        return code


SERIAL = {name: family for name, family in FAMILIES.items() if family.ports.serial}
"""Those that can be on a pty."""


@pytest.fixture(params=list(SERIAL.values()), ids=list(SERIAL))
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    emulator = Running(request.param, tmp_path)
    yield emulator
    emulator.stop()


def ask(port: SerialPort, family: Family, sequence: int = 0) -> Done:
    """One poll over the real port; a time-out of the line is a time-out of the exchange."""
    command: Command = family.commands(When.POLL)[0]
    exchange = family.codec.exchange(command, sequence or family.codec.first_sequence())
    step = exchange.start()
    while not isinstance(step, Done):
        if isinstance(step, Write):
            port.write(step.data)
        data = port.read(LISTEN_S)
        step = exchange.receive(data) if data else exchange.silence()
    if step.farewell:
        port.write(step.farewell)
    return step


def test_it_answers_over_a_real_pty_again_and_again(running: Running) -> None:
    sequence = running.family.codec.first_sequence()
    for _ in range(3):  # the port is closed between polls; the emulator must notice every opening
        with running.open() as port:
            frame = ask(port, running.family, sequence).frame
            assert frame.status or frame.data
        sequence = running.family.codec.next_sequence(sequence)
    assert running.call("/forbidden") == []


@pytest.mark.parametrize("behaviour", ["split", "slow", "noise", "echo"])
def test_a_difficult_line_gives_the_same_answer(running: Running, behaviour: str) -> None:
    with running.open() as port:
        expected = ask(port, running.family).frame
    running.call("/behaviour", {behaviour: True})
    with running.open() as port:
        frame = ask(port, running.family).frame
    assert told(running.family, frame) == told(running.family, expected)


def told(family: Family, frame: Frame) -> tuple[object, ...]:
    """What a reply says, but for the number of a device that counts its frames itself, and the time of day."""
    asked = family.commands(When.POLL)[0].request(frame.sequence)
    state = family.read_state([Reply(frame, asked)], profile_store.load()[family.name].common)
    said = (frame.command, frame.error, len(frame.data), frame.status)
    return *said, replace(state, device_time=None)


def test_a_port_that_vanishes_is_gone(running: Running) -> None:
    running.call("/behaviour", {"vanish": True})
    with running.open() as port, pytest.raises(PortGone):
        ask(port, running.family)
    with pytest.raises(PortGone):
        running.open()


def test_a_port_that_another_program_holds_is_left_alone(running: Running) -> None:
    before = running.call("/state")["received_bytes"]
    holder = subprocess.Popen(
        [sys.executable, "-c", HELD, str(running.link)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(PortHeld):
        running.open()
    assert running.call("/state")["received_bytes"] == before
    holder.communicate("\n", timeout=30)
    with running.open() as port:  # the control: once it is free, we get it
        assert ask(port, running.family)


def test_faults_are_switched_over_the_control_port(running: Running) -> None:
    assert running.call("/faults", {"paper_end": True})["faults"]["paper_end"] is True
    assert running.call("/state")["faults"]["paper_end"] is True
    assert running.call("/reset", {})["faults"]["paper_end"] is False


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/faults", {"sadness": True}, 400),
        ("/behaviour", {"sadness": 1}, 400),
        ("/faults", [], 400),
        ("/x", {}, 404),
    ],
)
def test_an_unknown_name_is_refused(running: Running, path: str, body: object, code: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        running.call(path, body)
    assert caught.value.code == code
    caught.value.close()


def test_it_records_what_a_cash_program_does(running: Running) -> None:
    module = importlib.import_module(f"tests.emulators.{running.family.name}")
    raw = next(iter(module.FORBIDDEN_EXAMPLES.values()))
    with serial.Serial(str(running.link), timeout=0) as port:
        port.write(raw)
        port.flush()
    with running.open() as port:
        ask(port, running.family, 0x7F)
    assert len(running.call("/forbidden")) == 1


def test_no_emulator_knows_the_product() -> None:
    """Else a mistake of ours would be in both, and no test would see it."""
    files = sorted((Path(__file__).parents[1] / "emulators").glob("*.py"))
    known = {path.name: imported(path) & {"agent", "collector", "protocols"} for path in files}
    assert {name for name, rooms in known.items() if rooms} == set()
    assert len(files) > len(FAMILIES)
    assert "protocols" in imported(Path(__file__)), "the control"


def imported(path: Path) -> set[str]:
    """The top-level names of what a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {
        name.split(".")[0]
        for name in plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    }


def started(family: Family, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.emulators.{family.name}", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


BY_HAND = pytest.mark.parametrize("family", SERIAL.values(), ids=SERIAL.keys())
EVERY = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


@BY_HAND
def test_by_hand_it_starts_with_a_fault_and_tells_of_a_forbidden_command(
    family: Family, tmp_path: Path
) -> None:
    """A fault that does not stop the printer: else a buffered command comes when it is over."""
    module = importlib.import_module(f"tests.emulators.{family.name}")
    fault = next(
        f for f in ("paper_near_end", "drawer_open") if f in CASES[family.name].emulator.faults_known
    )
    link = tmp_path / "by-hand.pty"
    given = ("--pty", str(link), "--fault", fault, "--behaviour", "split=2")
    process = started(family, *given)
    assert process.stdout
    assert process.stderr
    ready = json.loads(process.stdout.readline())
    with urllib.request.urlopen(ready["control"] + "/state", timeout=30) as answer:
        state = json.load(answer)
    assert (state["faults"][fault], state["behaviour"]) == (True, {"split": 2})
    with serial.Serial(str(link), timeout=0) as port:
        port.write(next(iter(module.FORBIDDEN_EXAMPLES.values())))
        assert process.stderr.readline().startswith(f"{family.name}: forbidden: ")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


@EVERY
@pytest.mark.parametrize("option", ["--model", "--fault", "--behaviour"])
def test_by_hand_a_wrong_name_is_refused_with_the_right_ones(
    family: Family, option: str, tmp_path: Path
) -> None:
    place = ("--pty", str(tmp_path / "x.pty")) if family.ports.serial else ()
    kind = CASES[family.name].emulator
    known = {"--model": kind.models[0], "--fault": kind.faults_known[0], "--behaviour": "silent"}
    process = started(family, *place, option, "no-such-name")
    _, error = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "no-such-name" in error
    assert known[option] in error
    assert "Traceback" not in error


@pytest.mark.parametrize("where", [("--pty", "/no/such/folder/x.pty"), ("--tcp", "nonsense"), ()])
def test_by_hand_a_wrong_place_is_refused(where: tuple[str, ...]) -> None:
    process = started(FAMILIES["escpos"], *where)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "Traceback" not in error


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - SERIAL.keys() - {"erpnet_fp"}))
def test_what_has_no_line_says_so(name: str) -> None:
    process = started(FAMILIES[name])
    _, error = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "cannot be run by hand" in error


@EVERY
def test_by_hand_it_shows_what_it_can_do(family: Family) -> None:
    """In this process, once: every model, fault and behaviour, each behaviour with its words."""
    kind = CASES[family.name].emulator
    lines = listing(kind).splitlines()
    assert {line.split("  ")[0] for line in map(str.strip, lines)} >= {*kind.faults_known}
    assert all(any(name in line for line in lines) for name in kind.models)
    told = {line.split()[0]: line.split()[1:] for line in lines[lines.index("behaviours") + 1 :]}
    assert told.keys() == {*LINE_BEHAVIOURS, *kind.behaviours_known}
    assert [name for name, words in told.items() if not words] == []


def test_by_hand_the_list_is_printed() -> None:
    process = started(FAMILIES["escpos"], "--list")
    shown, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert shown == listing(CASES["escpos"].emulator)


def test_it_rests_while_nobody_asks(running: Running) -> None:
    with running.open() as port:
        ask(port, running.family)
    before = cpu_ticks(running.process.pid)
    Event().wait(0.5)
    assert cpu_ticks(running.process.pid) - before <= 5  # of 50


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_it_ends_when_told_and_takes_its_link_away(running: Running) -> None:
    assert os.path.lexists(running.link)
    assert running.stop() == 0
    assert not os.path.lexists(running.link)

"""The agent dies, the cash program goes on: nothing of what it exchanges is lost or changed."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.ports import tap_client, tap_start
from protocols.device.overhear import SILENCE_S
from tests.agent.ports.tapped import LONG_S, PYTHON, Rig, read, until
from tests.agent.ports.test_tap_questions import pause

AGENT = """
import sys, threading
from pathlib import Path
from agent.ports import tap_start
from agent.ports.tap_client import TapClient
from agent.ports.tap_port import TapPort
from agent.runtime.clock import SystemClock
from protocols.device.registry import FAMILIES
from protocols.errors import PortHeld
printer, link, control = sys.argv[1:]
tap_start.ensure(tap_start.TapPlan(printer, link, Path(control), 9600))
client = TapClient(Path(control), FAMILIES["escpos"].overhear(), lambda heard, at_s: None, SystemClock())
port, answers = TapPort(client), 0
print("ready", flush=True)
while True:
    threading.Event().wait(0.01)
    try:
        port.write(b"\\x10\\x04\\x01")
    except PortHeld:
        continue
    if port.read(1.0) == b"\\x12":
        answers += 1
        print(answers, flush=True)
"""
LINE = b"Kafija 2.50\n"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.plug_in()
    yield made
    made.close()


@contextmanager
def agent(rig: Rig) -> Iterator[subprocess.Popen[str]]:
    arguments = [rig.plan.printer, rig.plan.link, str(rig.plan.control)]
    with subprocess.Popen([PYTHON, "-c", AGENT, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def exchange(pos: int) -> bool:
    """A line and the question whether there is paper, as a cash program has it; True when all is as it should
    be. The roll is near its end, so that an answer of the agent's question would be seen."""
    try:
        os.write(pos, LINE + b"\x10\x04\x04")
        return read(pos, 1, 2.0) == b"\x1e"
    except OSError:
        return False


def exchanges(pos: int, count: int) -> int:
    """How many of so many were right. Between them the line is still for long enough to be asked."""
    right = 0
    for _ in range(count):
        pause(0.06)
        right += exchange(pos)
    return right


def begin(rig: Rig) -> int:
    rig.machine.set_faults({"paper_near_end": True})
    pause(SILENCE_S + 0.1)
    pos = rig.end()
    os.write(pos, b"\x1b@")
    return pos


def printed(rig: Rig) -> int:
    return sum(job == {"text": "Kafija 2.50"} for job in rig.machine.state()["jobs"])


def test_not_one_exchange_is_lost_when_the_agent_is_killed(rig: Rig) -> None:
    with agent(rig) as process:
        pos = begin(rig)
        assert exchanges(pos, 15) == 15
        assert process.stdout
        answers = process.stdout.readline()
        assert answers, "it asked in between"
        process.kill()
        process.wait(LONG_S)
        assert exchanges(pos, 15) == 15
    assert printed(rig) == 30
    assert read(pos, 1, 0.1) == b"", "and nothing more came"
    said = tap_client.greeting(rig.plan.control)
    with agent(rig) as process:
        assert tap_client.greeting(rig.plan.control).pid == said.pid, "the next agent takes the same tap"
        assert exchanges(pos, 10) == 10
        assert process.stdout
        assert process.stdout.readline(), "and knows where the line is"
    tap_client.stop(rig.plan.control)


def test_without_the_tap_the_exchanges_are_lost(rig: Rig) -> None:
    """The control of the test above: it is the tap that must not die."""
    tap_start.ensure(rig.plan)
    pos = begin(rig)
    assert exchanges(pos, 5) == 5
    pid = tap_client.greeting(rig.plan.control).pid
    os.kill(pid, 9)
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert exchanges(pos, 2) == 0
    tap_start.ensure(rig.plan)
    rig.leave(pos)
    pos = rig.end()
    assert exchanges(pos, 5) == 5, "a new one, and the cash program opens its port again"
    tap_client.stop(rig.plan.control)
    until(lambda: Path(rig.plan.link).readlink() == Path(rig.plan.printer))

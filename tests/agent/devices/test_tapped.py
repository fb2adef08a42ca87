"""A device behind a tap, polled by the usual poller: in the gaps of the cash program, by ear where there are
none, and never at its cost."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from agent.config import Device
from agent.devices import profile_store
from agent.devices.tapped import TappedPoller
from agent.ports import tap_client
from agent.ports import tap_wire as wire
from protocols.device.overhear import SILENCE_S
from protocols.device.registry import FAMILIES
from protocols.wire.v1 import Contact
from tests.agent.devices.bench import SkewedClock
from tests.agent.ports.tapped import Rig, read, until

INIT, ASK = b"\x1b@", b"\x10\x04\x01"
HALF = b"\x1b*\x00\x06\x00\x11\x22"


class Till:
    """`rig.plan` is of no use here: the poller starts its own tap."""

    def __init__(self, folder: Path, family: str = "escpos") -> None:
        self.rig = Rig(folder, family)
        self.rig.plug_in()
        self.clock = SkewedClock()
        self.kicks: list[tuple[datetime, float]] = []
        self.stirred = 0
        self.device = Device(
            id="till",
            family=family,
            port=self.rig.plan.printer,
            sharing="tap",
            tap_link=self.rig.plan.link,
            poll_s=2.0,
        )
        profiles = profile_store.load()[family]
        self.poller = TappedPoller(self.device, FAMILIES[family], profiles, self.clock, folder)
        self.poller.listen(lambda at, at_s: self.kicks.append((at, at_s)), self.stir)
        self.control = folder / "tap" / "till.sock"

    def stir(self) -> None:
        self.stirred += 1

    def begin(self) -> int:
        """The cash program opens its port and begins a job."""
        until(lambda: Path(self.rig.plan.link).is_symlink())
        pause(SILENCE_S + 0.1)
        pos = self.rig.end()
        self.send(pos, INIT)
        return pos

    def send(self, pos: int, data: bytes) -> None:
        """And wait until the agent has heard it."""
        client = self.poller._client
        assert client
        wanted = client.seen[1] + len(data)
        os.write(pos, data)
        until(lambda: client.seen[1] == wanted)

    def close(self) -> None:
        self.poller.close()
        try:
            tap_client.stop(self.control)
        finally:
            self.rig.close()


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[str], Till]]:
    made: list[Till] = []

    def one(family: str = "escpos") -> Till:
        made.append(Till(tmp_path, family))
        return made[0]

    yield one
    for till in made:
        till.close()


@pytest.fixture
def till(make: Callable[[], Till]) -> Till:
    return make()


def test_it_is_read_in_a_gap(till: Till) -> None:
    first = till.poller.poll()
    assert first.contact is Contact.IN_USE
    assert "not begun a job" in first.reason
    till.begin()
    till.rig.machine.set_faults({"paper_near_end": True})
    reading = till.poller.poll()
    assert reading.contact is Contact.OK
    assert reading.state.paper_near_end is True
    assert reading.state.online is True
    assert till.rig.machine.forbidden == ["1B 40"], "the cash program's own"


def test_a_fiscal_printer_is_read_in_a_gap(make: Callable[[str], Till]) -> None:
    till = make("datecs_isl_legacy")
    till.poller.poll()
    codec, commands = FAMILIES["datecs_isl_legacy"].codec, FAMILIES["datecs_isl_legacy"].read_only_commands
    pause(SILENCE_S + 0.1)
    pos = till.rig.end()
    os.write(pos, codec.encode(commands[1], 0x20))
    assert read(pos, 10)
    till.rig.machine.set_faults({"paper_end": True})
    pause(0.1)
    read(pos, 200, 0.1)
    reading = till.poller.poll()
    assert reading.contact is Contact.OK, reading.reason
    assert reading.state.paper_end is True
    assert read(pos, 1, 0.1) == b"", "its answers are not the cash program's"


def test_in_the_middle_of_a_command_it_is_in_use(till: Till) -> None:
    till.poller.poll()
    pos = till.begin()
    till.send(pos, HALF)
    received = till.rig.machine.received
    reading = till.poller.poll()
    assert reading.contact is Contact.IN_USE
    assert "middle of a command" in reading.reason
    assert till.poller.next_delay_s == 2.0
    assert till.rig.machine.received == received


def test_where_there_is_no_gap_the_cash_programs_own_answers_tell(till: Till) -> None:
    till.poller.poll()
    pos = till.begin()
    till.rig.machine.set_faults({"paper_end": True})
    for _ in range(2):
        till.send(pos, ASK + b"\x10\x04\x04")
        assert read(pos, 2) == b"\x1a\x72"
    till.send(pos, HALF)
    reading = till.poller.poll()
    assert reading.contact is Contact.OK
    assert reading.state.paper_end is True
    assert reading.state.online is False
    assert reading.state.cover_open is None, "it did not ask for that"
    assert reading.last_good_at
    assert reading.last_good_at < reading.at
    again = till.poller.poll()
    assert again.contact is Contact.IN_USE, "one answer makes one reading"
    assert again.last_good_at == reading.last_good_at


def test_one_answer_alone_is_none(till: Till) -> None:
    till.poller.poll()
    pos = till.begin()
    till.send(pos, ASK)
    assert read(pos, 1) == b"\x12"
    until(lambda: till.stirred == 1)
    till.send(pos, HALF)
    assert till.poller.poll().contact is Contact.IN_USE


def test_what_was_told_long_ago_says_nothing_of_now(till: Till) -> None:
    till.poller.poll()
    pos = till.begin()
    for _ in range(2):
        till.send(pos, ASK)
        read(pos, 1)
    till.send(pos, HALF)
    till.clock.forward(60)
    assert till.poller.poll().contact is Contact.IN_USE


def test_automatic_status_is_a_reason_to_look(till: Till) -> None:
    till.poller.poll()
    pos = till.begin()
    till.send(pos, b"\x1da\xff")
    read(pos, 4)
    before = till.stirred
    till.rig.machine.set_faults({"cover_open": True})
    assert read(pos, 4)
    until(lambda: till.stirred > before)
    pause(0.06)
    assert till.poller.poll().state.cover_open is True


def test_a_kick_is_told_with_its_time(till: Till) -> None:
    till.poller.poll()
    pos = till.begin()
    before, before_s = till.clock.now(), till.clock.monotonic()
    till.send(pos, b"\x1bp\x00\x19\xfa")
    until(lambda: len(till.kicks) == 1)
    at, at_s = till.kicks[0]
    assert before_s - 0.01 <= at_s <= till.clock.monotonic()
    assert abs((at - before).total_seconds() - (at_s - before_s)) < 0.5
    assert till.poller.poll().state.drawer_sensor_high is True


def test_a_tap_that_died_is_started_anew(till: Till) -> None:
    till.poller.poll()
    pid = tap_client.greeting(till.control).pid
    os.kill(pid, 9)
    client = till.poller._client
    assert client
    until(lambda: not client.alive)
    assert till.poller.poll().contact is Contact.IN_USE
    assert tap_client.greeting(till.control).pid != pid
    till.begin()
    assert till.poller.poll().contact is Contact.OK


def test_while_the_cash_program_has_the_printers_own_port_there_is_no_tap(till: Till) -> None:
    with subprocess.Popen(
        ["sh", "-c", f"exec 3<>{till.rig.plan.printer}; echo; read x"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        reading = till.poller.poll()
        process.communicate()
    assert reading.contact is Contact.IN_USE
    assert reading.reason_code == "port.not_tapped_yet"
    assert not Path(till.rig.plan.link).exists()
    till.poller.poll()
    assert Path(till.rig.plan.link).is_symlink()


def test_an_unplugged_printer_is_missing_and_found_again(till: Till) -> None:
    till.poller.poll()
    pos = till.begin()
    assert till.poller.poll().contact is Contact.OK
    till.rig.unplug()
    until(lambda: tap_client.greeting(till.control).printer == wire.GONE)
    pause(SILENCE_S + 0.1)
    assert till.poller.poll().contact is Contact.MISSING
    till.rig.plug_in()
    until(lambda: tap_client.greeting(till.control).printer == wire.BACK)
    pause(SILENCE_S + 0.1)
    till.send(pos, INIT)
    assert till.poller.poll().contact is Contact.OK

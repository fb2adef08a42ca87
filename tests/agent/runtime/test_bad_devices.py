"""Three devices that answer nothing, flood, or come and go beside five good ones: real emulators on ptys, the
real poller and the real rhythm. Judged by how often the good ones were read in a given time."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.devices.poller import Poller
from agent.runtime.clock import SystemClock
from agent.runtime.rhythm import Rhythm
from agent.runtime.service import OWN_JOBS
from protocols.wire.v1 import Contact
from tests.agent.devices.bench import Till

GOOD = ("escpos", "datecs_isl_legacy", "datecs_isl_x", "posnet", "tremol_zfp")
POLL_S, SLACK_S, LOOK_S = 0.5, 0.5, 6.0
"""A good device is to be read at least once in every POLL_S + SLACK_S."""
ENOUGH = int(LOOK_S / (POLL_S + SLACK_S))


@dataclass
class Shop:
    """Eight devices; `good` counts the readings of those that are well, by family."""

    pollers: dict[str, Poller]
    seen: dict[str, list[Contact]] = field(default_factory=dict)

    def poll(self, name: str) -> None:
        reading = self.pollers[name].poll()
        self.seen.setdefault(name, []).append(reading.contact)

    def good(self) -> dict[str, int]:
        return {name: self.seen.get(name, []).count(Contact.OK) for name in GOOD}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with ExitStack() as stack:
        pollers = {name: _till(tmp_path, name, name, stack).poller(poll_s=POLL_S) for name in GOOD}
        silent = _till(tmp_path, "silent", "shtrih_v1", stack)
        silent.machine.set_behaviour({"silent": 1})
        flooding = _till(tmp_path, "flooding", "datecs_isl_legacy", stack)
        _flood(flooding, stack)
        passing = _till(tmp_path, "passing", "escpos", stack)
        _come_and_go(passing, stack)
        for name, till in (("silent", silent), ("flooding", flooding), ("passing", passing)):
            pollers[name] = till.poller(poll_s=POLL_S)
        yield Shop(pollers)


def _till(folder: Path, name: str, family: str, stack: ExitStack) -> Till:
    (folder / name).mkdir()
    till = Till(folder / name, family)
    till.plug_in()
    stack.callback(till.unplug)
    return till


def _flood(till: Till, stack: ExitStack) -> None:
    """As fast as the kernel takes it, from a process of its own."""
    assert till.line
    till.machine.set_behaviour({"silent": 1})
    flood = subprocess.Popen(["yes"], stdout=till.line.master, stderr=subprocess.DEVNULL)
    stack.callback(flood.wait)
    stack.callback(flood.kill)


def _come_and_go(till: Till, stack: ExitStack) -> None:
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.2):
            till.unplug()
            if stop.wait(0.2):
                return
            till.plug_in()

    thread = threading.Thread(target=run)
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop.set)


def look(shop: Shop, threads: int) -> dict[str, int]:
    clock = SystemClock()
    rhythm = Rhythm(clock, threads)
    for name, poller in shop.pollers.items():

        def job(name: str = name) -> None:
            shop.poll(name)

        def delay_s(poller: Poller = poller) -> float:
            return poller.next_delay_s

        rhythm.every(name, job, delay_s, first_s=0)
    rhythm.start()
    threading.Event().wait(LOOK_S)
    found = shop.good()
    rhythm.stop()
    return found


def test_good_devices_are_read_as_if_the_bad_ones_were_not_there(shop: Shop) -> None:
    found = look(shop, threads=OWN_JOBS + len(shop.pollers))
    assert min(found.values()) >= ENOUGH, found
    assert set(shop.seen["silent"]) == {Contact.NO_REPLY}
    assert set(shop.seen["flooding"]) == {Contact.UNKNOWN}
    assert Contact.MISSING in shop.seen["passing"]


def test_without_a_thread_and_a_bound_for_each_they_would_wait(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: two threads for all, and no bound to what a device may cost, as it once was."""
    monkeypatch.setattr("agent.devices.runner.EXCHANGE_BYTES", 1 << 40)
    monkeypatch.setattr("agent.devices.conversation.POLL_BYTES", 1 << 40)
    monkeypatch.setattr("agent.devices.conversation.LIMIT_S", 60.0)
    found = look(shop, threads=2)
    assert min(found.values()) < ENOUGH, found

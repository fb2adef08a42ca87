"""What the spooler's silence about a printer is worth."""

import struct

import pytest

from agent.devices import profile_store
from protocols.device.exchange import Frame
from protocols.device.family import Reply
from protocols.device.windows_spooler import FAMILY, QUEUE
from protocols.status.model import DeviceState
from tests import links
from tests.emulators.windows_spooler import WindowsSpooler

COMMON = profile_store.load()["windows_spooler"].common
BIDIRECTIONAL = 0x800
SHOWN = {0x10: "paper_end", 0x80: "online", 0x1000: "online", 0x400000: "cover_open", 0x2000000: "online"}


def state(status: int, attributes: int) -> DeviceState:
    frame = Frame(None, "queue", status=struct.pack("<II", status, attributes), data=b"Driver")
    return FAMILY.read_state([Reply(frame, QUEUE.request())], COMMON)


def known(found: DeviceState) -> dict[str, object]:
    return {name: value for name, value in found.as_dict().items() if value is not None}


@pytest.mark.parametrize("bit", range(32))
def test_each_bit_of_a_one_way_driver_says_only_what_it_says(bit: int) -> None:
    flag = SHOWN.get(1 << bit)
    assert known(state(1 << bit, 0)) == ({} if flag is None else {flag: flag != "online"})


@pytest.mark.parametrize("bit", range(32))
def test_no_other_attribute_says_anything(bit: int) -> None:
    expected = {0x400: {"online": False}, 0x800: {"online": True, "paper_end": False, "cover_open": False}}
    assert known(state(0, 1 << bit)) == expected.get(1 << bit, {})


def test_the_end_of_a_fault_is_seen_through_a_bidirectional_driver_only() -> None:
    assert state(0, BIDIRECTIONAL).paper_end is False
    assert state(0, 0).paper_end is None


@pytest.mark.parametrize("one_way", [False, True])
def test_a_person_is_told_what_the_driver_cannot_say(one_way: bool) -> None:
    machine = WindowsSpooler()
    machine.set_behaviour({"one_way": one_way})
    machine.set_faults({"error": True})
    frame = links.Talk(FAMILY.codec.exchange(QUEUE, 0), machine.receive, links.plain()).run()
    said = FAMILY.explain(Reply(frame, QUEUE.request()), COMMON)
    assert "error, without saying which" in said
    assert "TM-T20III" in said
    assert ("is one-way" in said) is one_way

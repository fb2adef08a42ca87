"""Drawers that show their switch on a modem line."""

import pytest

from agent.devices import profile_store
from protocols.device.exchange import Done, Frame, Wait
from protocols.device.family import Reply
from protocols.device.signal_drawer import FAMILY, LINES
from protocols.status.model import DeviceState

PROFILES = profile_store.load()["signal_drawer"]


def state(model: str, lines: int) -> DeviceState:
    reply = Reply(Frame(None, "lines", status=bytes([lines])), LINES.request())
    return FAMILY.read_state([reply], PROFILES.choose(model))


@pytest.mark.parametrize("lines", range(0, 256, 16))
@pytest.mark.parametrize(("model", "bit"), [("PCD005R", 0x40), ("J2 625", 0x10), ("CTS", 0x10), ("RI", 0x40)])
def test_only_the_line_of_the_model_speaks_for_the_drawer(model: str, bit: int, lines: int) -> None:
    assert state(model, lines) == DeviceState(drawer_sensor_high=bool(lines & bit))


@pytest.mark.parametrize("model", ["", "DT-100", "DSR"])
def test_without_a_known_line_the_drawer_is_unknown(model: str) -> None:
    assert state(model, 0xF0) == DeviceState()


def test_a_look_writes_nothing_and_one_byte_answers_it() -> None:
    exchange = FAMILY.codec.exchange(LINES, 0)
    assert exchange.start() == Wait(0.5)
    assert exchange.receive(b"\x41") == Wait(0.5)
    assert exchange.receive(b"\x40") == Done(Frame(None, "lines", status=b"\x40"))


def test_it_is_reached_by_nothing_that_a_port_search_writes_to() -> None:
    assert FAMILY.ports.serial is None
    assert FAMILY.ports.vid_pids == ()
    assert FAMILY.codec.encode(LINES, 0) == b""

"""What is ATOL v2's own: the dialogue around a frame, and its masks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.device.atol_dialogue import cut, pack
from protocols.device.atol_v2 import FAMILY
from protocols.device.exchange import Write
from protocols.device.family import When
from protocols.errors import Busy, DeviceError, Garbled, Rejected, Unexpected
from tests import links
from tests.emulators.atol_v2 import AtolV2

STATE = FAMILY.commands(When.POLL)[0]


def talk(machine: AtolV2) -> links.Talk:
    machine.now = lambda: "22-11-26 13:45:00"
    return links.Talk(FAMILY.codec.exchange(STATE, 0), machine.receive, links.plain())


def behaving(**behaviour: int) -> AtolV2:
    machine = AtolV2()
    machine.set_behaviour(behaviour)
    return machine


def test_the_dialogue_is_that_of_the_protocol() -> None:
    found = talk(AtolV2())
    found.run()
    assert [raw.hex() for raw in found.written] == ["05", "0200003f033c", "04", "06", "06"]


@pytest.mark.parametrize("behaviour", ["nak_once", "collision_once", "wrong_checksum_once"])
def test_one_hitch_is_overcome(behaviour: str) -> None:
    found = talk(behaving(**{behaviour: 1}))
    assert found.run() == talk(AtolV2()).run()
    assert len(found.written) == 6


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [("nak", Busy), ("wrong_checksum", Garbled), ("stale_command", Garbled), ("never_ready", Busy)],
)
def test_nothing_else_is_taken_for_the_answer(behaviour: str, error: type[DeviceError]) -> None:
    found = talk(behaving(**{behaviour: 1}))
    with pytest.raises(error):
        found.run()
    assert len(found.written) <= 7


def test_a_refusal_names_its_reason() -> None:
    machine = AtolV2()
    machine.execute = lambda payload: b"\x55\x8c\x00"  # type: ignore[method-assign]
    with pytest.raises(Rejected, match="wrong password"):
        talk(machine).run()


def test_a_line_that_only_asks_back_is_no_device() -> None:
    with pytest.raises(Unexpected):
        links.Talk(FAMILY.codec.exchange(STATE, 0), lambda data: b"\x05", links.plain()).run()


@given(st.binary(min_size=1, max_size=60))
def test_masks_hide_every_byte(data: bytes) -> None:
    raw = pack(data)
    assert cut(raw, 0) == (data, len(raw))
    assert all(cut(raw[:end], 0) is None for end in range(1, len(raw)))


def test_a_frame_before_its_turn_is_no_answer() -> None:
    """A late answer to an earlier question stands on the line before ours was even taken."""
    exchange = FAMILY.codec.exchange(STATE, 0)
    exchange.start()
    late = pack(bytes.fromhex("4401012611221345004900123456" + "3e5800010007001200" + "0000000000" + "0201"))
    for before in (b"\x06", b"\x06", b"\x05"):
        exchange.receive(late)
        step = exchange.receive(before)
        assert isinstance(step, Write)

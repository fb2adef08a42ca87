"""A drawer that says itself whether it is closed, and must be asked nothing else."""

import pytest

from protocols.device.exchange import Done, Frame, Write
from protocols.device.family import Reply
from protocols.device.posiflex_hid import FAMILY, STATUS
from protocols.device.profile import EMPTY
from protocols.errors import DeviceError, Garbled
from protocols.status.model import DeviceState
from tests import links
from tests.emulators.posiflex_hid import PosiflexHid


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("is_open", [True, False])
def test_every_drawer_is_asked_by_its_own_number(number: int, is_open: bool) -> None:
    machine = PosiflexHid(number=number)
    machine.set_faults({"drawer_open": is_open})
    family = FAMILY.on(0x0200 + number)
    frame = links.Talk(family.codec.exchange(STATUS, 0), machine.receive, links.plain()).run()
    state = family.read_state([Reply(frame, STATUS.request())], EMPTY.common)
    assert state == DeviceState(drawer_open=is_open)
    assert machine.forbidden == []


@pytest.mark.parametrize("product", [None, 0x01FF, 0x0208, 0x0C23])
def test_another_product_leaves_the_usual_number(product: int | None) -> None:
    assert FAMILY.on(product).codec.encode(STATUS, 0)[:2] == b"\x07\x08"


def test_no_request_of_any_drawer_is_an_order() -> None:
    """Second byte equal to the first opens; F0h is the boot loader."""
    for number in range(8):
        asked = FAMILY.on(0x0200 + number).codec.encode(STATUS, 0)
        assert asked[1] == asked[0] + 1
        assert asked == bytes([number, number + 1]) + bytes(118)


def test_the_answer_of_another_drawer_is_passed_over() -> None:
    exchange = FAMILY.on(0x0203).codec.exchange(STATUS, 0)
    assert isinstance(exchange.start(), Write)
    exchange.receive(b"\x71" + bytes(119))
    done = exchange.receive(b"\x31" + bytes(119))
    assert done == Done(Frame(None, "status", status=b"\x31"))


def test_only_answers_of_another_drawer_are_no_answer() -> None:
    talk = links.Talk(FAMILY.codec.exchange(STATUS, 0), lambda data: b"\x11" + bytes(119), links.plain())
    with pytest.raises(Garbled, match="another drawer"):
        talk.run()


def test_a_drawer_in_its_boot_loader_does_not_answer() -> None:
    machine = PosiflexHid()
    machine.receive(b"\x07\xf0" + bytes(118))
    with pytest.raises(DeviceError):
        links.Talk(FAMILY.codec.exchange(STATUS, 0), machine.receive, links.plain()).run()

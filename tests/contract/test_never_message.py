"""Families whose ports carry whole messages: every message that the agent can hand to the port, held against a
list written by hand."""

from itertools import product

import pytest

from protocols.device.exchange import Done, Write
from protocols.errors import DeviceError
from tests.contract.families import CASES, Case

ALLOWED: dict[str, set[bytes]] = {
    "signal_drawer": set(),  # the drawer opens on any byte
    "posiflex_hid": {b"\x07\x08" + bytes(118)},  # its status; every other report opens it or is not known
    "erpnet_fp": {b".", b"status"},  # GET of the printer and of its status; the rest prints or sells
    "windows_spooler": set(),  # whatever is written to a queue is printed
}
MESSAGES = {name: case for name, case in CASES.items() if case.family.ports.whole_messages}
FAMILY = pytest.mark.parametrize("case", MESSAGES.values(), ids=MESSAGES.keys())
PIECES = (None, b"", b"\x00", b"\xff" * 120, b"{}", b"\x07\x07", b"{" * 5000)
LONGEST = 20


@FAMILY
def test_whatever_comes_nothing_but_what_is_listed_is_written(case: Case) -> None:
    written: set[bytes] = set()
    samples = [bytes.fromhex(vector["hex"]) for vector in case.vectors]
    for command in case.family.read_only_commands:
        for pieces in product((*PIECES, *samples), repeat=2):
            written |= driven(case, command, pieces)
    assert written == ALLOWED[case.family.name]


def driven(case: Case, command: object, pieces: tuple[bytes | None, ...]) -> set[bytes]:
    """What one exchange writes while these come, and then silence."""
    exchange = case.family.codec.exchange(command, case.family.codec.first_sequence())  # type: ignore[arg-type]
    written: set[bytes] = set()
    step = exchange.start()
    for piece in (*pieces, *[None] * LONGEST):
        if isinstance(step, Write):
            written.add(step.data)
        if isinstance(step, Done):
            written |= {step.farewell} - {b""}
            break
        try:
            step = exchange.silence() if piece is None else exchange.receive(piece)
        except DeviceError:
            break
    else:
        pytest.fail("the exchange does not end")
    return written


@FAMILY
def test_what_is_listed_is_not_what_a_device_takes_for_an_order(case: Case) -> None:
    """The control: the emulator records nothing for what is allowed, and something for what is forbidden."""
    machine = case.emulator()
    for message in ALLOWED[case.family.name]:
        machine.receive(message)
    assert machine.forbidden == []
    for name, message in case.forbidden_examples.items():
        assert message not in ALLOWED[case.family.name]
        machine = case.emulator()
        machine.receive(message)
        assert machine.forbidden, name

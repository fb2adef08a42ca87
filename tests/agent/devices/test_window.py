"""How long a poll has the port, in counted time, for every family."""

from collections.abc import Iterator

import pytest

from agent.config import Device
from agent.devices.conversation import LIMIT_S, POLL_BYTES, WINDOW_S, Conversation
from agent.devices.runner import FLOOD
from protocols.device.registry import FAMILIES
from protocols.errors import DeviceError, Garbled
from tests.agent.devices.virtual import CountedClock, DrippingPort, MachinePort
from tests.contract.families import CASES

WINDOW_AND_ONE_QUESTION_S = 1.0
PORT = "/dev/ttyUSB0"
STREAMS = sorted(name for name, family in FAMILIES.items() if not family.ports.whole_messages)


def conversation(family: str, clock: CountedClock) -> Conversation:
    device = Device(id="d", family=family, port=PORT)
    return Conversation(device, FAMILIES[family], CASES[family].profiles, clock)


def polls(talk: Conversation, port: MachinePort, clock: CountedClock) -> Iterator[float]:
    """What each poll takes: at first contact, then at rest, after every fault, and when all is due again."""
    for fault in (None, None, *sorted(set(port.machine.faults_known) - {"offline", "busy"})):
        if fault:
            port.machine.set_faults({fault: True})
        began = clock.seconds
        talk.hold(port)
        yield clock.seconds - began
        clock.seconds += 40.0


@pytest.mark.parametrize("family", STREAMS)
def test_a_device_that_answers_has_the_port_for_less_than_a_second(family: str) -> None:
    clock = CountedClock()
    port = MachinePort(CASES[family].emulator(), clock, answer_s=0.02)
    for took_s in polls(conversation(family, clock), port, clock):
        assert took_s < WINDOW_AND_ONE_QUESTION_S


def test_without_the_window_the_first_contact_would_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    monkeypatch.setattr("agent.devices.conversation.WINDOW_S", 60.0)
    clock = CountedClock()
    port = MachinePort(CASES["datecs_isl_legacy"].emulator(), clock, answer_s=0.06)
    assert max(polls(conversation("datecs_isl_legacy", clock), port, clock)) > WINDOW_S + 0.1


@pytest.mark.parametrize("family", STREAMS)
@pytest.mark.parametrize("kind", ["silent", "dripping"])
def test_a_device_that_does_not_answer_has_it_for_no_longer_than_the_bound(family: str, kind: str) -> None:
    clock = CountedClock()
    machine = CASES[family].emulator()
    machine.set_behaviour({"silent": 1})
    port = MachinePort(machine, clock) if kind == "silent" else DrippingPort(machine, clock)
    with pytest.raises(DeviceError):
        conversation(family, clock).hold(port)
    assert clock.seconds <= LIMIT_S + 1e-6


def test_without_the_bound_a_dripping_device_would_have_it_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control of the test above."""
    monkeypatch.setattr("agent.devices.conversation.LIMIT_S", 60.0)
    clock = CountedClock()
    port = DrippingPort(CASES["shtrih_v1"].emulator(), clock)
    with pytest.raises(DeviceError):
        conversation("shtrih_v1", clock).hold(port)
    assert clock.seconds > LIMIT_S


@pytest.mark.parametrize("family", STREAMS)
def test_a_flood_ends_the_poll(family: str) -> None:
    clock = CountedClock()
    port = MachinePort(CASES[family].emulator(), clock, spoil=lambda answer: b"\xff" * 100_000)
    with pytest.raises(Garbled) as ended:
        conversation(family, clock).hold(port)
    assert ended.value.code == FLOOD
    assert port.answers * 1024 < POLL_BYTES

"""Another device of the same model on the port of a known one: real poller, judge and spool, counted time. It is told
once two identifications agree, and never for a damaged answer that its checksum did not betray."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.runtime.clock import SystemClock
from agent.spool import Spool
from tests.agent.devices.virtual import CountedClock
from tests.agent.runtime.test_device_watch import Till

ROUND_S = 300
"""How often it is asked who is there."""
RAISED = "device.identity_changed raised"
OTHER: dict[str, tuple[object, bytes]] = {
    "datecs_isl_legacy": ("DT600999", b"DT600999"),
    "datecs_isl_x": ("DT700999", b"DT700999"),
    "shtrih_v1": (654321, (654321).to_bytes(4, "little")),
    "shtrih_v2": (654321, (654321).to_bytes(4, "little")),
    "atol_v2": ("00654321", bytes.fromhex("00654321")),
    "atol_v3": ("00654321", bytes.fromhex("00654321")),
    "tremol_zfp": ("ZK654321", b"ZK654321"),
    "posnet": ("ABC9876543210", b"ABC9876543210"),
    "escpos": ("X4TJ999999", b"X4TJ999999"),
}
"""The number of another device of the same model, and how it stands in an answer."""

FAMILY = pytest.mark.parametrize("family", OTHER)
Made = Callable[[str], Till]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    with Spool(tmp_path / "spool.db", SystemClock(), owner=True) as spool:

        def make(family: str) -> Till:
            clock = CountedClock(datetime.now(UTC))  # noqa: TID251 - the emulated device has the real one
            till = Till(spool, clock, family)
            monkeypatch.setattr("agent.devices.poller.open_port", till.open)
            return till

        yield make


def lie(machine: Any, number: object, mark: bytes, times: int) -> Callable[[], int]:
    """So many answers carry another number, each with a checksum that fits. Tells how many lies are left."""
    own, receive, left = machine.serial, machine.receive, [times]

    def answer(data: bytes) -> bytes:
        machine.serial = number if left[0] else own
        told: bytes = receive(data)
        machine.serial = own
        left[0] -= left[0] > 0 and mark in told
        return told

    machine.receive = answer
    return lambda: left[0]


@FAMILY
def test_another_device_of_the_same_model_is_told(made: Made, family: str) -> None:
    till = made(family)
    till.run(2 * ROUND_S)
    assert till.events() == []
    known = till.told("state")[-1]["identity"]
    machine: Any = till.machine
    machine.serial = OTHER[family][0]
    till.run(2 * ROUND_S)
    assert till.events() == [RAISED]
    now = till.told("state")[-1]["identity"]
    assert now["model"] == known["model"]
    assert now["serial"] != known["serial"]


@pytest.mark.parametrize(("forgets", "told"), [(False, [RAISED]), (True, [])])
def test_another_device_is_told_after_a_restart_of_the_agent(
    made: Made, forgets: bool, told: list[str]
) -> None:
    """It came while the agent was off. The control: without what was kept nobody could know."""
    till = made("datecs_isl_legacy")
    till.run(2 * ROUND_S)
    machine: Any = till.machine
    machine.serial = OTHER["datecs_isl_legacy"][0]
    if forgets:
        till.spool.put_all(state={"known.d": None})
    till.start()
    till.run(2 * ROUND_S)
    assert till.events() == told


@FAMILY
@pytest.mark.parametrize("lies", [1, 2])
def test_a_wrong_number_that_passed_its_checksum_once_is_no_other_device(
    made: Made, family: str, lies: int
) -> None:
    """Two alike make one identification that differs; the next one says otherwise."""
    till = made(family)
    till.run(2 * ROUND_S)
    left = lie(till.machine, *OTHER[family], lies)
    till.run(4 * ROUND_S)
    assert left() == 0
    assert till.events() == []


def test_believing_every_answer_one_wrong_number_more_would_be_another_device(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without the second look at each answer two lies are two identifications that agree."""
    monkeypatch.setattr("agent.devices.belief.Belief.hears", lambda *_: True)
    till = made("datecs_isl_x")
    till.run(2 * ROUND_S)
    left = lie(till.machine, *OTHER["datecs_isl_x"], 2)
    till.run(4 * ROUND_S)
    assert left() == 0
    assert RAISED in till.events()


def test_believing_every_answer_a_single_wrong_number_is_still_no_other_device(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second identification is a defence of its own."""
    monkeypatch.setattr("agent.devices.belief.Belief.hears", lambda *_: True)
    till = made("datecs_isl_x")
    till.run(2 * ROUND_S)
    left = lie(till.machine, *OTHER["datecs_isl_x"], 1)
    till.run(4 * ROUND_S)
    assert left() == 0
    assert till.events() == []

"""pyshtrih, a client that is not ours, drives the emulator over a pty: what our tests rely on is a Shtrih-M
cash register."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing
from tests.emulators.runner import PtyLine
from tests.emulators.shtrih_v1 import ShtrihV1


@pytest.fixture
def machine() -> ShtrihV1:
    return ShtrihV1("ШТРИХ-ФР-К", lambda: "22-11-26 13:45:30")


@pytest.fixture
def client(machine: ShtrihV1, tmp_path: Path) -> Iterator[Any]:
    if find_spec("pyshtrih") is None:
        missing("pyshtrih")
    from pyshtrih import ShtrihFRK  # noqa: PLC0415 - not on every machine

    line = PtyLine(machine, tmp_path / "shtrih.pty")
    line.start()
    device = ShtrihFRK(str(line.link), 115200, timeout=5, password=30)
    device.connect()
    yield device
    device.disconnect()
    line.stop()


def test_it_knows_the_device(client: Any) -> None:
    assert client.dev_info["Название устройства"] == "ШТРИХ-ФР-К"
    assert client.dev_info["Модель устройства"] == 4


def test_it_reads_the_short_status(client: Any, machine: ShtrihV1) -> None:
    machine.set_faults({"day_open": True, "cover_open": True})
    status = client.state()
    assert status["Код ошибки"] == 0
    assert status["Напряжение источника питания"] == 216
    assert status["Режим ФР"].num == 2


def test_it_reads_the_full_status(client: Any, machine: ShtrihV1) -> None:
    status = client.full_state()
    assert status["Заводской номер"] == 123456
    assert status["Номер последней закрытой смены"] == 41
    assert status["Количество свободных записей в ФП"] == 2300
    assert (status["Дата"].year, status["Дата"].month, status["Дата"].day) == (2026, 11, 22)
    assert machine.forbidden == []


def test_it_is_told_the_error(client: Any, machine: ShtrihV1) -> None:
    from pyshtrih import Error  # noqa: PLC0415 - not on every machine

    machine.set_behaviour({"error": 0x6B})
    with pytest.raises(Error) as caught:
        client.state()
    assert caught.value.code == 0x6B


def test_what_a_cash_program_does_is_recorded(client: Any, machine: ShtrihV1) -> None:
    client.beep()
    client.open_drawer(0)
    assert [entry[:2] for entry in machine.forbidden] == ["13", "28"]


def test_our_questions_between_two_of_its_own_leave_nothing_behind(client: Any, machine: ShtrihV1) -> None:
    from protocols.device.shtrih_v1 import FAMILY  # noqa: PLC0415 - the one test that needs both
    from tests import links  # noqa: PLC0415

    before = client.state()["Код ошибки"]
    for command in FAMILY.read_only_commands:
        links.Talk(FAMILY.codec.exchange(command, 0), machine.receive, links.plain()).run()
    assert machine.pending == b""
    assert client.state()["Код ошибки"] == before

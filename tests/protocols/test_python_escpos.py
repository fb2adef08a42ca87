"""python-escpos, a client that is not ours, drives the ESC/POS emulator over TCP: what the demo relies on is
a printer."""

from collections.abc import Iterator

import pytest
from escpos.printer import Network

from tests.emulators.escpos import EscPos
from tests.emulators.runner import TcpLine


@pytest.fixture
def machine() -> EscPos:
    return EscPos("TM-T20III")


@pytest.fixture
def client(machine: EscPos) -> Iterator[Network]:
    line = TcpLine(machine, ("127.0.0.1", 0))
    line.start()
    port = int(line.path.rpartition(":")[2])
    printer = Network("127.0.0.1", port=port, timeout=5, profile="TM-T88V")
    printer.open()
    yield printer
    printer.close()
    line.stop()


def settle(client: Network) -> None:
    """An answer proves that everything written before it was taken: the emulator takes bytes in order."""
    assert client.query_status(b"\x10\x04\x01")


def test_it_prints_and_cuts(client: Network, machine: EscPos) -> None:
    client.set(align="center", bold=True, double_height=True)
    client.text("Kafija 2.50\n")
    client.qr("plomba")
    client.cut()
    settle(client)
    assert {"text": "Kafija 2.50"} in machine.jobs
    assert machine.jobs[-1] == {"cut": "full"}


def test_it_prints_an_image_and_a_barcode(client: Network, machine: EscPos) -> None:
    client.barcode("4006381333931", "EAN13", 64, 2, "", "")
    client.text("after\n")
    settle(client)
    assert machine.jobs[-1] == {"text": "after"}


@pytest.mark.parametrize("pin", [2, 5])
def test_it_opens_the_drawer(client: Network, machine: EscPos, pin: int) -> None:
    client.cashdraw(pin)
    settle(client)
    assert machine.state()["drawer_open"]
    assert client.query_status(b"\x10\x04\x01") == b"\x16"


def test_a_kick_out_of_paper_waits_for_the_paper(client: Network, machine: EscPos) -> None:
    """Why a kick is never sent blindly: it fires when somebody loads paper."""
    machine.set_faults({"paper_end": True})
    client.cashdraw(2)
    settle(client)
    assert not machine.state()["drawer_open"]
    machine.set_faults({"paper_end": False})
    assert machine.state()["drawer_open"]


@pytest.mark.parametrize(("fault", "level"), [(None, 2), ("paper_near_end", 1), ("paper_end", 0)])
def test_it_reads_the_paper(client: Network, machine: EscPos, fault: str | None, level: int) -> None:
    machine.set_faults({fault: True} if fault else {})
    assert client.paper_status() == level


@pytest.mark.parametrize(("fault", "online"), [(None, True), ("paper_near_end", True), ("cover_open", False)])
def test_it_reads_online(client: Network, machine: EscPos, fault: str | None, online: bool) -> None:
    machine.set_faults({fault: True} if fault else {})
    assert client.is_online() is online


def test_what_a_cash_program_does_is_all_recorded(client: Network, machine: EscPos) -> None:
    client.hw("INIT")
    client.text("x\n")
    client.cashdraw(2)
    settle(client)
    assert machine.forbidden[0] == "1B 40"
    assert "text" in machine.forbidden
    assert any(command.startswith("1B 70") for command in machine.forbidden)

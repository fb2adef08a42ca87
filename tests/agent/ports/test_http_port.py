"""A neighbour over a real HTTP server on loopback: ErpNet.FP's emulator, and worse."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from agent.config import Device
from agent.config.address import parse
from agent.devices import profile_store
from agent.devices.poller import Poller
from agent.devices.prober import probe
from agent.devices.reading import Reading
from agent.health import observe_device
from agent.ports import http_port, open_port
from protocols.device.family import Serial
from protocols.device.registry import FAMILIES
from protocols.errors import PortError, UsageError
from protocols.wire.v1 import Contact
from tests.agent.devices.bench import SkewedClock
from tests.emulators.erpnet_fp import ErpNetFp, Neighbour

LINE = Serial(bauds=(9600,))


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    with Neighbour(ErpNetFp()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.machine.let_go.set()
        server.shutdown()
        thread.join(30)


def asked(neighbour: Neighbour, below: bytes = b"status", wait_s: float = 5.0) -> bytes:
    with open_port(neighbour.url, LINE) as port:
        port.write(below)
        return port.read(wait_s)


def refusal(neighbour: Neighbour, wait_s: float = 5.0) -> PortError:
    with pytest.raises(PortError) as caught:
        asked(neighbour, wait_s=wait_s)
    assert type(caught.value) is PortError, "nothing here is a fault of the printer"
    return caught.value


def test_a_part_of_the_path_is_asked_and_the_body_comes_back(neighbour: Neighbour) -> None:
    with open_port(neighbour.url, LINE) as port:
        for below, word in (
            (b"status", b"deviceDateTime"),
            (b".", b"serialNumber"),
            (b"status", b"messages"),
        ):
            port.write(below)
            assert word in port.read(5.0)
            assert port.read(5.0) == b""  # one answer to one question
        assert not port.contended()
    own = "/printers/dt279013"
    assert neighbour.asked == [f"GET {own}/status", f"GET {own}", f"GET {own}/status"]


@pytest.mark.parametrize(
    "below", [b"", b"..", b"/", b"status/x", b"status?a=1", b"Status", b"a\r\nX: y", b"x" * 33]
)
def test_nothing_but_one_word_below_the_printer_can_be_asked(neighbour: Neighbour, below: bytes) -> None:
    with open_port(neighbour.url, LINE) as port, pytest.raises(UsageError):
        port.write(below)
    assert neighbour.asked == []


def test_a_neighbour_that_is_not_running(neighbour: Neighbour) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/printers/a"
    with pytest.raises(PortError, match="is not running") as caught:
        open_port(url, LINE)
    assert (caught.value.code, type(caught.value)) == ("port.neighbour_away", PortError)


def test_a_printer_that_the_neighbour_does_not_know(neighbour: Neighbour) -> None:
    neighbour.url += "x"
    assert refusal(neighbour).code == "port.neighbour_unknown"


def test_a_neighbour_that_is_still_looking(neighbour: Neighbour) -> None:
    neighbour.machine.set_behaviour({"not_ready": True})
    assert refusal(neighbour).code == "port.neighbour_not_ready"


def test_an_answer_without_an_end_is_not_kept(neighbour: Neighbour) -> None:
    neighbour.machine.set_behaviour({"too_much": True})
    assert refusal(neighbour).code == "port.neighbour_strange"


@pytest.mark.parametrize("behaviour", ["hang", "drip", "no_length"])
def test_an_answer_is_waited_for_no_longer_than_its_time(neighbour: Neighbour, behaviour: str) -> None:
    """Each byte of a dripping answer comes well within a time-out of the line."""
    neighbour.machine.set_behaviour({behaviour: True})
    began = time.perf_counter()
    assert refusal(neighbour, wait_s=0.3).code == "port.neighbour_silent"
    assert time.perf_counter() - began < 2.5


def test_without_the_cut_a_dripping_answer_goes_on(
    neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the time-out of the line alone does not end it."""
    monkeypatch.setattr(http_port, "_cut", lambda line, late: None)
    neighbour.machine.set_behaviour({"drip": True})
    threading.Timer(1.0, neighbour.machine.let_go.set).start()
    began = time.perf_counter()
    refusal(neighbour, wait_s=0.3)
    assert time.perf_counter() - began > 0.6


def test_a_neighbour_that_closes_after_each_answer_is_asked_again(neighbour: Neighbour) -> None:
    """A body that ends with the connection."""
    neighbour.machine.set_behaviour({"no_length": True})
    neighbour.machine.let_go.set()  # no pause between the bytes
    with open_port(neighbour.url, LINE) as port:
        for _ in range(2):
            port.write(b".")
            assert port.read(5.0).startswith(b"{")


# From the configuration to the state


def poller(neighbour: Neighbour) -> Poller:
    device = Device(id="fiscal", family="erpnet_fp", port=neighbour.url)
    return Poller(device, FAMILIES["erpnet_fp"], profile_store.load()["erpnet_fp"], SkewedClock())


def believed(watch: Poller) -> Reading:
    return [watch.poll() for _ in range(3)][-1]


def test_a_fault_and_its_end_come_through_the_neighbour(neighbour: Neighbour) -> None:
    watch = poller(neighbour)
    for out in (False, True, False):
        neighbour.machine.set_faults({"paper_end": out})
        reading = believed(watch)
        assert (reading.contact, reading.state.paper_end) == (Contact.OK, out)
    assert reading.identity.serial == "DT279013"
    assert {line.partition(" ")[0] for line in neighbour.asked} == {"GET"}
    assert neighbour.machine.forbidden == []


@pytest.mark.parametrize("behaviour", ["not_ready", "too_much"])
def test_what_is_wrong_with_the_neighbour_is_no_fault_of_the_printer(
    neighbour: Neighbour, behaviour: str
) -> None:
    watch = poller(neighbour)
    believed(watch)
    neighbour.machine.set_behaviour({behaviour: True})
    reading = watch.poll()
    assert reading.contact is Contact.UNKNOWN
    assert reading.reason
    assert reading.state.as_dict() == dict.fromkeys(reading.state.as_dict())
    assert set(observe_device(reading.contact, reading.state).values()) == {None}


def test_a_printer_that_the_neighbour_cannot_reach_does_not_answer(neighbour: Neighbour) -> None:
    neighbour.machine.set_faults({"off": True})
    reading = poller(neighbour).poll()
    assert reading.contact is Contact.NO_REPLY
    assert "E101" in reading.reason


def test_it_is_found_by_hand(neighbour: Neighbour) -> None:
    finding = probe(neighbour.url, list(FAMILIES.values()), profile_store.load(), SkewedClock())
    assert (finding.family, finding.identity.model) == ("erpnet_fp", "FP-2000")
    assert neighbour.machine.forbidden == []


def test_the_address_of_the_emulator_is_one_that_the_configuration_takes(neighbour: Neighbour) -> None:
    assert parse(neighbour.url).way == "http"


def test_the_emulator_runs_by_hand() -> None:
    command = [sys.executable, "-m", "tests.emulators.erpnet_fp", "--listen", "127.0.0.1:0"]
    with subprocess.Popen([*command, "--fault", "paper_end"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        with open_port(ready["port"], LINE) as port:
            port.write(b"status")
            assert b"E301" in port.read(5.0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0

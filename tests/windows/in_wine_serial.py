"""Serial ports as Windows has them: pyserial's Windows class, COM ports, emulated devices behind them. Runs in the
Windows Python; the devices are processes of Linux on ptys that Wine shows as COM ports (see `rig`)."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.devices import profile_store
from agent.devices.prober import probe
from agent.ports import Port, open_port
from agent.ports.serial_port import SerialPort
from agent.runtime.clock import SystemClock
from agent.uplink import identity
from protocols.device.family import Serial
from protocols.device.registry import FAMILIES
from protocols.errors import NoReply, PortError, PortGone
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector

PLACES: dict[str, dict[str, str]] = json.loads(os.environ["PLOMBA_COM_PORTS"])
"""By family: `port`, and `control`, the address of the emulator's control port."""
LINE = Serial(bauds=(9600,))
PRINTER = PLACES["escpos"]
ASK, ONLINE = b"\x10\x04\x01", b"\x12"  # DLE EOT 1


def tell(place: dict[str, str], page: str, **body: Any) -> None:
    request = urllib.request.Request(place["control"] + page, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def forbidden(place: dict[str, str]) -> object:
    with urllib.request.urlopen(place["control"] + "/forbidden", timeout=30) as answer:
        return json.load(answer)


def ask_again_and_again(port: Port) -> None:
    for _ in range(20):
        port.write(ASK)
        port.read(1)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    for place in PLACES.values():
        tell(place, "/reset")
    yield
    assert [forbidden(place) for place in PLACES.values()] == [[] for _ in PLACES]


def test_it_is_the_class_of_windows() -> None:
    with open_port(PRINTER["port"], LINE) as port:
        assert isinstance(port, SerialPort)
        assert type(port._line).__module__ == "agent.ports.pyserial_line"
    assert serial.Serial.__module__ == "serial.serialwin32"


def test_bytes_go_both_ways() -> None:
    with open_port(PRINTER["port"], LINE) as port:
        port.write(ASK)
        assert port.read(30) == ONLINE


def test_a_read_that_waits_in_vain_gives_nothing_after_its_time() -> None:
    with open_port(PRINTER["port"], LINE) as port:
        began = SystemClock().monotonic()
        assert port.read(0.5) == b""
        assert 0.4 < SystemClock().monotonic() - began < 20
        port.write(ASK)
        assert port.read(30) == ONLINE, "the port is as good as before"


def test_without_the_adapter_such_a_read_would_be_a_lost_port() -> None:
    """What Wine 8 does, and some drivers do: error 1460 where Windows gives no bytes."""
    with (
        serial.Serial(PRINTER["port"], 9600, timeout=0.2) as plain,
        pytest.raises(serial.SerialException, match="1460"),
    ):
        plain.read(1)


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(PortGone, match="COM77 does not exist"):
        open_port("COM77", LINE)


def test_nobody_answers_at_a_silent_device() -> None:
    tell(PRINTER, "/behaviour", silent=1)
    with pytest.raises(NoReply):
        probe(PRINTER["port"], [FAMILIES["escpos"]], profile_store.load(), SystemClock(), bauds=(9600,))


@pytest.mark.parametrize("name", sorted(PLACES))
def test_a_device_is_identified_and_read(name: str) -> None:
    family = FAMILIES[name]
    found = probe(PLACES[name]["port"], [family], profile_store.load(), SystemClock())
    assert found.family == name
    assert found.faults == ()
    assert found.state.online is not False


def test_a_fault_is_seen_by_the_command(tmp_path: Path) -> None:
    tell(PRINTER, "/faults", paper_end=True)
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli", "probe", PRINTER["port"], "--family", "escpos", "--json"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "printer.paper_end" in json.loads(done.stdout)["faults"]


def test_an_agent_reads_its_printer_and_tells_the_collector(tmp_path: Path) -> None:
    collector = Collector(Authority(), tmp_path)
    state, key = tmp_path / "state", Ed25519PrivateKey.generate()
    me = identity.Identity(TERMINAL, collector.url, identity.ca_file(state, TERMINAL), key)
    identity.save(state, me, collector.authority.pem)
    collector.keys[TERMINAL] = key.public_key()
    config = tmp_path / "agent.toml"
    config.write_text(
        f"[agent]\nstate_dir = '{state}'\n[collector]\nurl = '{collector.url}'\nreport_s = 1\n"
        f"[[device]]\nid = 'printer'\nfamily = 'escpos'\nport = '{PRINTER['port']}'\npoll_s = 0.5\n"
    )

    def seen(kind: str, **facts: object) -> bool:
        told = [message for message in collector.stored.values() if message["kind"] == kind]
        return any(facts.items() <= message.items() for message in told)

    command = [sys.executable, "-m", "agent.cli", "run", "--config", str(config)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as agent:
        try:
            collector.wait_for(lambda: seen("state", contact="ok"), 90)
            tell(PRINTER, "/faults", cover_open=True)
            collector.wait_for(lambda: seen("event", code="printer.cover_open"), 90)
        finally:
            agent.kill()
            collector.close()


def test_a_device_that_is_pulled_out_is_gone() -> None:
    """The last one, for it does not come back."""
    with open_port(PRINTER["port"], LINE) as port:
        tell(PRINTER, "/behaviour", vanish=1)
        with pytest.raises(PortError):
            ask_again_and_again(port)

"""The real agent with a tapped printer, as a process: it reads the printer in the gaps of the cash program, goes,
and the cash program goes on."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.cli import main
from agent.ports import tap_client
from agent.ports.tap_start import control_of
from agent.uplink import identity
from protocols.device.overhear import SILENCE_S
from protocols.errors import PortGone
from tests.agent.ports.tapped import LONG_S, Rig, read, until
from tests.agent.runtime.test_service import command, of_kind, start
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector

CONFIG = """\
[agent]
state_dir = "{folder}/state"
[collector]
url = "{url}"
report_s = 1
[[device]]
id = "printer"
family = "escpos"
port = "{port}"
sharing = "tap"
tap_link = "{link}"
poll_s = 0.5
"""
ASK, WELL, INIT, KICK = b"\x10\x04\x01", b"\x12", b"\x1b@", b"\x1bp\x00\x19\xfa"


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    made = Collector(Authority(), tmp_path)
    yield made
    made.close()
    assert not made.errors


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.plug_in()
    yield made
    with suppress(PortGone):  # the test may have ended it
        tap_client.stop(control_of(tmp_path / "state", "printer"))
    made.close()


@pytest.fixture
def config(tmp_path: Path, collector: Collector, rig: Rig) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text(
        CONFIG.format(folder=tmp_path, url=collector.url, port=rig.plan.printer, link=rig.plan.link)
    )
    code = f"abcde-fghjk.{collector.authority.fingerprint}"
    subprocess.run(
        command("enrol", "--config", str(file), "--code", code), stdout=subprocess.DEVNULL, check=True
    )
    collector.keys[TERMINAL] = identity.load(tmp_path / "state").key.public_key()
    return file


def contacts(collector: Collector) -> list[object]:
    return [message["contact"] for message in of_kind(collector, "state")]


def begin(rig: Rig) -> int:
    """The cash program opens its end, after a silence in which no command can have been cut, and begins a
    job."""
    until(lambda: Path(rig.plan.link).is_symlink(), 20)
    pos = rig.end()
    until(lambda: not read(pos, 1, SILENCE_S + 0.1))
    os.write(pos, INIT)
    return pos


def test_a_tapped_printer_is_read_and_outlives_the_agent(
    config: Path, collector: Collector, rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with start(config) as agent:
        pos = begin(rig)
        collector.wait_for(lambda: "ok" in contacts(collector), 20)
        rig.machine.set_faults({"paper_near_end": True})
        collector.wait_for(
            lambda: any(e["code"] == "printer.paper_near_end" for e in of_kind(collector, "event")), 20
        )
        agent.kill()
    for _ in range(50):
        os.write(pos, ASK)
        assert read(pos, 1, LONG_S) == WELL
    assert rig.machine.forbidden == ["1B 40"], "the cash program's own, and nothing else"
    assert main(["tap", "printer", "--config", str(config), "--show"]) == 0
    shown = capsys.readouterr().out
    assert f"the cash program opens {rig.plan.link}" in shown
    assert "is open" in shown
    assert main(["tap", "printer", "--config", str(config), "--stop"]) == 0
    until(lambda: Path(rig.plan.link).resolve() == Path(rig.plan.printer).resolve())

    def is_gone() -> bool:
        """It answers for some moments after its link leads to the printer."""
        assert main(["tap", "printer", "--config", str(config), "--stop"]) == 0
        return "does not run" in capsys.readouterr().out

    until(is_gone)
    assert main(["tap", "printer", "--config", str(config), "--show"]) == 1


def test_a_kick_of_the_cash_program_is_heard(config: Path, collector: Collector, rig: Rig) -> None:
    """Two kicks that the sensor agrees with are enough to know which level means open."""
    with start(config) as agent:
        pos = begin(rig)
        collector.wait_for(lambda: "ok" in contacts(collector), 20)
        for _ in range(3):
            os.write(pos, KICK)
            until(lambda: "drawer_open" in rig.machine.faults)
            read(pos, 1, 3.0)  # the drawer stands open for a while
            rig.machine.set_faults({"drawer_open": False})
            read(pos, 1, 2.0)
        collector.wait_for(
            lambda: any(f["name"] == "drawer.polarity_learned" for f in of_kind(collector, "fact")), 20
        )
        agent.terminate()
        assert agent.wait(20) == 0


@pytest.mark.parametrize("arguments", [["nobody"], ["nobody", "--show"], ["nobody", "--stop"]])
def test_a_device_without_a_tap_is_refused(
    config: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tap", *arguments, "--config", str(config)]) == 2
    assert "allowed: printer" in capsys.readouterr().err

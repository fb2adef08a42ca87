"""The real agent as a process, against a collector on loopback: what it says at its start, at its end, and
after kill -9."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.runtime.notify import Notify
from agent.spool.outbox import GAP
from agent.uplink import identity
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector

CONFIG = """\
[agent]
state_dir = "{folder}/state"
[collector]
url = "{url}"
report_s = 1
[host]
sample_s = 1
[[device]]
id = "printer"
family = "escpos"
port = "/dev/ttyS_not_there"
poll_s = 0.5
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())", *arguments]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    made = Collector(Authority(), tmp_path)
    yield made
    made.close()
    assert not made.errors


@pytest.fixture
def config(tmp_path: Path, collector: Collector) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text(CONFIG.format(folder=tmp_path, url=collector.url))
    code = f"abcde-fghjk.{collector.authority.fingerprint}"
    done = subprocess.run(
        command("enrol", "--config", str(file), "--code", code), capture_output=True, text=True, check=True
    )
    assert done.stdout == f"Enrolled as Kase 1 ({TERMINAL}): SIA Maize, Brīvības iela 1.\n"
    collector.keys[TERMINAL] = identity.load(tmp_path / "state").key.public_key()
    return file


def of_kind(collector: Collector, kind: str) -> list[dict[str, object]]:
    return [message for message in collector.stored.values() if message["kind"] == kind]


def names(collector: Collector) -> list[str]:
    """Of what the agent says of itself; what its probes find depends on the computer, and whether figures waited in
    memory when it was killed, which it tells, on the moment."""
    found = [str(message["name"]) for message in of_kind(collector, "fact")]
    return [name for name in found if name.startswith("agent.") and name != GAP]


def start(config: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command("run", "--config", str(config)), stderr=subprocess.DEVNULL)


def test_a_life_of_the_agent(config: Path, collector: Collector, tmp_path: Path) -> None:
    with start(config) as process:
        collector.wait_for(
            lambda: bool(of_kind(collector, "hello")) and bool(of_kind(collector, "state")), 20
        )
        status = json.loads(
            subprocess.check_output(command("status", "--config", str(config), "--json"), text=True)
        )
        words = subprocess.check_output(command("status", "--config", str(config)), text=True)
        process.terminate()
        assert process.wait(20) == 0
    assert words.startswith(f"Till: Kase 1 ({TERMINAL}) at {collector.url}\nWaiting for the collector: ")
    assert "\nDevice printer: its port is not there (since 20" in words
    assert "\n  no good answer yet\n" in words
    assert status["identity"]["terminal"] == TERMINAL
    assert status["uplink"]["receipt_at"]
    assert names(collector) == ["agent.stopped"]
    [first] = of_kind(collector, "hello")
    assert (first.get("clean"), first["devices"]) == (
        None, [{"id": "printer", "family": "escpos", "port": "/dev/ttyS_not_there"}],
    )  # fmt: skip
    assert of_kind(collector, "state")[0]["contact"] == "missing"

    with start(config) as process:
        collector.wait_for(lambda: len(of_kind(collector, "hello")) == 2, 20)
        process.kill()
    with start(config) as process:
        collector.wait_for(lambda: "agent.crashed" in names(collector), 20)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert [hello.get("clean") for hello in of_kind(collector, "hello")] == [None, True, False]
    assert names(collector) == ["agent.stopped", "agent.crashed", "agent.stopped"]
    [ordered] = {report["epoch"] for report in collector.reports if report["lane"] == "ordered"}
    seqs = sorted(seq for epoch, seq in collector.stored if epoch == ordered)
    assert seqs == list(range(1, len(seqs) + 1))
    loose = {report["epoch"] for report in collector.reports if report["lane"] == "loose"}
    assert loose
    assert ordered not in loose


def test_an_agent_without_an_identity_says_what_to_do_and_ends(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(CONFIG.format(folder=tmp_path, url="https://127.0.0.1:1"))
    done = subprocess.run(command("run", "--config", str(file)), capture_output=True, text=True, check=False)
    assert done.returncode == 75
    assert "plomba-agent enrol" in done.stderr


def test_systemd_is_told(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(address)
        notify = Notify(
            {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}
        )
        notify.ready()
        notify.alive()
        assert [server.recv(99), server.recv(99)] == [b"READY=1", b"WATCHDOG=1"]
    assert notify.watchdog_s == 60
    Notify({}).ready()
    assert Notify({"WATCHDOG_USEC": "1"}).watchdog_s is None

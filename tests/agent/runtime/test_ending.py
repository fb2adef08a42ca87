"""The agent starts and ends quickly from any state, ends itself where a job does not come back, and is told so.
The limits of time are wide here: how long it takes is measured in tests/benchmarks."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.runtime import logs
from agent.runtime.clock import SystemClock
from agent.runtime.service import END_S, TICK_S
from agent.uplink import identity
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Answer, Collector

LONG_S = 60.0
"""For what must happen at all."""
END_MOST_S = 10.0
"""The bar is 5 s; the rest is for a busy machine."""
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
port = "{port}"
poll_s = 0.5
"""
BACKUP = """\
[[backup]]
name = "pos"
engine = "sqlite"
source = "{folder}/pos.db"
repository = "collector"
recovery_key = "{folder}/keys/recovery.pub"
every = "1d"
"""


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    made = Collector(Authority(), tmp_path)
    yield made
    made.close()


def cli(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "agent.cli", *arguments]


def enrolled(
    folder: Path, collector: Collector, *, port: str = "/dev/ttyS_not_there", more: str = ""
) -> Path:
    file = folder / "agent.toml"
    text = CONFIG.format(folder=folder, url=collector.url, port=port) + more.format(folder=folder)
    file.write_text(text)
    code = f"abcde-fghjk.{collector.authority.fingerprint}"
    subprocess.run(
        cli("enrol", "--config", str(file), "--code", code),
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=LONG_S,
    )
    collector.keys[TERMINAL] = identity.load(folder / "state").key.public_key()
    return file


@contextmanager
def running(command: list[str], **more: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, **more}) as process:
        try:
            yield process
        finally:
            process.kill()


def hanging(config: Path, what: str, limit_s: float) -> list[str]:
    return [sys.executable, "-m", "tests.agent.runtime.hanging", what, str(limit_s), str(config)]


def kind(collector: Collector, name: str) -> list[dict[str, object]]:
    return [message for message in collector.stored.values() if message["kind"] == name]


def facts(collector: Collector) -> list[str]:
    return [str(message["name"]) for message in kind(collector, "fact")]


def ends(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    clock = SystemClock()
    before_s = clock.monotonic()
    process.send_signal(signal.SIGTERM)
    return process.wait(LONG_S), clock.monotonic() - before_s


def log_of(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "state" / logs.FILE).read_text("utf-8").splitlines()]


@pytest.mark.parametrize("what", ["device", "spool"])
def test_a_job_that_does_not_come_back_ends_the_agent_and_is_named(
    tmp_path: Path, collector: Collector, what: str
) -> None:
    config = enrolled(tmp_path, collector)
    with running(hanging(config, what, 1.0)) as process:
        assert process.wait(LONG_S) == 1
    job = {"device": "device printer", "spool": "host"}[what]
    [told] = [line for line in log_of(tmp_path) if line["level"] == "critical"]
    assert told["message"].startswith(f"{job} has not come back for ")
    assert "in hang" in told["message"]
    hellos = len(kind(collector, "hello"))
    with running(cli("run", "--config", str(config))) as process:
        collector.wait_for(lambda: "agent.crashed" in facts(collector), LONG_S)
        [fact] = [message for message in kind(collector, "fact") if message["name"] == "agent.stuck"]
        assert fact["detail"]["job"] == job  # type: ignore[index]
        assert ends(process)[0] == 0
    with running(cli("run", "--config", str(config))):
        collector.wait_for(lambda: len(kind(collector, "hello")) == hellos + 2, LONG_S)
    assert facts(collector).count("agent.stuck") == 1, "it is told once"


def test_without_the_watchdog_it_would_hang_on_unseen(tmp_path: Path, collector: Collector) -> None:
    """The control: the same with a limit that is never reached. It says that all is well, and knows nothing of its
    device; it still ends when it is told to."""
    config = enrolled(tmp_path, collector)
    with running(hanging(config, "device", 1e9)) as process:
        collector.wait_for(lambda: len(kind(collector, "hello")) == 1, LONG_S)
        reports = len(collector.reports)
        collector.wait_for(lambda: len(collector.reports) > reports + 2 * TICK_S, LONG_S)
        assert process.poll() is None
        assert not kind(collector, "state")
        code, took_s = ends(process)
    assert (code, took_s < END_MOST_S) == (0, True)
    assert "agent.stopped" in facts(collector)


def systemd(address: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000000"}


def test_systemd_hears_that_all_is_well_only_while_it_is(tmp_path: Path, collector: Collector) -> None:
    config = enrolled(tmp_path, collector)
    address = str(tmp_path / "notify")
    heard: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(address)
        server.settimeout(LONG_S)
        with running(hanging(config, "device", 6.0), **systemd(address)) as process:
            while not heard or heard[-1] != b"STOPPING=1":
                heard.append(server.recv(99))
            assert process.wait(LONG_S) == 1
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(99)
    assert heard[0] == b"READY=1"
    assert heard.count(b"WATCHDOG=1")
    assert len(heard) == heard.count(b"WATCHDOG=1") + 2


def deaf_printer() -> Iterator[str]:
    """Takes the connection and the questions, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"


def test_it_ends_quickly_at_rest(tmp_path: Path, collector: Collector) -> None:
    config = enrolled(tmp_path, collector)
    with running(cli("run", "--config", str(config))) as process:
        collector.wait_for(lambda: bool(kind(collector, "state")), LONG_S)
        code, took_s = ends(process)
    assert (code, took_s < END_MOST_S) == (0, True)
    assert "agent.stopped" in facts(collector)
    assert END_S < 5


def test_it_ends_quickly_while_the_collector_is_silent(tmp_path: Path, collector: Collector) -> None:
    config = enrolled(tmp_path, collector)
    asked, ended = threading.Event(), threading.Event()

    def silent(_collector: Collector, _report: dict[str, object]) -> Answer | None:
        asked.set()
        ended.wait(LONG_S)
        return Answer(503, {})

    collector.always = silent
    with running(cli("run", "--config", str(config))) as process:
        assert asked.wait(LONG_S)
        code, took_s = ends(process)
    ended.set()
    assert (code, took_s < END_MOST_S) == (0, True)


def test_it_ends_quickly_while_a_backup_runs_that_heeds_no_signal(
    tmp_path: Path, collector: Collector
) -> None:
    config = enrolled(tmp_path, collector, more=BACKUP)
    address = str(tmp_path / "trial")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        server.settimeout(LONG_S)
        with running(hanging(config, "backup", 300.0), TRIAL_SOCKET=address) as process:
            child, _ = server.accept()
            code, took_s = ends(process)
        with child:
            child.settimeout(LONG_S)
            assert child.recv(1) == b"", "the backup goes on without the agent"
    assert (code, took_s < END_MOST_S) == (0, True)


def test_it_ends_quickly_while_a_device_is_silent(tmp_path: Path, collector: Collector) -> None:
    for port in deaf_printer():
        config = enrolled(tmp_path, collector, port=port)
        with running(cli("run", "--config", str(config))) as process:
            collector.wait_for(lambda: bool(kind(collector, "hello")), LONG_S)
            code, took_s = ends(process)
    assert code == 0
    assert took_s < END_MOST_S


def test_it_waits_to_be_enrolled_and_begins_by_itself(tmp_path: Path, collector: Collector) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(CONFIG.format(folder=tmp_path, url=collector.url, port="/dev/ttyS_not_there"))
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(address)
        server.settimeout(LONG_S)
        with running(cli("run", "--wait", "--config", str(file)), **systemd(address)) as process:
            assert [server.recv(99), server.recv(99)] == [b"READY=1", b"WATCHDOG=1"]
            assert process.poll() is None
            enrolled(tmp_path, collector)
            collector.wait_for(lambda: bool(kind(collector, "hello")), LONG_S)
            assert ends(process)[0] == 0


def test_told_to_stop_while_it_waits_it_stops(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(CONFIG.format(folder=tmp_path, url="https://127.0.0.1:1", port="/dev/ttyS_not_there"))
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(address)
        server.settimeout(LONG_S)
        with running(cli("run", "--wait", "--config", str(file)), NOTIFY_SOCKET=address) as process:
            assert server.recv(99) == b"READY=1"
            code, took_s = ends(process)
    assert code == 0
    assert took_s < END_MOST_S

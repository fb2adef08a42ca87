"""The agent as a service of Windows: installed by its own command, started by the Service Control Manager, stopped,
started anew, taken out. Runs in the Windows Python."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ntsecuritycon
import pytest
import win32security
import win32service
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.runtime import logs, windows_service
from agent.runtime.service_manager import ServiceStatus
from agent.uplink import identity
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector

CONFIG = """\
[agent]
state_dir = '{folder}\\state'
[collector]
url = "{url}"
report_s = 1
[host]
sample_s = 1
"""


def agent(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    made = Collector(Authority(), tmp_path)
    yield made
    made.close()
    assert not made.errors


@pytest.fixture
def config(tmp_path: Path, collector: Collector) -> Iterator[Path]:
    file = tmp_path / "agent.toml"
    file.write_text(CONFIG.format(folder=tmp_path, url=collector.url))
    state = tmp_path / "state"
    key = Ed25519PrivateKey.generate()
    me = identity.Identity(TERMINAL, collector.url, identity.ca_file(state, TERMINAL), key)
    identity.save(state, me, collector.authority.pem)
    collector.keys[TERMINAL] = key.public_key()
    yield file
    windows_service.remove()


def kinds(collector: Collector) -> list[object]:
    return [message["kind"] for message in collector.stored.values()]


def ends(collector: Collector) -> list[object]:
    """What was told of how each run of the agent ended."""
    named = [message["name"] for message in collector.stored.values() if message["kind"] == "fact"]
    return [name for name in named if name in ("agent.stopped", "agent.crashed")]


def shown() -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli", "service", "status", "--json"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_service_is_installed_runs_stops_and_is_taken_out(config: Path, collector: Collector) -> None:
    assert shown()["installed"] is False
    agent("service", "install", "--config", str(config))
    collector.wait_for(lambda: "hello" in kinds(collector), 60)
    now = windows_service.status()
    assert (now.installed, now.enabled, now.running, now.detail) == (True, True, True, "running")
    assert now.pid not in (None, os.getpid())
    assert shown() == {
        "installed": True, "enabled": True, "running": True, "pid": now.pid, "detail": "running"
    }  # fmt: skip
    agent("service", "install", "--config", str(config))  # as after an update: stopped, changed, started
    collector.wait_for(lambda: kinds(collector).count("hello") == 2, 60)
    agent("service", "remove")
    assert windows_service.status() == ServiceStatus(installed=False)
    agent("service", "remove")
    with subprocess.Popen([sys.executable, "-m", "agent.cli", "run", "--config", str(config)]) as by_hand:
        collector.wait_for(lambda: kinds(collector).count("hello") == 3, 60)
        by_hand.kill()
    hellos = [message for message in collector.stored.values() if message["kind"] == "hello"]
    assert [hello.get("clean") for hello in hellos] == [None, True, True]


def test_windows_is_told_to_start_anew_an_agent_that_broke_off(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That Windows does so cannot be seen here: Wine 8 takes the wish, shows it to nobody and does nothing."""
    asked: dict[int, object] = {}
    change = win32service.ChangeServiceConfig2

    def listen(service: object, level: int, value: object) -> None:
        asked[level] = value
        change(service, level, value)

    monkeypatch.setattr(win32service, "ChangeServiceConfig2", listen)
    windows_service.install(config)
    actions = asked[win32service.SERVICE_CONFIG_FAILURE_ACTIONS]
    assert isinstance(actions, dict)
    assert actions["ResetPeriod"] == 86400
    assert actions["Actions"] == [(win32service.SC_ACTION_RESTART, s * 1000) for s in (5, 30, 60)]
    assert asked[win32service.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG] is True


def test_an_agent_that_was_killed_goes_on_where_it_was(config: Path, collector: Collector) -> None:
    command = [sys.executable, "-m", "agent.cli", "run", "--config", str(config)]
    with subprocess.Popen(command) as first:
        collector.wait_for(lambda: "hello" in kinds(collector), 60)
        first.kill()
    with subprocess.Popen(command) as second:
        collector.wait_for(lambda: "agent.crashed" in ends(collector), 60)
        second.kill()
    assert sorted(seq for _, seq in collector.stored) == list(range(1, len(collector.stored) + 1))


def test_a_till_that_is_not_enrolled_waits_and_stops_when_told(config: Path, tmp_path: Path) -> None:
    (tmp_path / "state" / identity.IDENTITY_FILE).unlink()
    agent("service", "install", "--config", str(config))
    assert windows_service.status().running
    agent("service", "remove")
    told = (tmp_path / "state" / logs.FILE).read_text("utf-8")
    assert "is not enrolled yet" in told


def test_a_wrong_configuration_is_refused_before_anything_is_installed(config: Path) -> None:
    config.write_text("[collector]\nurl = 1\n")
    agent("service", "install", "--config", str(config), code=2)
    assert windows_service.status() == ServiceStatus(installed=False)


def test_what_others_may_change_is_no_service_of_the_system(config: Path) -> None:
    found = win32security.GetFileSecurity(str(config), win32security.DACL_SECURITY_INFORMATION)
    access = found.GetSecurityDescriptorDacl()
    everyone = win32security.ConvertStringSidToSid("S-1-1-0")
    access.AddAccessAllowedAce(win32security.ACL_REVISION, ntsecuritycon.FILE_ALL_ACCESS, everyone)
    found.SetSecurityDescriptorDacl(1, access, 0)
    win32security.SetFileSecurity(str(config), win32security.DACL_SECURITY_INFORMATION, found)
    assert "service.untrusted" in agent("service", "install", "--config", str(config), code=1)
    assert windows_service.status() == ServiceStatus(installed=False)


def test_a_dry_run_does_nothing(config: Path) -> None:
    said = agent("service", "install", "--dry-run", "--config", str(config))
    assert f"service host --config {config}" in said
    assert windows_service.status() == ServiceStatus(installed=False)


def test_a_person_cannot_start_what_windows_starts(config: Path) -> None:
    agent("service", "host", "--config", str(config), code=1)

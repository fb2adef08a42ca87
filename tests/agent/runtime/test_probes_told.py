"""The real agent as a process: what its probes find reaches the collector as figures, findings, lists and faults, and a
program that hangs does not hold up its end."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.runtime.clock import SystemClock
from agent.system.command import TIMEOUT_S
from agent.uplink import identity
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector

CONFIG = """\
[agent]
state_dir = '{folder}/state'
open_from = "{opens:%H:%M}"
open_to = "{shuts:%H:%M}"
[collector]
url = "{url}"
report_s = 1
[host]
sample_s = 1
services = ["nowhere"]
pos_process = "no such cash program"
pos_programs = ['{folder}/pos.exe']
"""
AT_ONCE = "import agent.runtime.host_watch as watch; watch.SETTLED_S = 0.0; import sys; from agent.cli import main; "
"""Slow probes look as soon as the agent runs: nobody waits five minutes for a test."""

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="its programs are played by scripts of the shell"
)


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    made = Collector(Authority(), tmp_path)
    yield made
    made.close()
    assert not made.errors


@pytest.fixture
def config(tmp_path: Path, collector: Collector) -> Path:
    file = tmp_path / "agent.toml"
    now = SystemClock().now().astimezone()
    hours = {"opens": now + timedelta(hours=6), "shuts": now + timedelta(hours=7)}
    file.write_text(CONFIG.format(folder=tmp_path, url=collector.url, **hours), "utf-8")
    (tmp_path / "pos.exe").write_bytes(b"MZ")
    code = f"abcde-fghjk.{collector.authority.fingerprint}"
    agent("enrol", "--config", str(file), "--code", code).wait(60)
    collector.keys[TERMINAL] = identity.load(tmp_path / "state").key.public_key()
    return file


def agent(*arguments: str, path: str = "/usr/bin:/bin") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", f"{AT_ONCE}sys.exit(main())", *arguments]
    return subprocess.Popen(command, env={"PATH": path}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def played(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n", "utf-8")
    (folder / name).chmod(0o755)


def told(collector: Collector, kind: str, key: str) -> set[object]:
    return {message[key] for message in collector.stored.values() if message["kind"] == kind}


def test_what_the_probes_find_is_told(config: Path, collector: Collector, tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    played(bin_, "systemctl", "printf 'Id=nowhere.service\\nLoadState=loaded\\nActiveState=failed\\n'")
    played(bin_, "dpkg-query", "printf 'ii \\tcups\\t2.4\\n'")
    facts = {"host.network", "host.services", "host.reboot", "host.unknown"}
    with agent("run", "--config", str(config), path=f"{bin_}:/usr/bin:/bin") as process:
        collector.wait_for(
            lambda: (
                facts <= told(collector, "fact", "name")
                and {"software", "programs"} <= told(collector, "inventory", "what")
            ),
            100,
        )
        process.terminate()
        assert process.wait(30) == 0
    [software] = [m for m in collector.stored.values() if m.get("what") == "software"]
    assert [(item["name"], item["version"]) for item in software["items"]] == [("cups", "2.4")]


def test_a_program_that_hangs_does_not_hold_up_the_end(config: Path, tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    os.mkfifo(tmp_path / "began")
    played(bin_, "systemctl", f"echo >{tmp_path}/began; exec sleep 600")
    with agent("run", "--config", str(config), path=f"{bin_}:/usr/bin:/bin") as process:
        (tmp_path / "began").read_bytes()
        began = time.perf_counter()
        process.terminate()
        assert process.wait(60) == 0
        assert time.perf_counter() - began < TIMEOUT_S

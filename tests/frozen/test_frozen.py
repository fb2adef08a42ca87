"""The frozen agent can do all that the agent in its checkout can, and holds nothing else."""

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType

import pytest
from PyInstaller.archive.readers import CArchiveReader, ZlibArchiveReader

from agent.cli import COMMANDS
from agent.runtime.clock import SystemClock
from agent.runtime.systemd_service import template
from agent.uplink import identity
from protocols.device.registry import FAMILIES
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector
from tests.frozen.conftest import ROOT

pytestmark = [pytest.mark.xdist_group("frozen"), pytest.mark.timeout(600)]

STEP_S = 60.0
CONFIG = """\
[agent]
state_dir = "{folder}/state"
[collector]
url = "{url}"
report_s = 1
[[device]]
id = "printer"
family = "escpos"
port = "/dev/ttyS_not_there"
"""


def run(program: list[str | Path], *arguments: str | Path, folder: Path) -> str:
    """Without what the checkout could lend it."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [*program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=STEP_S,
        cwd=folder,
        env=env,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text(CONFIG.format(folder=tmp_path, url="https://127.0.0.1:1"))
    return file


def names(frozen: Path) -> dict[str, CodeType | None]:
    """Every module in it, with its code where it has some."""
    pyz = CArchiveReader(str(frozen)).open_embedded_archive("PYZ.pyz")
    assert isinstance(pyz, ZlibArchiveReader)
    return {name: pyz.extract(name) for name in pyz.toc}


def test_it_has_what_the_source_has(frozen: Path, config: Path, tmp_path: Path) -> None:
    own = json.loads(run([frozen], "selftest", "--json", "--config", config, folder=tmp_path))
    source = json.loads(
        run([sys.executable, "-m", "agent.cli"], "selftest", "--json", "--config", config, folder=ROOT)
    )
    assert (own["frozen"], source["frozen"]) == (True, False)
    assert own["registries"] == source["registries"]
    assert own["registries"]["families"] == list(FAMILIES)
    assert {"families", "engines", "repositories", "jobs", "probes", "commands"} == own["registries"].keys()
    assert all(own["registries"].values())
    assert own["version"] == source["version"]
    told = {check["name"]: (check["ok"], check["detail"]) for check in own["checks"]}
    assert [name for name, (ok, _) in told.items() if ok is None] == ["key"]
    expected = {check["name"]: check["detail"] for check in source["checks"]}
    assert told["profiles"] == (True, expected["profiles"])


def test_it_holds_no_module_of_the_collector_and_none_of_the_tests(frozen: Path) -> None:
    tops = {name.partition(".")[0] for name in names(frozen)}
    assert {"agent", "protocols", "cryptography"} <= tops, "the list is not what it should be"
    foreign = {
        "collector",
        "tests",
        "django",
        "ninja",
        "uvicorn",
        "psycopg",
        "botocore",
        "jmespath",
        "pytest",
        "hypothesis",
        "mypy",
        "PyInstaller",
    }
    assert not tops & foreign


def test_it_holds_every_module_of_the_agent_for_this_system(frozen: Path) -> None:
    held = names(frozen).keys()
    expected = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for top in ("agent", "protocols")
        for file in (ROOT / top).rglob("*.py")
    }
    lacking = {name for name in expected - held if "windows" not in name.rpartition(".")[2]}
    assert not lacking


def test_it_holds_no_place_of_the_machine_that_built_it(frozen: Path) -> None:
    inside = rb"(?:agent|protocols|packaging|tests|\.venv)/"
    here = re.compile(rb"(?<![\w.-])" + re.escape(str(ROOT).encode()) + b"/" + inside)
    assert here.search(f'"{ROOT}/agent/cli"'.encode())
    held = [file for file in frozen.parent.rglob("*") if file.is_file() and here.search(file.read_bytes())]
    assert not held
    code = names(frozen)["agent.cli.run"]
    assert code
    assert not Path(code.co_filename).is_absolute()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there(frozen: Path, tmp_path: Path, command: str) -> None:
    assert f"plomba-agent {command}" in run([frozen], command, "--help", folder=tmp_path)


def test_it_installs_the_shipped_unit_with_its_own_place(frozen: Path, config: Path, tmp_path: Path) -> None:
    said = run([frozen], "service", "install", "--dry-run", "--config", config, folder=tmp_path)
    start = f"ExecStart={frozen} run --wait --config {config}"
    assert start in said
    shipped = template().splitlines()
    assert [line for line in shipped if line not in said.splitlines()] == [
        next(line for line in shipped if line.startswith("ExecStart="))
    ]


def test_it_decodes(frozen: Path, tmp_path: Path) -> None:
    said = run([frozen], "decode", "--family", "escpos", "--request", "100404", "72", folder=tmp_path)
    source = run(
        [sys.executable, "-m", "agent.cli"],
        "decode",
        "--family",
        "escpos",
        "--request",
        "100404",
        "72",
        folder=ROOT,
    )
    assert said == source


def test_it_backs_up_and_restores(frozen: Path, tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "pos.db")
    with db:
        db.execute("CREATE TABLE bill (n INTEGER PRIMARY KEY, what TEXT)")
        db.executemany("INSERT INTO bill (what) VALUES (?)", ((f"bill {n}",) for n in range(1000)))
    db.close()
    keys, place, state = tmp_path / "keys", tmp_path / "place", tmp_path / "state"
    run([frozen], "recovery-key", "--out", keys, folder=tmp_path)
    run(
        [frozen], "backup", "--engine", "sqlite", "--source", tmp_path / "pos.db", "--repository", place,
        "--recovery-key", keys / "recovery.pub", "--state", state, folder=tmp_path,
    )  # fmt: skip
    back = tmp_path / "back.db"
    run(
        [frozen], "restore", "--repository", place, "--recovery-key", keys / "recovery.key", "--to", back,
        folder=tmp_path,
    )  # fmt: skip
    restored = sqlite3.connect(back)
    assert restored.execute("SELECT count(*), max(what) FROM bill").fetchone() == (1000, "bill 999")
    restored.close()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Collector]:
    made = Collector(Authority(), tmp_path)
    yield made
    made.close()


def test_a_life_of_it(
    frozen: Path, tmp_path: Path, collector: Collector, record_property: Callable[[str, object], None]
) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(CONFIG.format(folder=tmp_path, url=collector.url))
    code = f"abcde-fghjk.{collector.authority.fingerprint}"
    run([frozen], "enrol", "--config", config, "--code", code, folder=tmp_path)
    collector.keys[TERMINAL] = identity.load(tmp_path / "state").key.public_key()
    clock = SystemClock()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        address = str(tmp_path / "notify")
        systemd.bind(address)
        systemd.settimeout(STEP_S)
        before_s = clock.monotonic()
        with subprocess.Popen(
            [frozen, "run", "--config", config],
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NOTIFY_SOCKET": address},
        ) as process:
            try:
                assert systemd.recv(99) == b"READY=1"
                record_property(
                    "frozen_start_s", clock.monotonic() - before_s
                )  # the bar is held by make bench
                collector.wait_for(
                    lambda: {"hello", "state"} <= {str(m["kind"]) for m in collector.stored.values()}, STEP_S
                )
                process.terminate()
                assert process.wait(STEP_S) == 0
            finally:
                process.kill()


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="NOT TESTED: dpkg-deb is not installed")
def test_the_package_brings_the_agent_its_unit_and_its_account(frozen: Path, tmp_path: Path) -> None:
    deb = Path(run([ROOT / "packaging/build-deb"], frozen.parent, tmp_path, folder=tmp_path).strip())
    listed = run(["dpkg-deb"], "--contents", deb, folder=tmp_path)
    paths = {line.split()[5].removeprefix(".") for line in listed.splitlines()}
    assert {
        "/opt/plomba/lib/plomba-agent/plomba-agent",
        "/usr/lib/systemd/system/plomba-agent.service",
        "/usr/lib/udev/rules.d/60-plomba.rules",
        "/usr/lib/sysusers.d/plomba.conf",
        "/etc/plomba/agent.toml",
        "/usr/bin/plomba-agent",
    } <= paths
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    control = run(["dpkg-deb"], "--info", deb, "conffiles", folder=tmp_path)
    assert control == "/etc/plomba/agent.toml\n"
    assert run(["dpkg-deb"], "--field", deb, "Package", folder=tmp_path) == "plomba-agent\n"
    unpacked = tmp_path / "unpacked"
    run(["dpkg-deb"], "--extract", deb, unpacked, folder=tmp_path)
    program = unpacked / "opt/plomba/bin/plomba-agent"
    assert "all well" in run([program], "selftest", "--config", _trial(tmp_path), folder=tmp_path)


def _trial(folder: Path) -> Path:
    """The configuration of the package, with a state folder of its own."""
    file = folder / "shipped.toml"
    text = (ROOT / "packaging/deb/agent.toml").read_text()
    file.write_text(text.replace("[agent]\n", f'[agent]\nstate_dir = "{folder}/state"\n'))
    return file

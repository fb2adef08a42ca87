"""The real agent as a process, and a collector in the hands of somebody else behind true TLS: it hands out jobs by the
way that true jobs come, and what is counted is what happens on the computer."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.runtime.clock import SystemClock
from agent.uplink import identity
from protocols.wire.v1 import PATH_JOBS
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Answer, Collector
from tests.office import Office, Person, altered

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the stand-in for systemctl is a shell script"
)
CONFIG = """\
[agent]
state_dir = "{folder}/state"
[collector]
url = "{url}"
report_s = 1
[jobs]
company_root = "{root}"
services = ["pos"]
"""
RESTART = {"type": "restart_service", "service": "pos"}
UPDATE = {"type": "update", "version": "9.9.9", "sha256": "0" * 64}
OTHER = {"type": "restart_service", "service": "another"}
COMMAND = [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())"]


class Taken(Collector):
    """Says with every receipt that jobs wait."""

    def receipt(self, epoch: int, complete_to: int, **more: Any) -> Answer:
        return super().receipt(epoch, complete_to, **{"waiting": ["jobs"] if self.documents else [], **more})

    def offer(self, body: bytes) -> None:
        self.documents = {PATH_JOBS: body}

    def codes(self) -> list[str]:
        with self.arrived:
            return [str(m["code"]) for m in self.stored.values() if m["kind"] == "job_result"]


@pytest.fixture
def office() -> Office:
    return Office(terminal=TERMINAL, now=SystemClock().now())


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Taken]:
    made = Taken(Authority(), tmp_path)
    yield made
    made.close()
    assert not made.errors


def start(folder: Path) -> "subprocess.Popen[bytes]":
    command = [*COMMAND, "run", "--config", str(folder / "agent.toml")]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


@pytest.fixture
def enrolled(
    tmp_path: Path, collector: Taken, office: Office, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A line for each time that a service was restarted. It takes as long as there is a file `hang`."""
    stand_in = tmp_path / "systemctl"
    stand_in.write_text(
        f'#!/bin/sh\n[ "$1" = restart ] || exit 0\necho "$@" >> {tmp_path}/done\n'
        f"while [ -e {tmp_path}/hang ]; do sleep 0.1; done\n"
    )
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    file = tmp_path / "agent.toml"
    file.write_text(CONFIG.format(folder=tmp_path, url=collector.url, root=office.root_key))
    code = f"abcde-fghjk.{collector.authority.fingerprint}"
    subprocess.run(
        [*COMMAND, "enrol", "--config", str(file), "--code", code], check=True, capture_output=True
    )
    collector.keys[TERMINAL] = identity.load(tmp_path / "state").key.public_key()
    yield tmp_path / "done"
    (tmp_path / "hang").unlink(missing_ok=True)


@pytest.fixture
def done(tmp_path: Path, enrolled: Path, collector: Taken, office: Office) -> Iterator[Path]:
    """The same, with the agent running."""
    with start(tmp_path) as agent:
        collector.wait_for(lambda: bool(collector.reports), 30)
        office.now = SystemClock().now()  # after the agent began to remember
        yield enrolled
        agent.terminate()
        assert agent.wait(30) == 0


LIES: dict[str, Callable[[Office], bytes]] = {
    "job.unknown_operator": lambda o: o.offer(o.signed(o.job(RESTART), Person("Mallory"))),
    "job.wrong_target": lambda o: o.offer(o.signed(o.job(RESTART, target="another-till"))),
    "job.signature": lambda o: o.offer(altered(o.signed(o.job(OTHER)), parameters=RESTART)),
    "job.unknown_type": lambda o: o.offer(o.signed(o.job({"type": "run_command", "command": "reboot"}))),
    "operators.signature": lambda o: o.offer(
        o.signed(o.job(RESTART)), operators=o.operators(root=Ed25519PrivateKey.generate())
    ),
    "job.signatures_missing": lambda o: o.offer(o.signed(o.job(UPDATE))),
}


def test_a_taken_collector_gets_nothing_done(done: Path, collector: Taken, office: Office) -> None:
    for code, lie in LIES.items():
        collector.offer(lie(office))
        collector.wait_for(lambda code=code: code in collector.codes(), 30)  # type: ignore[misc]
    assert not done.exists()
    proper = office.offer(office.signed(office.job(RESTART)))
    collector.offer(proper)
    collector.wait_for(lambda: "" in collector.codes(), 30)
    assert done.read_text() == "restart -- pos\n", "the control: what an operator signed is done"
    collector.wait_for(lambda: "job.replayed" in collector.codes(), 30)
    assert done.read_text() == "restart -- pos\n", "and once, however often it is handed out"


def test_rubbish_stops_neither_reports_nor_later_jobs(done: Path, collector: Taken, office: Office) -> None:
    for body in (b"", b"[" * 100_000, b"x" * 200_000, b'{"version":1,"jobs":[{}]}', b"\xff"):
        collector.offer(body)
        before = len(collector.reports)
        collector.wait_for(lambda before=before: len(collector.reports) > before + 1, 30)  # type: ignore[misc]
    collector.offer(office.offer(office.signed(office.job(RESTART))))
    collector.wait_for(lambda: "" in collector.codes(), 30)
    assert done.read_text() == "restart -- pos\n"


def test_an_agent_killed_in_a_job_tells_it_and_does_it_no_second_time(
    enrolled: Path, tmp_path: Path, collector: Taken, office: Office
) -> None:
    (tmp_path / "hang").touch()
    with start(tmp_path) as agent:
        collector.wait_for(lambda: bool(collector.reports), 30)
        office.now = SystemClock().now()
        collector.offer(office.offer(office.signed(office.job(RESTART))))
        for _ in range(300):
            if enrolled.exists():
                break
            Event().wait(0.1)
        agent.kill()
    assert enrolled.read_text() == "restart -- pos\n"
    (tmp_path / "hang").unlink()
    with start(tmp_path) as agent:
        collector.wait_for(lambda: {"job.broken_off", "job.replayed"} <= set(collector.codes()), 30)
        agent.terminate()
        assert agent.wait(30) == 0
    assert collector.codes().count("job.broken_off") == 1
    assert enrolled.read_text() == "restart -- pos\n"

"""Real agents and a real collector: a till that waits for approval, and a till that was copied with its key."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from agent.uplink import identity
from collector.core import clock
from tests.collector.ingest.test_clones import CHOOSE
from tests.collector.served import Served
from tests.end_to_end import stage
from tests.end_to_end.process import BIN, Process, run

pytestmark = [pytest.mark.xdist_group("identity"), pytest.mark.timeout(300)]
LATE_S = 2.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    tables = f"[identity]\nlate_s = {LATE_S}\nlive_s = 600\n"
    with Served(tmp_path_factory.mktemp("copied"), tables=tables) as running:
        yield running


def until(true: Callable[[], object], what: str, timeout_s: float) -> None:
    """By the clock: each look starts a program."""
    end_s = clock.monotonic() + timeout_s
    while not true():
        if clock.monotonic() > end_s:
            raise stage.TimedOut(f"after {timeout_s:g} s still not: {what}")
        clock.wait(Event(), 0.2)


class Agent:
    """The resident agent on a state folder of its own."""

    def __init__(self, served: Served, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self.state = folder / "state"
        self.config = folder / "agent.toml"
        where = f'[agent]\nstate_dir = "{self.state}"\n[collector]\nurl = "{served.url}"\nreport_s = 5\n'
        self.config.write_text(where)
        self._process: Process | None = None

    def enrol(self, code: str) -> str:
        return run(BIN / "plomba-agent", "enrol", "--code", code, "--config", self.config)

    def start(self) -> None:
        command = [BIN / "plomba-agent", "run", "--config", self.config]
        self._process = Process("agent", command, self._folder / "agent.log")

    def stop(self) -> None:
        if self._process:
            self._process.stop()
            self._process = None

    def status(self) -> dict[str, Any]:
        told = json.loads(run(BIN / "plomba-agent", "status", "--json", "--config", self.config))
        assert isinstance(told, dict)
        return told

    def problem(self) -> str:
        problem = self.status()["uplink"].get("problem") or {}
        return str(problem.get("code", ""))

    @property
    def key(self) -> str:
        return identity.public_key(identity.load(self.state).key)


@pytest.fixture
def agents(served: Served, tmp_path: Path) -> Iterator[tuple[Agent, Agent]]:
    found = Agent(served, tmp_path / "till"), Agent(served, tmp_path / "copy")
    yield found
    for agent in found:
        agent.stop()


def code_for(served: Served, site: str) -> str:
    made = served.cli("enrol-code", "--customer", "SIA Zaļā karote", "--site", site, "--json")
    return str(json.loads(made)["code"])


def heard(served: Served, terminal: str) -> bool:
    [(at,)] = served.rows("SELECT last_seen_at FROM inventory_terminal WHERE id = ?", terminal)
    return at is not None


def clones(served: Served, terminal: str) -> int:
    sql = "SELECT count(*) FROM incidents_incident WHERE terminal_id = ? AND code = 'agent.clone'"
    return int(served.rows(sql, terminal)[0][0])


def quarantined(served: Served, terminal: str) -> bool:
    [(at,)] = served.rows("SELECT quarantined_at FROM inventory_terminal WHERE id = ?", terminal)
    return at is not None


def test_a_till_that_waits_keeps_everything_and_says_so(served: Served, agents: tuple[Agent, Agent]) -> None:
    till, _ = agents
    code = code_for(served, "Stingrā iela")
    served.rows("UPDATE inventory_site SET needs_approval = 1 WHERE name = 'Stingrā iela'")
    assert "A technician must approve it" in till.enrol(code)
    terminal = identity.load(till.state).terminal
    till.start()
    until(lambda: till.problem() == "terminal.waiting", "the till says that it waits", 60)
    kept = till.status()["spool"]["messages"]
    assert kept > 0
    assert not heard(served, terminal)
    served.python(CHOOSE, "approve", terminal)
    until(lambda: heard(served, terminal), "it is heard", 90)
    until(lambda: till.problem() == "", "and has nothing more to say of it", 60)


def test_a_copied_till_is_found_and_the_right_one_goes_on_with_a_new_key(
    served: Served, agents: tuple[Agent, Agent]
) -> None:
    till, copy = agents
    till.enrol(code_for(served, "Kafejnīca Centrs"))
    terminal = identity.load(till.state).terminal
    old = till.key
    for _ in range(3):  # started anew, it is still one
        till.start()
        until(lambda: till.status()["uplink"].get("receipt_at"), "it is heard", 60)
        till.stop()
    assert clones(served, terminal) == 0

    shutil.copytree(till.state, copy.state)
    till.start()
    copy.start()
    until(lambda: quarantined(served, terminal), "two with one key are found", 120)
    assert clones(served, terminal) == 1
    sessions = served.rows(
        "SELECT name FROM ingest_session WHERE terminal_id = ? ORDER BY last_at DESC", terminal
    )
    served.python(CHOOSE, "choose", terminal, sessions[0][0])
    until(lambda: not quarantined(served, terminal), "the chosen one has a new key", 120)
    [(new,)] = served.rows("SELECT public_key FROM inventory_terminal WHERE id = ?", terminal)
    assert new != old
    until(lambda: new in (till.key, copy.key), "it has kept the key", 60)
    right, other = (till, copy) if till.key == new else (copy, till)
    assert other.key == old
    until(lambda: right.problem() == "", "the right one reports again", 120)
    other.stop()
    other.start()
    until(lambda: other.problem() == "signature.invalid", "the other one is not known any more", 120)
    assert other.status()["spool"]["messages"] > 0, "and keeps what it has"
    assert not quarantined(served, terminal)

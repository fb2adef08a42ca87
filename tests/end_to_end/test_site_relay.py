"""A shop of three real agents in network namespaces, and the real collector behind a router: the till that loses its
gateway goes through a neighbour, the neighbour dies, the line dies."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agent.runtime.clock import SystemClock
from agent.spool import FILE, Spool
from agent.uplink.relay_members import STATE as NEIGHBOURS
from tests.conftest import missing
from tests.end_to_end.network import COLLECTOR, OFFICE, Network, is_possible
from tests.end_to_end.process import BIN, Process, run
from tests.end_to_end.stage import until

TILLS = ("a", "b", "c", "d")
PORT = 8443
WAIT_S = 90

TOML = """\
[agent]
state_dir = "{home}/{till}"
name = "Kase {till}"
[collector]
url = "https://{collector}:{port}"
report_s = 1
[host]
sample_s = 3600
"""
RELAY = {
    "a": "[relay]\nuse = true\nserve = true\nrank = 1\n",
    "b": "[relay]\nuse = true\nserve = true\nrank = 2\n",
    "c": "[relay]\nuse = true\n",
    "d": "",
}


class Shop:
    """Tills: `a` and `b` serve, `a` is asked first; `c` uses; `d` is without. Use as a context manager."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.network = Network(TILLS)
        self.agents: dict[str, Process] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "Shop":
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _begin(self) -> None:
        self._stack.enter_context(self.network)
        self._collector("init", "--host", COLLECTOR, "--port", str(PORT), "--no-manager")
        office = Process("collector", self._collector_command("serve"), self.home / "collector.log")
        self._stack.callback(office.kill)
        until(self._serves, "the collector answers", WAIT_S)
        for till in TILLS:
            self._enrol(till)
        for till in TILLS:
            self.start(till)
        for till in ("a", "b", "c"):
            until(lambda till=till: self._knows_all(till), f"{till} knows its neighbours", WAIT_S)

    def start(self, till: str) -> None:
        command = self.network.inside(till, BIN / "plomba-agent", "run", "--config", self._config(till))
        self.agents[till] = Process(till, command, self.home / f"{till}.log")
        self._stack.callback(self.agents[till].kill)

    def course(self, till: str) -> dict[str, Any]:
        found: dict[str, Any] = self.status(till)["course"]
        return found

    def status(self, till: str) -> dict[str, Any]:
        command = [BIN / "plomba-agent", "status", "--json", "--config", self._config(till)]
        found: dict[str, Any] = json.loads(run(*command))
        return found

    def words(self, till: str) -> str:
        command = [BIN / "plomba-agent", "status", "--config", self._config(till)]
        return run(*command)

    def wait_for(self, till: str, **wanted: str) -> dict[str, Any]:
        """The course of this till once it is so."""

        def so() -> dict[str, Any] | None:
            found = self.course(till)
            return found if all(found.get(key) == value for key, value in wanted.items()) else None

        try:
            return until(so, f"{till}: {wanted}", WAIT_S, every_s=0.3)
        except AssertionError as e:
            raise AssertionError(f"{e}; it is {self.course(till)}\n{self.agents[till].tail()}") from e

    def told(self, till: str) -> list[dict[str, Any]]:
        """What the collector has of the ways of this till."""
        connection = sqlite3.connect(self.home / "office" / "collector.sqlite3", timeout=30)
        try:
            rows = connection.execute(
                "SELECT m.body FROM ingest_message m JOIN inventory_terminal t ON t.id = m.terminal_id"
                " WHERE m.kind = 'fact' AND t.name = ? ORDER BY m.id",
                (f"Kase {till}",),
            ).fetchall()
        finally:
            connection.close()
        facts = [json.loads(row[0]) for row in rows]
        return [fact["detail"] for fact in facts if fact["name"] == "uplink.way_changed"]

    def _enrol(self, till: str) -> None:
        toml = TOML.format(home=self.home, till=till, collector=COLLECTOR, port=PORT) + RELAY[till]
        self._config(till).write_text(toml)
        code = json.loads(self._collector("enrol-code", "--customer", "A", "--site", "B", "--json"))["code"]
        command = ["enrol", "--config", str(self._config(till)), "--code", code]
        enrol = self.network.inside(till, BIN / "plomba-agent", *command)
        run(*enrol, timeout_s=WAIT_S)

    def _knows_all(self, till: str) -> bool | None:
        with Spool(self.home / till / FILE, SystemClock()) as spool:
            kept = spool.read_state(NEIGHBOURS)
        known = kept.get("neighbours") if isinstance(kept, dict) else None
        return True if isinstance(known, list) and len(known) == len(TILLS) else None

    def _serves(self) -> bool | None:
        ask = f"import socket; socket.create_connection(('{COLLECTOR}', {PORT}), 5)"
        tried = subprocess.run(
            self.network.inside("c", BIN / "python", "-c", ask), capture_output=True, check=False, timeout=60
        )
        return True if tried.returncode == 0 else None

    def _config(self, till: str) -> Path:
        return self.home / f"{till}.toml"

    def _collector_command(self, *words: str) -> list[str | Path]:
        program = BIN / "plomba-collector"
        return self.network.inside(OFFICE, program, "--home", self.home / "office", *words)

    def _collector(self, *words: str) -> str:
        return run(*self._collector_command(*words), timeout_s=WAIT_S)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    if not is_possible():
        missing("a kernel with network namespaces (root, iproute2)")
    with Shop(tmp_path) as made:
        yield made


@pytest.mark.timeout(600)
def test_a_shop_loses_one_way_after_the_other(shop: Shop) -> None:
    assert shop.wait_for("c", way="own")["dead"] is None

    shop.network.take_route("d")
    shop.network.take_route("c")
    first = shop.wait_for("c", way="relay")
    assert (first["relay"], first["address"], first["dead"]) == ("Kase a", "10.77.0.2:8447", "own_way")
    assert "The last report went through Kase a (10.77.0.2:8447) since" in shop.words("c")
    [news] = until(lambda: shop.told("c") or None, "the collector is told", WAIT_S)
    assert (news["way"], news["relay"], news["dead"]) == ("relay", "Kase a", "own_way")

    problem = until(lambda: shop.status("d")["uplink"].get("problem"), "control: d reports nothing", WAIT_S)
    assert problem["what"] == "unreachable"
    assert shop.course("d") == {}

    shop.agents["a"].kill()
    second = shop.wait_for("c", relay="Kase b")
    assert second["dead"] == "own_way"
    until(lambda: len(shop.told("c")) == 2 or None, "the collector is told again", WAIT_S)

    shop.network.cut_line()
    assert "no way to the collector" in shop.wait_for("c", dead="line")["reason"]
    assert shop.wait_for("b", dead="line")["way"] == "own"
    assert "the line of the shop is dead" in shop.words("c")


@pytest.mark.timeout(600)
def test_a_till_whose_cable_is_pulled_says_that_it_is_the_lan(shop: Shop) -> None:
    """It met a relay before, and now none answers, while the neighbours themselves go on."""
    shop.network.take_route("c")
    shop.wait_for("c", way="relay")
    shop.network.unplug("c")
    assert "no neighbour answers" in shop.wait_for("c", dead="lan")["reason"]
    assert shop.wait_for("b", way="own")["dead"] is None

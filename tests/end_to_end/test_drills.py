"""From a verify key to a proof: a till that has heard the wished key locks its backup for it, and the collector
restores that, by itself and by hand. A real collector over TLS, and the agent's own program."""

import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from pydantic import JsonValue

from agent.config import kept
from agent.config.kept import Kept
from protocols.wire import v1
from protocols.wire.desired import digest_of
from tests.collector.served import COMMAND, ROOT, Served
from tests.end_to_end.process import BIN, run
from tests.end_to_end.stage import until
from tests.end_to_end.wished import AGENT, Till

LONG_S = 90
FILE = """\
[agent]
state_dir = "{home}/state"

[collector]
url = "{url}"

[[backup]]
name = "pos"
engine = "sqlite"
source = "{home}/pos.db"
repository = "collector"
recovery_key = "{home}/keys/recovery.pub"
verify_key = "collector"
at = "03:30"
"""


def a_till(served: Served, home: Path, wished: str) -> Till:
    """Enrolled, with a database, and with what the collector wishes."""
    till = Till(served, home)
    run(*AGENT, "recovery-key", "--out", home / "keys")
    with closing(sqlite3.connect(home / "pos.db")) as database:
        database.execute("CREATE TABLE receipts (id INTEGER PRIMARY KEY, total INTEGER)")
        database.executemany("INSERT INTO receipts (total) VALUES (?)", [(n,) for n in range(900)])
        database.commit()
    till.file.write_text(FILE.format(home=home, url=served.url))
    tables: dict[str, JsonValue] = {"collector": {"verify_public": wished}}
    digest = digest_of({"collector": {"verify_public": wished}})
    wish = v1.Desired(terminal=till.id, number=1, digest=digest, tables=tables)
    kept.write(till.state, Kept(good=wish))
    return till


def test_from_a_key_to_a_proof_and_through_a_kill(tmp_path: Path) -> None:
    program = tmp_path / "agent.sh"
    program.write_text(f'#!/bin/sh\nexec {BIN}/plomba-agent "$@"\n')
    program.chmod(0o755)
    with Served(tmp_path / "collector", tables=f'[drills]\nagent = "{program}"\n') as served:
        key = told(served.cli("verify-key", "--json"))
        till = a_till(served, tmp_path / "till", key["verify_public"])
        made = told(till.command("backup", "--name", "pos", "--json"))
        assert key["id"] in made["recovery_keys"]
        first = until(lambda: proofs(served) or None, "the collector proves it by itself", LONG_S)
        assert first == [(900, "", made["snapshot"])]
        killed(served, program)
        (drill,) = told(served.cli("drill", "--json", "--by", "Anna", "--terminal", till.id))["drills"]
        assert (drill["outcome"], drill["source"]) == ("proven", "pos")
        assert proofs(served) == [*first, (900, "Anna", made["snapshot"])]
        assert served.rows("SELECT outcome FROM backups_trial") == [("proven",)]
        assert [path.name for path in (served.home / "drills").iterdir()] == ["lock"]


def told(output: str) -> Any:
    """The one line on standard output; a log may be behind it."""
    return json.loads(output.splitlines()[0])


def proofs(served: Served) -> list[tuple[int, str, str]]:
    rows = served.rows("SELECT facts, by, snapshot FROM backups_drill WHERE ok ORDER BY id")
    return [(json.loads(facts)["rows.receipts"], by, snapshot) for facts, by, snapshot in rows]


def killed(served: Served, program: Path) -> None:
    """With kill -9, while the child works: the child ends, too, and the proof of before stands."""
    before, good = proofs(served), program.read_text()
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    running = subprocess.Popen([*COMMAND, "--home", served.home, "drill"], cwd=ROOT)
    try:
        child = until(lambda: next(iter(sleeping(running.pid)), None), "the drill's child works", LONG_S)
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    until(
        lambda: None if child.is_running() and child.status() != "zombie" else True, "the child is gone", 20
    )
    assert proofs(served) == before
    program.write_text(good)


def sleeping(pid: int) -> list[psutil.Process]:
    return [one for one in psutil.Process(pid).children(recursive=True) if one.name() == "sleep"]

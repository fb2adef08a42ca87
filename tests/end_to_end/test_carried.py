"""A till without a line: its queue is proved, carried by hand to a real collector, taken there without doubles, and
the receipt carried back."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.runtime.clock import SystemClock
from agent.spool import FILE, Spool
from agent.uplink import identity
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from agent.uplink.sender import Sender
from protocols.wire import v1
from tests.collector.served import Served

pytestmark = pytest.mark.xdist_group("carried")
TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("carried")) as running:
        yield running


class Till:
    """Enrolled at a collector, with a spool."""

    def __init__(self, folder: Path, served: Served) -> None:
        folder.mkdir()
        self.config = folder / "agent.toml"
        self.config.write_text(f'[agent]\nstate_dir = "{folder}/state"\n[collector]\nurl = "{served.url}"\n')
        made = served.cli("enrol-code", "--customer", "SIA Maize", "--site", "Centrs", "--json")
        self.agent("enrol", "--code", json.loads(made)["code"])
        self.identity = identity.load(folder / "state")
        self.file = folder / "state" / FILE

    def agent(self, *arguments: str, expect: int = 0) -> str:
        program = [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())"]
        done = subprocess.run(
            [*program, *arguments, "--config", str(self.config)], capture_output=True, text=True, check=False
        )
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def spool(self, *arguments: str, expect: int = 0) -> str:
        return self.agent("spool", *arguments, expect=expect)

    def put(self, *names: str) -> None:
        at = SystemClock().now()
        with Spool(self.file, SystemClock(), owner=True) as spool:
            spool.put_all([v1.Fact(seq=1, at=at, subject=TILL, name=name) for name in names])
            spool.put(v1.Sample(seq=1, at=at, subject=TILL, values={"cpu_percent": 1.0}))

    def send(self) -> None:
        me = self.identity
        with Spool(self.file, SystemClock()) as spool:
            client = Client(
                Connection(me.collector, trust_only(me.ca_file.read_text("ascii"))),
                me.key,
                me.terminal,
                SystemClock(),
            )
            sender = Sender(spool, client, me.terminal, SystemClock(), report_s=1)
            while spool.pending().messages:
                sender.turn()
                assert not sender.failing
            client.close()


def names(served: Served, till: Till) -> list[str]:
    sql = "SELECT body FROM ingest_message WHERE kind = 'fact' AND terminal_id = ? ORDER BY id"
    rows = served.rows(sql, till.identity.terminal)
    return [(json.loads(row[0]) if isinstance(row[0], str) else row[0])["name"] for row in rows]


def test_a_queue_that_is_carried_by_hand_arrives_once_and_is_proved(served: Served, tmp_path: Path) -> None:
    till = Till(tmp_path / "till", served)
    till.put("first")
    out, receipt = tmp_path / "queue.plomba", tmp_path / "receipt.json"
    assert "never heard from its collector" in till.spool("export", "--out", str(out), expect=1)
    till.send()
    till.put("a", "b", "c")
    told = json.loads(till.spool("export", "--out", str(out), "--json"))
    assert told["messages"] == 4
    assert b"Fact" not in out.read_bytes()
    assert b'"a"' not in out.read_bytes()

    taken = json.loads(served.cli("import", str(out), "--receipt", str(receipt), "--json"))
    assert (taken["messages"], taken["new"]) == (4, 4)
    again = json.loads(served.cli("import", str(out), "--json"))
    assert (again["messages"], again["new"]) == (4, 0)
    assert names(served, till) == ["first", "a", "b", "c"]

    assert json.loads(till.spool("import", str(receipt), "--json")) == {"stored": 3, "waiting": 0}
    till.put("d")
    till.send()
    assert names(served, till) == ["first", "a", "b", "c", "d"]
    proof = json.loads(till.spool("verify", "--json"))
    assert (proof["ok"], proof["complete_to"], proof["last"]) == (True, 5, 5)
    assert "Complete up to 5, 0 gaps" in till.spool("verify")


def test_a_file_of_somebody_else_or_a_changed_one_is_refused(served: Served, tmp_path: Path) -> None:
    till = Till(tmp_path / "till", served)
    till.put("first")
    till.send()
    till.put("a")
    out = tmp_path / "queue.plomba"
    till.spool("export", "--out", str(out))
    assert "is there already" in till.spool("export", "--out", str(out), expect=1)
    whole = out.read_bytes()
    other = Till(tmp_path / "other", served)
    changed = {
        "another terminal": whole.replace(
            till.identity.terminal.encode(), other.identity.terminal.encode(), 1
        ),
        "a flipped bit": whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
        "cut": whole[:-100],
        "no such file": b"hello",
        "nobody": whole.replace(till.identity.terminal.encode(), b"0" * 36, 1),
    }
    for name, content in changed.items():
        out.write_bytes(content)
        served.cli("import", str(out), expect=3)
        assert names(served, till) == ["first"], name
    with Served(tmp_path / "second") as second:
        out.write_bytes(whole)
        second.cli("import", str(out), expect=3)


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("UPDATE ordered SET body = replace(body, 'b', 'x') WHERE seq = 2", "message 2 is not the one"),
        ("DELETE FROM ordered WHERE seq = 2", "message 2 is missing"),
        ("DELETE FROM ordered WHERE seq = 3", "the last message is not the one"),
        ("UPDATE state SET value = replace(value, '\"complete_to\": 3', '\"complete_to\": 2')", "signature"),
    ],
)
def test_what_was_changed_afterwards_is_found(served: Served, tmp_path: Path, sql: str, problem: str) -> None:
    till = Till(tmp_path / "till", served)
    till.put("a", "b", "c")
    till.send()
    till.spool("verify")
    with closing(sqlite3.connect(till.file)) as db:
        assert (
            db.execute(
                sql.replace("body, 'b'", "CAST(body AS TEXT), '\"b\"'").replace("'x'", "'\"x\"'")
            ).rowcount
            == 1
        )
        db.commit()
    assert problem in till.spool("verify", expect=1)

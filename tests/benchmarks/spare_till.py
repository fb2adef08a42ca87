"""How long it takes from a spare computer that nobody knows to a till with the database of a broken one, by the way
that people take: a code, two signatures on a job, the agent. `python -m tests.benchmarks.spare_till [RECEIPTS]`. All is
real and on this machine; what people need to read and to click is not in it."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figure import Figure
from tests.benchmarks.pos_database import make
from tests.collector.jobs.people import Office, staffed
from tests.collector.served import Served, until
from tests.end_to_end.process import BIN, Process

RECEIPTS = 500_000
ENDS_S = 900.0


class Computer:
    """A till of the shop: its folder, its configuration, and the agent's commands."""

    def __init__(self, folder: Path, served: Served, more: str) -> None:
        self.folder, self.config, self.live = folder, folder / "agent.toml", folder / "pos.db"
        folder.mkdir()
        self.config.write_text(
            f'[collector]\nurl = "{served.url}"\n[agent]\nstate_dir = "{folder / "state"}"\n[[backup]]\nname = "pos"\n'
            f'engine = "sqlite"\nsource = "{self.live}"\nrecovery_key = "{folder.parent}/keys/recovery.pub"\n'
            f'every = "24h"\n{more}'
        )
        (folder / "state").mkdir(mode=0o700)

    def agent(self, *words: str) -> str:
        command = [BIN / "plomba-agent", *words, "--config", self.config]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=ENDS_S).stdout


def enrolled(served: Served, computer: Computer) -> str:
    """The terminal's id."""
    code = json.loads(served.cli("enrol-code", "--customer", "SIA Piemērs", "--site", "Kafejnīca", "--json"))[
        "code"
    ]
    computer.agent("enrol", "--code", code)
    return str(json.loads((computer.folder / "state/identity.json").read_text())["terminal"])


def order(office: Office, target: str, of: str, snapshot: str) -> None:
    what = ("--set", "backup=pos", "--set", f"of={of}", "--set", f"snapshot={snapshot}")
    first = office.sign("anna", target, "restore_over", *what)
    both = first.with_suffix(".both")
    key = str(office.key_file("janis"))
    office.served.cli("job", "sign", "--key", key, "--second", str(first), "--out", str(both))
    office.served.cli("job", "queue", str(both))


def ended(served: Served, terminal: str) -> tuple[int, str] | None:
    sql = "SELECT exit, code FROM jobs_job WHERE terminal_id = ? AND state = 'ended'"
    found = served.rows(sql, terminal)
    return found[0] if found else None


def contents(file: Path) -> list[object]:
    with closing(sqlite3.connect(file)) as database:
        tables = ("item", "receipt", "line", "payment", "event")
        counts: list[object] = [
            database.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables
        ]
        sums = database.execute("SELECT sum(total), max(id) FROM receipt").fetchone()
        return [*counts, sums, database.execute("PRAGMA integrity_check").fetchone()]


def measure(root: Path, receipts: int, served: Served) -> bool:
    office = staffed(served, root / "office")
    subprocess.run(
        [BIN / "plomba-agent", "recovery-key", "--out", root / "keys"], check=True, capture_output=True
    )
    old = Computer(root / "old", served, "")
    make(old.live, receipts)
    of = enrolled(served, old)
    snapshot = json.loads(old.agent("backup", "--name", "pos", "--json"))["snapshot"]

    begun_s = time.perf_counter()
    jobs = f'[jobs]\ncompany_root = "{office.root}"\nrestore_over = ["pos"]\ndrill_key = "{root}/keys/recovery.key"\n'
    spare = Computer(root / "spare", served, jobs)
    terminal = enrolled(served, spare)
    known_s = time.perf_counter()
    agent = Process("spare", [BIN / "plomba-agent", "run", "--config", spare.config], root / "spare.log")
    try:
        order(office, terminal, of, snapshot)
        signed_s = time.perf_counter()
        exit_, code = until(lambda: ended(served, terminal), "the job", timeout_s=ENDS_S)
        ready_s = time.perf_counter()
    finally:
        agent.kill()
    same = contents(spare.live) == contents(old.live)
    size = round(spare.live.stat().st_size / 1e6, 1)
    Figure("spare_till", "a code to a till that is known", known_s - begun_s, "s").tell()
    Figure("spare_till", "two signatures, with their commands", signed_s - known_s, "s").tell()
    Figure("spare_till", "a signed job to the database in its place", ready_s - signed_s, "s").tell(
        size_mb=size
    )
    Figure("spare_till", "all of it", ready_s - begun_s, "s").tell(exit=exit_, code=code, same=same)
    return same and exit_ == 0


def main() -> int:
    receipts = int(sys.argv[1]) if len(sys.argv) > 1 else RECEIPTS
    with TemporaryDirectory() as name, Served(Path(name) / "collector") as served:
        return 0 if measure(Path(name), receipts, served) else 1


if __name__ == "__main__":
    sys.exit(main())

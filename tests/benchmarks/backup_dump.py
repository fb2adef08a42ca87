"""What a day of 0.1 % new receipts costs in a PostgreSQL database, beside restic and borg: the same dumps, as
`pg_dump -Fc -Z0` writes them, in turns, and for `engine` a whole run of ours from the server.
`python -m tests.benchmarks.backup_dump [RECEIPTS] [ROUNDS]`; medians; ends with 1 where a bar is missed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from tests.benchmarks.backup import BORG, OURS, RESTIC, Cost, Judge, Tool, measured, ours, size_of
from tests.benchmarks.figure import Figure
from tests.benchmarks.pos_postgresql import make, trade_a_day
from tests.conftest import Postgresql

RECEIPTS, ROUNDS, SHARE = 120_000, 3, 0.001
STAGES = ("full", "day_0.1")
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
ENGINE = ours("engine", "postgresql")
TOOLS = (RESTIC, BORG, ours("plomba", "dump"))


class Bench:
    """`databases` are one before and one after the day."""

    def __init__(self, folder: Path, databases: tuple[str, str]) -> None:
        self._folder, self._live, self._databases = folder, folder / "live" / "pos.dump", databases
        self._live.parent.mkdir()
        self._dumps = [folder / f"{stage}.dump" for stage in STAGES]
        for address, dump in zip(databases, self._dumps, strict=True):
            program = [BINARIES[-1] / "pg_dump", "-Fc", "-Z0", "-f", dump, address]
            subprocess.run(program, check=True)
        self.costs: dict[tuple[str, str], list[Cost]] = {}

    @property
    def source_mb(self) -> float:
        return self._dumps[0].stat().st_size / 1e6

    def round(self) -> None:
        for tool in (*TOOLS, ENGINE):
            folder = self._folder / tool.name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            if tool.prepare:
                measured(tool.prepare(folder), tool.environment(folder))
        for stage, dump, database in zip(STAGES, self._dumps, self._databases, strict=True):
            shutil.copy(dump, self._live)
            for tool in TOOLS:
                self._backup(tool, stage, tool.backup(self._folder / tool.name, self._live))
            folder = self._folder / ENGINE.name
            self._backup(ENGINE, stage, [*OURS, "backup", "postgresql", database, str(folder)])

    def _backup(self, tool: Tool, stage: str, command: list[str]) -> None:
        folder = self._folder / tool.name
        before = size_of(folder / "repository")
        cost = measured(command, tool.environment(folder))
        mb = (size_of(folder / "repository") - before) / 1e6
        self.costs.setdefault((tool.name, stage), []).append(Cost(cost.wall_s, cost.cpu_s, cost.peak_mib, mb))


@contextmanager
def served() -> Iterator[Postgresql]:
    server = Postgresql(BINARIES[-1])
    try:
        yield server
    finally:
        server.stop()


def main() -> int:
    missing = [name for name in ("restic", "borg") if not shutil.which(name)]
    if missing or not BINARIES:
        sys.stderr.write(
            f"not installed: {', '.join(missing) or 'PostgreSQL'} (tests/system-packages, and with peers)\n"
        )
        return 2
    receipts = int(sys.argv[1]) if len(sys.argv) > 1 else RECEIPTS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    with TemporaryDirectory() as root, served() as server:
        before = server.create("pos")
        make(before, receipts)
        after = server.url("pos_after")
        with psycopg.connect(server.url("postgres"), autocommit=True) as database:
            database.execute("CREATE DATABASE pos_after TEMPLATE pos")
        trade_a_day(after, int(receipts * SHARE), 1)
        bench = Bench(Path(root), (before, after))
        Figure("backup_dump", "source", bench.source_mb, "MB").tell(
            receipts=receipts, load=os.getloadavg()[0]
        )
        for _ in range(rounds):
            bench.round()
    judged = Judge(bench.costs)
    judged.tell_all()
    for name in ("plomba", "engine"):
        judged.ratio("mb", name, "day_0.1", "restic", 1 / 8)
    return 0 if judged.all_met else 1


if __name__ == "__main__":
    sys.exit(main())

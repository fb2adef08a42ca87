"""What a backup of a large file holds in memory, and how long the till's program waits for its commits meanwhile.
`python -m tests.benchmarks.backup_large [GIGABYTES] [COMMIT_SECONDS]`. The large file is nearly all zeros, its pages at
places far apart are not. Ends with 1 where a bar is missed."""

import json
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.backup import OURS, ROOT, measured
from tests.benchmarks.figure import Figure
from tests.benchmarks.pos_database import make

GIGABYTES = 10
RECEIPTS = 100_000
EVERY = 1 << 20


def large(root: Path, gigabytes: int) -> bool:
    file, chance = root / "large.db", random.Random(1)
    with file.open("wb") as out:
        for at in range(0, gigabytes << 30, EVERY):
            out.seek(at + chance.randrange(EVERY - 4096) // 4096 * 4096)
            out.write(chance.randbytes(4096))
    first = measured([*OURS, "backup", "still", str(file), str(root / "large")], {})
    with file.open("r+b") as out:
        for at in range(0, gigabytes << 30, 64 * EVERY):
            out.seek(at)
            out.write(chance.randbytes(4096))
    second = measured([*OURS, "backup", "still", str(file), str(root / "large")], {})
    peak = max(first.peak_mib, second.peak_mib)
    Figure("backup_large", "full, wall", first.wall_s, "s").tell(cpu_s=round(first.cpu_s, 2))
    Figure("backup_large", "increment, wall", second.wall_s, "s").tell(cpu_s=round(second.cpu_s, 2))
    return Figure("backup_large", f"peak memory at {gigabytes} GiB", peak, "MiB", 96.0).tell()


def worst_commit(root: Path) -> bool:
    """A till that commits ten times a second while whole runs follow each other."""
    file = root / "pos.db"
    make(file, RECEIPTS)
    prepare = (
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]);"
        "d.executescript('CREATE TABLE receipts (id"
        " INTEGER PRIMARY KEY, total, document); CREATE TABLE totals (n); INSERT INTO totals VALUES (0)')"
    )
    subprocess.run([sys.executable, "-c", prepare, str(file)], check=True)
    writer = [sys.executable, "-m", "tests.agent.backup.writer", str(file), "5"]
    worst = []
    for runs in (0, 3):
        with subprocess.Popen(
            writer, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as till:
            assert till.stdin
            assert till.stdout
            till.stdout.readline()
            for number in range(runs):
                measured([*OURS, "backup", "sqlite", str(file), str(root / f"run{number}"), "gently"], {})
            if not runs:
                subprocess.run(["sleep", "10"], check=True)
            till.stdin.close()
            told = json.loads(till.stdout.read().splitlines()[-1])
        worst.append(told["worst_s"] * 1000)
    Figure("backup_large", "worst commit of the till without a backup", worst[0], "ms").tell()
    return Figure("backup_large", "worst commit of the till while backing up", worst[1], "ms", 50.0).tell()


def main() -> int:
    gigabytes = int(sys.argv[1]) if len(sys.argv) > 1 else GIGABYTES
    with TemporaryDirectory() as name:
        met = large(Path(name), gigabytes)
        return 0 if worst_commit(Path(name)) and met else 1


if __name__ == "__main__":
    sys.exit(main())

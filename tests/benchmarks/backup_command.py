"""What the command that a till runs takes, with all that it loads: `plomba-agent backup` of a live database, into a
folder, to a collector over HTTPS and to an SSH server; a full one and a day of 0.1 % of new receipts.
`python -m tests.benchmarks.backup_command [RECEIPTS] [ROUNDS]`; medians; ends with 1 where a bar is missed. Collector
and server are real and on this machine."""

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.agent.backup.openssh import Server, running
from tests.benchmarks.backup import Cost, measured
from tests.benchmarks.figure import Figure
from tests.benchmarks.pos_database import make, trade_a_day
from tests.benchmarks.spare_till import Computer, enrolled
from tests.collector.served import Served
from tests.end_to_end.process import BIN

RECEIPTS, ROUNDS = 500_000, 3
PEAK_MIB = 64.0


def ways(root: Path, till: Computer, server: Server) -> Mapping[str, list[str]]:
    """The words of the command, by where the backup goes."""
    by_hand = ["--source", str(till.live), "--recovery-key", str(root / "keys" / "recovery.pub")]
    ssh = f"sftp://{getpass.getuser()}@127.0.0.1:{server.port}{root / 'ssh-repository'}"
    key = ["--sftp-key", str(server.root / "till"), "--sftp-host-key", (server.root / "host.pub").read_text()]
    return {
        "folder": [*by_hand, "--repository", str(root / "repository"), "--state", str(root / "folder-state")],
        "https": ["--name", "pos", "--config", str(till.config), "--paced"],
        "ssh": [*by_hand, "--repository", ssh, "--state", str(root / "ssh-state"), *key],
    }


def run(
    root: Path, receipts: int, rounds: int, served: Served, server: Server
) -> dict[tuple[str, str], list[Cost]]:
    made, found = root / "made.db", dict[tuple[str, str], list[Cost]]()
    subprocess.run(
        [BIN / "plomba-agent", "recovery-key", "--out", root / "keys"], check=True, capture_output=True
    )
    make(made, receipts)
    for number in range(rounds):
        here = root / str(number)
        here.mkdir()
        (here / "keys").symlink_to(root / "keys")
        (here / "ssh-repository").mkdir()
        till = Computer(here / "till", served, "")
        shutil.copy(made, till.live)
        enrolled(served, till)
        for stage in ("full", "day_0.1"):
            if stage != "full":
                trade_a_day(till.live, receipts // 1000, number + 1)
            for way, words in ways(here, till, server).items():
                cost = measured([str(BIN / "plomba-agent"), "backup", "--json", *words], dict(os.environ))
                found.setdefault((way, stage), []).append(cost)
        shutil.rmtree(here)
    return found


def judge(found: Mapping[tuple[str, str], list[Cost]]) -> bool:
    met = True
    for (way, stage), costs in found.items():
        cpu, wall = (median(getattr(cost, name) for cost in costs) for name in ("cpu_s", "wall_s"))
        peak = median(cost.peak_mib for cost in costs)
        figure = Figure("backup_command", f"{stage}, {way}: peak memory", peak, "MiB", PEAK_MIB)
        met &= figure.tell(cpu_s=round(cpu, 2), wall_s=round(wall, 2), rounds=len(costs))
    return met


def main() -> int:
    receipts = int(sys.argv[1]) if len(sys.argv) > 1 else RECEIPTS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    with TemporaryDirectory() as name:
        root = Path(name)
        (root / "ssh").mkdir()
        with running(root / "ssh") as server, Served(root / "collector") as served:
            return 0 if judge(run(root, receipts, rounds, served, server)) else 1


if __name__ == "__main__":
    sys.exit(main())

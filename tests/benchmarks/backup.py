"""What a backup costs beside restic and borg on the same file, in turns: a full one, a day of 0.1 % and one of 1.5 %
of new receipts, and the restore of the last. `python -m tests.benchmarks.backup [RECEIPTS] [ROUNDS] [FOLDER]`; medians;
ends with 1 where a bar is missed. The bars hold for 500,000 receipts.

`plomba` reads a file that stands still, as restic and borg do; `till` is a whole run on a till, which also makes the
consistent copy and counts its rows; `delta` sends only how pages differ from the last copy. `copied_restic` and
`copied_borg` are what such a run compares with: a full one of the consistent copy that SQLite's own program makes."""

import filecmp
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.benchmarks.figure import Figure
from tests.benchmarks.pos_database import make, trade_a_day

RECEIPTS, ROUNDS = 500_000, 3
STAGES = ("full", "day_0.1", "day_1.5")
OURS = [sys.executable, "-m", "tests.benchmarks.backup_child"]
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Cost:
    wall_s: float
    cpu_s: float
    peak_mib: float
    mb: float = 0.0


@dataclass(frozen=True)
class Tool:
    """Commands by folder of the repository and file; `environment` beside the usual one."""

    name: str
    prepare: Callable[[Path], list[str]] | None
    backup: Callable[[Path, Path], list[str]]
    restore: Callable[[Path, Path], list[str]]
    restored: Callable[[Path, Path], Path]
    environment: Callable[[Path], dict[str, str]]


def ours(name: str, *words: str) -> Tool:
    return Tool(
        name,
        None,
        lambda folder, file: [*OURS, "backup", words[0], str(file), str(folder), *words[1:]],
        lambda folder, to: [*OURS, "restore", str(folder), str(to / "back")],
        lambda to, _file: to / "back",
        lambda _folder: {},
    )


RESTIC = Tool(
    "restic",
    lambda folder: ["restic", "init", "-q", "-r", str(folder / "repository")],
    lambda folder, file: ["restic", "backup", "-q", "-r", str(folder / "repository"), str(file)],
    lambda folder, to: [
        "restic",
        "restore",
        "-q",
        "-r",
        str(folder / "repository"),
        "latest",
        "--target",
        str(to),
    ],
    lambda to, file: to / str(file).lstrip("/"),
    lambda folder: {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(folder / "cache")},
)
BORG = Tool(
    "borg",
    lambda folder: ["borg", "init", "-e", "repokey", str(folder / "repository")],
    lambda folder, file: ["borg", "create", "-C", "zstd,3", f"{folder / 'repository'}::{{now:%s%f}}", str(file)],
    lambda folder, to: ["bash", "-c", f"cd {to} && borg extract {folder / 'repository'}::$(borg list --short --last 1"
                        f" {folder / 'repository'})"],
    lambda to, file: to / str(file).lstrip("/"),
    lambda folder: {"BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": str(folder / "base"),
                    "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"},
)  # fmt: skip


def copied(tool: Tool) -> Tool:
    """With a copy of one moment first, as whoever backs up a living database with it has to make."""

    def backup(folder: Path, file: Path) -> list[str]:
        copy = folder / file.name
        return [
            "bash",
            "-ec",
            f"sqlite3 {file} '.backup {copy}'; {shlex.join(tool.backup(folder, copy))}; rm {copy}",
        ]

    return replace(tool, name=f"copied_{tool.name}", backup=backup)


TOOLS = (RESTIC, BORG, ours("plomba", "still"), ours("delta", "still", "delta"), ours("till", "sqlite"))
COPIED = (copied(RESTIC), copied(BORG))
"""Of these a full one is enough: the copy costs the same every day."""


class Bench:
    def __init__(self, folder: Path, receipts: int) -> None:
        self._folder, self._live = folder, folder / "live" / "pos.db"
        self._live.parent.mkdir()
        self._states = [folder / f"{stage}.db" for stage in STAGES]
        self.costs: dict[tuple[str, str], list[Cost]] = {}
        make(self._states[0], receipts)
        for number, share in ((1, 0.001), (2, 0.015)):
            shutil.copy(self._states[number - 1], self._states[number])
            trade_a_day(self._states[number], int(receipts * share), number)

    @property
    def source_mb(self) -> float:
        return self._states[0].stat().st_size / 1e6

    def round(self) -> None:
        for tool in (*TOOLS, *COPIED):
            self._fresh(tool)
        for stage, state in zip(STAGES, self._states, strict=True):
            shutil.copy(state, self._live)
            for tool in (*TOOLS, *COPIED) if stage == "full" else TOOLS:
                self._backup(tool, stage)
        for tool in TOOLS:
            self._restore(tool)

    def _fresh(self, tool: Tool) -> None:
        folder = self._folder / tool.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if tool.prepare:
            measured(tool.prepare(folder), tool.environment(folder))

    def _backup(self, tool: Tool, stage: str) -> None:
        folder = self._folder / tool.name
        before = size_of(folder / "repository")
        cost = measured(tool.backup(folder, self._live), tool.environment(folder))
        mb = (size_of(folder / "repository") - before) / 1e6
        self._note(tool, stage, Cost(cost.wall_s, cost.cpu_s, cost.peak_mib, mb))

    def _restore(self, tool: Tool) -> None:
        folder, to = self._folder / tool.name, self._folder / "to"
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir()
        cost = measured(tool.restore(folder, to), tool.environment(folder))
        if not filecmp.cmp(tool.restored(to, self._live), self._live, shallow=False):
            raise SystemExit(f"{tool.name} restored another file")
        self._note(tool, "restore", cost)

    def _note(self, tool: Tool, stage: str, cost: Cost) -> None:
        self.costs.setdefault((tool.name, stage), []).append(cost)


STARTER = """
import json, os, sys, time
begun = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, used = os.wait4(child, 0)
spent = time.perf_counter() - begun
print(json.dumps([os.waitstatus_to_exitcode(status), spent, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
"""In a small process of its own: what a child took at most counts its parent's memory at the moment it was made."""


def measured(command: list[str], environment: dict[str, str]) -> Cost:
    starter = [sys.executable, "-S", "-c", STARTER, *command]
    done = subprocess.run(starter, cwd=ROOT, env=os.environ | environment, capture_output=True, check=True)
    code, wall_s, cpu_s, peak_mib = json.loads(done.stdout.splitlines()[-1])
    if code:
        raise SystemExit(f"{command[:4]} ended with {code}: {done.stderr.decode()[-400:]}")
    return Cost(wall_s, cpu_s, peak_mib)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Judge:
    """Medians, and how they compare."""

    def __init__(self, costs: dict[tuple[str, str], list[Cost]]) -> None:
        self._costs = costs
        self.all_met = True

    def tell_all(self) -> None:
        for (tool, stage), costs in self._costs.items():
            for name in ("wall_s", "cpu_s", "peak_mib", "mb"):
                if value := median(getattr(cost, name) for cost in costs):
                    Figure("backup", f"{tool} {stage} {name}", value, name.split("_")[-1]).tell(
                        rounds=len(costs)
                    )

    def ratio(self, what: str, ours: str, stage: str, peer: str, bar: float) -> None:
        value = self._median(ours, stage, what) / self._median(peer, stage, what)
        figure = Figure("backup", f"{stage} {what}: {ours} / {peer}", value, "times", bar)
        self.all_met &= figure.tell()

    def peak(self, ours: str, bar: float) -> None:
        stages = {stage for tool, stage in self._costs if tool == ours and stage != "restore"}
        value = max(self._median(ours, stage, "peak_mib") for stage in stages)
        self.all_met &= Figure("backup", f"peak memory of {ours}", value, "MiB", bar).tell()

    def _median(self, tool: str, stage: str, what: str) -> float:
        return median(getattr(cost, what) for cost in self._costs[tool, stage])


def judge(costs: dict[tuple[str, str], list[Cost]]) -> bool:
    judged = Judge(costs)
    judged.tell_all()
    judged.ratio("mb", "plomba", "day_0.1", "restic", 1 / 30)
    judged.ratio("mb", "plomba", "day_0.1", "borg", 1 / 40)
    judged.ratio("mb", "delta", "day_0.1", "restic", 1 / 150)
    judged.ratio("mb", "plomba", "day_1.5", "restic", 1 / 8)
    judged.ratio("mb", "plomba", "full", "restic", 1.03)
    judged.ratio("cpu_s", "plomba", "day_0.1", "restic", 0.2)
    for peer, cpu in (("restic", 0.6), ("borg", 0.8)):
        judged.ratio("cpu_s", "till", "full", f"copied_{peer}", cpu)
        judged.ratio("wall_s", "till", "full", f"copied_{peer}", 1.0)
    for ours_ in ("plomba", "till"):
        judged.ratio("cpu_s", ours_, "full", "restic", 0.6)
        judged.ratio("cpu_s", ours_, "full", "borg", 0.8)
        judged.ratio("wall_s", ours_, "full", "restic", 1.0)
        judged.ratio("wall_s", ours_, "full", "borg", 1.0)
        judged.peak(ours_, 64.0)
    judged.peak("delta", 64.0)
    judged.ratio("wall_s", "plomba", "restore", "restic", 1.0)
    return judged.all_met


def main() -> int:
    missing = [name for name in ("restic", "borg", "sqlite3") if not shutil.which(name)]
    if missing:
        sys.stderr.write(f"not installed: {', '.join(missing)} (tests/system-packages peers)\n")
        return 2
    receipts = int(sys.argv[1]) if len(sys.argv) > 1 else RECEIPTS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    with TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as root:
        bench = Bench(Path(root), receipts)
        Figure("backup", "source", bench.source_mb, "MB").tell(receipts=receipts, load=os.getloadavg()[0])
        for _ in range(rounds):
            bench.round()
        return 0 if judge(bench.costs) else 1


if __name__ == "__main__":
    sys.exit(main())

"""What the resident agent costs a till: the real agent with its probes on three emulated printers at the default pace
and a collector on loopback, beside other programs that watch a computer, in the same run (those that
`tests/system-packages peers` has installed).
python -m tests.benchmarks.agent_footprint [SECONDS [PROGRAM]]   PROGRAM: a frozen agent instead of the checkout's.
Prints one JSON line per figure; ends with 1 where a bar is missed. The published figure is over 600 s. What is measured
begins START_S after the agent was started; what its children cost counts."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from agent.uplink import identity
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector
from tests.benchmarks.figure import Figure
from tests.benchmarks.process_cost import Cost, cost
from tests.benchmarks.till_peers import PEERS, Asking, installed, version

RSS_MIB, CPU_PERCENT, IDLE_KIB = 50.0, 0.1, 100.0
SECONDS = 120.0
ROOT = Path(__file__).resolve().parents[2]
START_S = 20.0
SLICE_S = 60.0
"""A minute of idle writes is looked for minute by minute."""
CODE = "ABCDE-FGHJK"
DEVICES = {"printer": "escpos", "fiscal": "datecs_isl_legacy", "kitchen": "star_line"}
POLL_S = 5.0
"""The default."""

CONFIG = """\
[agent]
state_dir = "{folder}/state"
[collector]
url = "{url}"
"""
DEVICE = """\
[[device]]
id = "{id}"
family = "{family}"
port = "{port}"
poll_s = {poll_s}
"""


def agent(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "import sys; from agent.cli import main; sys.exit(main())", *arguments]


class Till:
    """A folder with a configuration, an enrolled identity, and emulated devices that run until it is left."""

    def __init__(
        self,
        folder: Path,
        collector: Collector,
        stack: ExitStack,
        poll_s: float = POLL_S,
        devices: Mapping[str, str] = DEVICES,
    ) -> None:
        """`devices`: id -> family."""
        self.config = folder / "agent.toml"
        text = CONFIG.format(folder=folder, url=collector.url)
        for name, family in devices.items():
            port = emulate(family, folder / f"{name}.pty", stack)
            text += DEVICE.format(id=name, family=family, port=port, poll_s=poll_s)
        self.config.write_text(text)
        code = f"{CODE}.{collector.authority.fingerprint}"
        subprocess.run(
            agent("enrol", "--config", str(self.config), "--code", code),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        collector.keys[TERMINAL] = identity.load(folder / "state").key.public_key()

    def start(self, program: str = "") -> subprocess.Popen[bytes]:
        """`program`: the frozen agent. That of the checkout has its compiled modules beside the sources, as an
        installed one has: compiling them anew at each start leaves some megabytes behind."""
        if program:
            return subprocess.Popen([program, "run", "--config", str(self.config)])
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        compiled = [
            sys.executable,
            "-m",
            "compileall",
            "-q",
            *(str(ROOT / name) for name in ("agent", "protocols")),
        ]
        subprocess.run(compiled, check=True, env=environment)
        return subprocess.Popen(agent("run", "--config", str(self.config)), env=environment)


def emulate(family: str, link: Path, stack: ExitStack) -> str:
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.emulators.{family}", "--pty", str(link)], stdout=subprocess.PIPE
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    assert process.stdout
    ready = json.loads(process.stdout.readline())
    process.stdout.close()
    return str(ready["port"])


@dataclass(frozen=True, slots=True)
class Spent:
    """Of one program over `seconds`: what it took in all, and in its dearest minute."""

    seconds: float
    first: Cost
    last: Cost
    minutes_written: tuple[int, ...]
    """Bytes, minute by minute."""

    @property
    def cpu_percent(self) -> float:
        return 100 * (self.last.cpu_s - self.first.cpu_s) / self.seconds

    @property
    def wakeups_per_s(self) -> float:
        return (self.last.switches - self.first.switches) / self.seconds

    @property
    def rss_mib(self) -> float:
        return self.last.rss_bytes / 2**20


def watch(pids: Mapping[str, int], seconds: float) -> dict[str, Spent]:
    """All at the same time, in slices of a minute; what is left of a minute is none."""
    pause = threading.Event()
    first = before = {name: cost(pid) for name, pid in pids.items()}
    written: dict[str, list[int]] = {name: [] for name in pids}
    left_s = seconds
    while left_s > 0:
        pause.wait(min(SLICE_S, left_s))
        now = {name: cost(pid) for name, pid in pids.items()}
        for name in pids if left_s >= SLICE_S else ():
            written[name].append(now[name].written_bytes - before[name].written_bytes)
        before, left_s = now, left_s - SLICE_S
    return {name: Spent(seconds, first[name], before[name], tuple(written[name])) for name in pids}


@dataclass(frozen=True, slots=True)
class Found:
    agent: Spent
    peers: Mapping[str, Spent]
    reports: int
    messages: int


def measure(
    seconds: float,
    poll_s: float = POLL_S,
    devices: Mapping[str, str] = DEVICES,
    peers: tuple[str, ...] = (),
    program: str = "",
) -> Found:
    """RuntimeError where a peer did not do its work."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        collector = Collector(Authority(), folder)
        stack.callback(collector.close)
        till = Till(folder, collector, stack, poll_s, devices)
        process = till.start(program)
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)
        pids, asks = {"plomba-agent": process.pid}, {}
        for name in peers:
            peer, asks[name] = PEERS[name][2](folder, stack)
            pids[name] = peer.pid
        asking = Asking(asks, stack)
        threading.Event().wait(START_S)
        reports, messages = len(collector.reports), len(collector.stored)
        spent = watch(pids, seconds)
        if asking.failed:
            raise RuntimeError(f"a peer did not do its work: {asking.failed}")
        own = spent.pop("plomba-agent")
        return Found(own, spent, len(collector.reports) - reports, len(collector.stored) - messages)


def tell(bench: str, name: str, spent: Spent, *, bars: bool, **more: object) -> bool:
    """One line per figure; the bars are for the agent."""
    minutes = sorted(kib / 1024 for kib in spent.minutes_written) or [0.0]
    figures = [
        Figure(bench, f"{name} rss", spent.rss_mib, "MiB", RSS_MIB if bars else None),
        Figure(bench, f"{name} pss", spent.last.pss_bytes / 2**20, "MiB"),
        Figure(bench, f"{name} cpu", spent.cpu_percent, "% of one core", CPU_PERCENT if bars else None),
        Figure(bench, f"{name} wakeups", spent.wakeups_per_s, "1/s"),
        Figure(bench, f"{name} written in a minute", median(minutes), "KiB", IDLE_KIB if bars else None),
        Figure(bench, f"{name} written in the dearest minute", minutes[-1], "KiB"),
    ]
    about = {"threads": spent.last.threads, "processes": spent.last.processes, "seconds": spent.seconds}
    met = [figure.tell(**about, **more) for figure in figures]
    return all(met)


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    peers = tuple(installed())
    for missing in PEERS.keys() - set(peers):
        sys.stderr.write(f"{missing} is not installed (tests/system-packages peers): not compared\n")
    program = sys.argv[2] if len(sys.argv) > 2 else ""
    found = measure(seconds, peers=peers, program=program)
    met = tell(
        "agent_footprint", "plomba-agent", found.agent, bars=True,
        devices=len(DEVICES), poll_s=POLL_S, frozen=bool(program), reports=found.reports, messages=found.messages,
    )  # fmt: skip
    for name, spent in found.peers.items():
        tell("agent_footprint", name, spent, bars=False, version=version(name), does=PEERS[name][1])
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())

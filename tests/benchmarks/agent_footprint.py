"""What the resident agent costs a till: the real agent on two emulated printers and a collector on loopback.
python -m tests.benchmarks.agent_footprint [SECONDS] Prints one JSON line per figure. CPU is that of the
agent after its start, which ends 10 s after it was started."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from agent.uplink import identity
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector

RSS_MIB = 55.0
CPU_PERCENT = 0.3
START_S = 10.0
CODE = "ABCDE-FGHJK"
DEVICES = {"printer": "escpos", "fiscal": "datecs_isl_legacy"}

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
        poll_s: float = 2.0,
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

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(agent("run", "--config", str(self.config)))


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


def measure(seconds: float, poll_s: float = 2.0, devices: Mapping[str, str] = DEVICES) -> dict[str, float]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        collector = Collector(Authority(), folder)
        stack.callback(collector.close)
        process = Till(folder, collector, stack, poll_s, devices).start()
        stack.callback(process.wait, 20)
        stack.callback(process.terminate)
        pause = threading.Event()
        watched = psutil.Process(process.pid)
        pause.wait(START_S)
        before_s, switches = _cpu_s(watched), _switches(process.pid)
        pause.wait(seconds)
        used_s = _cpu_s(watched) - before_s
        return {
            "rss_mib": watched.memory_info().rss / 2**20,
            "cpu_percent": 100 * used_s / seconds,
            "wakeups_per_s": (_switches(process.pid) - switches) / seconds,
            "threads": watched.num_threads(),
            "reports": len(collector.reports),
            "messages": len(collector.stored),
        }


def _cpu_s(watched: psutil.Process) -> float:
    """Seconds on a processor, of all threads; exact where Linux says it, else in ticks of some
    milliseconds."""
    tasks = Path(f"/proc/{watched.pid}/task")
    if tasks.exists():
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9
    times = watched.cpu_times()
    return times.user + times.system


def _switches(pid: int) -> int:
    """Voluntary context switches of all threads: how often it woke up."""
    folder = Path(f"/proc/{pid}/task")
    if os.name != "posix" or not folder.exists():
        return 0
    lines = (line for task in folder.iterdir() for line in (task / "status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    units = {"rss_mib": "MiB", "cpu_percent": "% of one core", "wakeups_per_s": "1/s"}
    found = measure(seconds)
    for metric, value in found.items():
        line = {
            "bench": "agent_footprint",
            "metric": metric,
            "value": round(value, 3),
            "unit": units.get(metric, ""),
        }
        sys.stdout.write(json.dumps(line) + "\n")
    within = found["rss_mib"] <= RSS_MIB and found["cpu_percent"] <= CPU_PERCENT
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())

"""How quickly the agent is ready after its start, and gone after it is told to stop: from the checkout and frozen. The
collector is on loopback, one device is missing, the state folder is there. Medians of RUNS runs, in turn.
python -m tests.benchmarks.start_stop [FROZEN] Prints one JSON line per figure. FROZEN: the program; built where it is
not given."""

import os
import socket
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.runtime.clock import SystemClock
from agent.uplink import identity
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import TERMINAL, Collector
from tests.benchmarks.figure import Figure

RUNS = 9
START_S, FROZEN_START_S, STOP_S = 2.0, 1.5, 5.0
"""The bars."""
WAIT_S = 60.0
ROOT = Path(__file__).resolve().parents[2]
SOURCE = [sys.executable, "-m", "agent.cli"]
CONFIG = """\
[agent]
state_dir = "{folder}/state"
[collector]
url = "{url}"
[[device]]
id = "printer"
family = "escpos"
port = "/dev/ttyS_not_there"
"""


def enrolled(folder: Path, collector: Collector) -> Path:
    config = folder / "agent.toml"
    config.write_text(CONFIG.format(folder=folder, url=collector.url))
    code = f"ABCDE-FGHJK.{collector.authority.fingerprint}"
    subprocess.run(
        [*SOURCE, "enrol", "--config", str(config), "--code", code], check=True, stdout=subprocess.DEVNULL
    )
    collector.keys[TERMINAL] = identity.load(folder / "state").key.public_key()
    return config


def once(program: list[str], config: Path) -> tuple[float, float]:
    """Seconds from the start to READY=1, and from SIGTERM to the end."""
    clock = SystemClock()
    address = str(config.with_name("notify"))
    Path(address).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(WAIT_S)
        began_s = clock.monotonic()
        with subprocess.Popen(
            [*program, "run", "--config", str(config)],
            env={**os.environ, "NOTIFY_SOCKET": address},
            stderr=subprocess.DEVNULL,
        ) as process:
            assert systemd.recv(99) == b"READY=1"
            ready_s = clock.monotonic()
            process.terminate()
            process.wait(WAIT_S)
            return ready_s - began_s, clock.monotonic() - ready_s


def main() -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        collector = Collector(Authority(), folder)
        stack.callback(collector.close)
        config = enrolled(folder, collector)
        if len(sys.argv) > 1:
            frozen = Path(sys.argv[1])
        else:
            subprocess.run([ROOT / "packaging/freeze", folder], check=True, stderr=subprocess.DEVNULL)
            frozen = folder / "plomba-agent" / "plomba-agent"
        programs = {"source": SOURCE, "frozen": [str(frozen)]}
        for program in programs.values():
            once(program, config)  # into the memory of the system
        found = [(name, *once(program, config)) for _ in range(RUNS) for name, program in programs.items()]
    well = True
    for name in programs:
        starts, stops = zip(*((start, stop) for who, start, stop in found if who == name), strict=True)
        bar = FROZEN_START_S if name == "frozen" else START_S
        well &= Figure("start_stop", f"{name}_start", statistics.median(starts), "s", bar).tell(
            worst=round(max(starts), 3)
        )
        well &= Figure("start_stop", f"{name}_stop", statistics.median(stops), "s", STOP_S).tell(
            worst=round(max(stops), 3)
        )
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())

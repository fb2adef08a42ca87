"""What the site relay costs: a report through it beside one straight to the collector, in turns, over TLS on loopback;
how much processor time it takes to carry a megabyte; and how much memory the agent has more with it than without.
python -m tests.benchmarks.relay [ROUNDS] Medians; no bar is set."""

import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter, process_time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.uplink import identity
from agent.uplink.client import Client
from agent.uplink.connection import Connection, trust_only
from agent.uplink.relay_server import Bounds
from agent.uplink.relay_tunnel import Throttle, Tunnel
from agent.uplink.relay_way import Patience
from protocols.errors import CollectorUnreachable
from protocols.wire import v1
from tests.agent.uplink.authority import Authority
from tests.agent.uplink.collector import Collector, _Handler
from tests.agent.uplink.relay_site import CLOCK, Shop
from tests.benchmarks.figure import Figure

ROUNDS = 300
WARM = 20
CARRIED_MIB = 64
RUNS = 5
CALM = Patience(probe_s=3600)
HOLD = """
import sys
from pathlib import Path
from threading import Event
sys.path.insert(0, {root!r})
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from agent.config import load
from agent.runtime.clock import SystemClock
from agent.runtime.service import Service
from agent.uplink import identity
home = Path(sys.argv[1])
who = identity.load(home)
stop = Event()
service = Service(load(home / "agent.toml"), home / "agent.toml", who, SystemClock(), stop)
from threading import Thread
Thread(target=service.run, daemon=True).start()
SystemClock().wait(Event(), 8.0)
import psutil
print(psutil.Process().memory_full_info().uss)
stop.set()
"""
TOML = '[agent]\nstate_dir = "{home}"\n[collector]\nurl = "https://127.0.0.1:9"\n{relay}'
ON = '[relay]\nuse = true\nserve = true\nlisten = "127.0.0.1"\nport = 18448\n'


def main(rounds: int) -> int:
    with TemporaryDirectory() as folder:
        report(Path(folder), rounds)
    carry()
    for name, relay in (("without", ""), ("with", ON)):
        Figure("relay", f"resident_{name}_relay", resident(relay) / 2**20, "MiB USS").tell(runs=RUNS)
    return 0


def report(folder: Path, rounds: int) -> None:
    _Handler.disable_nagle_algorithm = True  # as asyncio does for the real collector
    collector = Collector(Authority(), folder)
    try:
        with Shop(collector, ("a", "c")) as shop:
            relay = shop.relay("a", bounds=Bounds(bytes_s=1 << 30))
            through = shop.till("c", relay, patience=CALM)
            straight = Client(
                Connection(collector.url, trust_only(collector.authority.pem.decode())),
                shop.keys["c"],
                "c",
                CLOCK,
            )
            for _ in range(3):
                with suppress(CollectorUnreachable):
                    through.report(body())
            took: dict[str, list[float]] = {"straight": [], "through": []}
            for _ in range(rounds + WARM):
                for name, client in (("straight", straight), ("through", through)):
                    began = perf_counter()
                    client.report(body())
                    took[name].append((perf_counter() - began) * 1000)
            straight.close()
    finally:
        collector.close()
    for name, values in took.items():
        Figure("relay", f"report_{name}", median(values[WARM:]), "ms").tell(rounds=rounds)


def body() -> bytes:
    return v1.Report(terminal="c", epoch=1, sent_at=CLOCK.now(), messages=()).model_dump_json().encode()


def carry() -> None:
    """One tunnel at full speed: a sender and a receiver in processes of their own."""
    spent = []
    for _ in range(RUNS):
        near, near_end = socket.socketpair()
        far, far_end = socket.socketpair()
        send = f"import os\nfor _ in range({CARRIED_MIB}): os.write({near_end.fileno()}, b'x' * 2**20)"
        take = f"import os\nwhile os.read({far_end.fileno()}, 2**20): pass"
        with (
            subprocess.Popen([sys.executable, "-c", send], pass_fds=[near_end.fileno()]) as sender,
            subprocess.Popen([sys.executable, "-c", take], pass_fds=[far_end.fileno()]) as taker,
        ):
            near_end.close()
            far_end.close()
            tunnel = Tunnel(near, far, Throttle(1 << 40, CLOCK), CLOCK, Event())
            began = process_time()
            thread = Thread(target=tunnel.run, args=(2.0, 60.0))
            thread.start()
            sender.wait(60)
            thread.join(60)
            spent.append((process_time() - began) / CARRIED_MIB * 1000)
            near.close()
            far.close()
            taker.wait(60)
    Figure("relay", "carry_processor_time", median(spent), "ms/MiB").tell(mib=CARRIED_MIB, runs=RUNS)


def resident(relay: str) -> float:
    """Bytes that only the agent's process has, a few seconds after its start; nobody answers as its collector."""
    found = []
    for _ in range(RUNS):
        with TemporaryDirectory() as folder:
            home = Path(folder)
            prepare(home, relay)
            command = [sys.executable, "-c", HOLD.format(root=str(Path.cwd())), folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)
            found.append(float(done.stdout.split()[-1]))
    return median(found)


def prepare(home: Path, relay: str) -> None:
    who = identity.Identity(
        "t", "https://127.0.0.1:9", identity.ca_file(home, "t"), Ed25519PrivateKey.generate()
    )
    identity.save(home, who, Authority().pem)
    (home / "agent.toml").write_text(TOML.format(home=home, relay=relay))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))

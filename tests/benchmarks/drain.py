"""What other terminals notice of one that comes back after thirty days: their p95 while it drains beside their p95
while it does not, in turns, against a real collector on SQLite over TLS.
python -m tests.benchmarks.drain [ROUNDS] Prints JSON lines."""

import asyncio
import json
import ssl
import statistics
import subprocess
import sys
import threading
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.runtime.clock import SystemClock
from agent.spool import Spool
from agent.uplink import identity
from agent.uplink.sender import Sender
from collector.core import clock
from protocols.wire import v1
from tests.benchmarks.figure import Figure
from tests.collector.served import Served
from tests.collector.served import Till as Bystander
from tests.end_to_end.test_carried import Till
from tests.faults.offline import client_of, fill, now

RATIO = 1.2
BYSTANDERS = 20
PAUSE_S = 0.25
WINDOW_S = 10.0
EVERY = timedelta(minutes=5)


async def report(till: Bystander, numbers: "count[int]", until_s: float, waits: list[float]) -> None:
    """One sample a time, at a steady pace, over one connection."""
    trust = ssl.create_default_context(cafile=till.served.authority)
    reader, writer = await asyncio.open_connection("127.0.0.1", till.served.port, ssl=trust)
    subject = v1.Subject(kind=v1.SubjectKind.TERMINAL)
    while clock.monotonic() < until_s:
        sample = v1.Sample(seq=next(numbers), at=clock.now(), subject=subject, values={"cpu_percent": 1.0})
        body = till.document(sample)
        headers = {**till.headers(v1.PATH_REPORTS, body), "Host": "x", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        began = clock.monotonic()
        writer.write(f"POST {v1.PATH_REPORTS} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        assert head.startswith(b"HTTP/1.1 200"), head
        waits.append(clock.monotonic() - began)
        await asyncio.sleep(PAUSE_S)
    writer.close()


async def window(tills: list[Bystander], numbers: "list[count[int]]") -> float:
    """Their p95 in milliseconds."""
    waits: list[float] = []
    until_s = clock.monotonic() + WINDOW_S
    await asyncio.gather(*[report(t, n, until_s, waits) for t, n in zip(tills, numbers, strict=True)])
    return sorted(waits)[int(len(waits) * 0.95)] * 1e3


class Drain:
    """The real sender in a process of its own, as at a till, while it is asked to run. It gets what the others leave of
    this machine: a till's processor is not the collector's."""

    def __init__(self, till: Till) -> None:
        self._till = till
        self.sent = 0

    def __enter__(self) -> "Drain":
        self._before = self._waiting()
        program = [
            "nice",
            "-n",
            "19",
            sys.executable,
            "-m",
            "tests.benchmarks.drain",
            "--send",
            str(self._till.file),
        ]
        self._sender = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._sender.stdout
        assert self._sender.stdout.readline() == "sends\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._sender.communicate("stop\n", timeout=60)
        self.sent = self._before - self._waiting()

    def _waiting(self) -> int:
        with Spool(self._till.file, SystemClock()) as spool:
            return spool.pending().messages


def send(file: Path) -> None:
    """The other process: until a line comes on standard input."""
    me = identity.load(file.parent)
    with Spool(file, SystemClock()) as spool:
        client = client_of(me, SystemClock())  # type: ignore[arg-type]
        sender = Sender(spool, client, me.terminal, SystemClock(), report_s=10)
        thread = threading.Thread(target=sender.run)
        thread.start()
        print("sends", flush=True)
        sys.stdin.readline()
        sender.stop()
        thread.join(60)


def main(rounds: int) -> int:
    with TemporaryDirectory() as folder, Served(Path(folder) / "collector") as served:
        till = Till(Path(folder) / "till", served)
        messages = sum(fill(till.file, now(), EVERY))
        others = [served.terminal() for _ in range(BYSTANDERS)]
        numbers = [count(1) for _ in others]
        asyncio.run(window(others, numbers))  # warm
        quiet, draining, sent = [], [], 0
        for _ in range(rounds):
            quiet.append(asyncio.run(window(others, numbers)))
            with Drain(till) as drain:
                draining.append(asyncio.run(window(others, numbers)))
            sent += drain.sent
        told = {
            "messages_waiting": messages, "messages_sent_per_s": round(sent / (rounds * WINDOW_S)),
            "p95_quiet_ms": [round(ms, 1) for ms in quiet], "p95_draining_ms": [round(ms, 1) for ms in draining],
        }  # fmt: skip
        print(json.dumps({"bench": "drain", **told}))
        ratio = statistics.median(draining) / statistics.median(quiet)
        return 0 if Figure("drain", "p95_of_others", ratio, "ratio", RATIO).tell() else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        send(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

"""What a report costs the collector: signed reports over TLS into a real process on SQLite, answered after
commit. python -m tests.benchmarks.ingest [SECONDS] Prints one JSON line per figure. A sample has 20 values;
CPU is that of the server process, user and system."""

import asyncio
import json
import ssl
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from collector.core import clock
from protocols.wire import v1
from tests.collector.served import Served, Till

TERMINALS = 24
VALUES = {f"metric_{n}_percent": n + 0.5 for n in range(20)}
SUBJECT = v1.Subject(kind=v1.SubjectKind.TERMINAL)


def requests_of(till: Till, batch: int) -> Iterator[bytes]:
    """Whole HTTP requests, signed, one after the other."""
    seq = count(1)
    while True:
        samples = [
            v1.Sample(seq=next(seq), at=clock.now(), subject=SUBJECT, values=VALUES) for _ in range(batch)
        ]
        body = till.document(*samples)
        headers = {**till.headers(v1.PATH_REPORTS, body), "Host": "x", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        yield f"POST {v1.PATH_REPORTS} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def send(till: Till, requests: list[bytes], until_s: float, waits: list[float]) -> None:
    trust = ssl.create_default_context(cafile=till.served.authority)
    reader, writer = await asyncio.open_connection("127.0.0.1", till.served.port, ssl=trust)
    for request in requests:
        started = clock.monotonic()
        if started > until_s:
            break
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        assert head.startswith(b"HTTP/1.1 200"), answer
        waits.append(clock.monotonic() - started)
    writer.close()


async def load(tills: list[Till], batch: int, seconds: float) -> list[float]:
    """Requests are made before the clock runs, so that signing them is not measured."""
    most = int(seconds * 1200 / len(tills) / (1 + batch / 10)) + 1
    prepared = []
    for till in tills:
        made = requests_of(till, batch)
        prepared.append([next(made) for _ in range(most)])
    waits: list[float] = []
    until_s = clock.monotonic() + seconds
    await asyncio.gather(*[send(t, r, until_s, waits) for t, r in zip(tills, prepared, strict=True)])
    return waits


def measure(served: Served, tills: list[Till], name: str, batch: int, seconds: float) -> None:
    for till in tills:
        till.epoch = batch
    server = psutil.Process(served.pid)
    before, started = server.cpu_times(), clock.monotonic()
    waits = sorted(asyncio.run(load(tills, batch, seconds)))
    passed_s = min(clock.monotonic() - started, seconds)
    after = server.cpu_times()
    used_s = after.user + after.system - before.user - before.system
    samples = len(waits) * batch
    figures = {
        "reports_per_s": len(waits) / passed_s,
        "samples_per_s": samples / passed_s,
        "cpu_us_per_report": used_s / len(waits) * 1e6,
        "cpu_us_per_sample": used_s / samples * 1e6,
        "p50_ms": waits[len(waits) // 2] * 1e3,
        "p99_ms": waits[int(len(waits) * 0.99)] * 1e3,
    }
    for what, value in figures.items():
        print(json.dumps({"benchmark": "ingest", "case": name, "figure": what, "value": round(value, 1)}))


def main(seconds: float) -> None:
    with TemporaryDirectory() as folder, Served(Path(folder) / "collector") as served:
        tills = [served.terminal() for _ in range(TERMINALS)]
        measure(served, tills, "single", 1, seconds)
        measure(served, tills, "batch_20", 20, seconds)
        stored = served.rows("SELECT COUNT(*) FROM ingest_message")[0][0]
        print(
            json.dumps({"benchmark": "ingest", "case": "all", "figure": "messages_stored", "value": stored})
        )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0)

"""How fast packs leave a till: over SSH beside OpenSSH's own sftp with the same cipher, in turns, on loopback; and how
much of a shaped line of 5 and 20 Mbit/s with 50 ms there and back is used, over SSH and to a collector over HTTPS.
`python -m tests.benchmarks.upload [MB] [ROUNDS]`. The line is a relay of ours that counts what TCP carries. Ends with 1
where a bar is missed."""

import getpass
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from agent.backup.key import new_data_key
from agent.backup.pack import PACK_BYTES
from agent.backup.repository import Repository
from agent.backup.repository.https import Access, HttpsRepository
from agent.backup.repository.sftp import SftpRepository
from agent.runtime.clock import SystemClock
from tests.agent.backup.openssh import Server, running
from tests.agent.backup.till import SECRET, small_pack
from tests.benchmarks.figure import Figure
from tests.collector.served import Served

MB, ROUNDS = 50, 3
WAY_S = 0.025
FRAME = 256 << 10
RECEIVE_BYTES = 64 << 10
LATE_S = 0.1
"""A line does not get slower because the machine that plays it was busy for a moment."""


def packs(total: int) -> list[tuple[str, bytes]]:
    """Incompressible ones, of about the size that a backup makes."""
    frames = [os.urandom(FRAME) for _ in range(PACK_BYTES // FRAME)]
    return [
        small_pack(new_data_key("till", [SECRET.public]), *frames) for _ in range(max(1, total // PACK_BYTES))
    ]


def put_all(repository: Repository, stored: list[tuple[str, bytes]]) -> float:
    """As a backup does: so many at once as the place likes. Seconds."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(repository.streams) as pool:
        for done in [pool.submit(repository.put_new, name, data) for name, data in stored]:
            done.result()
    return time.perf_counter() - begun


def sftp_put(server: Server, file: Path, to: Path) -> float:
    """On the server's disk when it returns, as ours is."""
    command = [
        "sftp", "-q", "-b", "-", "-P", str(server.port), "-i", str(server.root / "till"),
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
        "-c", "aes128-gcm@openssh.com", f"{getpass.getuser()}@127.0.0.1",
    ]  # fmt: skip
    begun = time.perf_counter()
    subprocess.run(command, input=f"put -f {file} {to}\n".encode(), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


class Line:
    """A relay that lets so many bytes a second through in each direction, and each of them a while later."""

    def __init__(self, host: str, port: int, bytes_s: float) -> None:
        self._far, self._bytes_s = (host, port), bytes_s
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        self._turns = {True: threading.Lock(), False: threading.Lock()}
        self._free_at = {True: 0.0, False: 0.0}
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._far)
                for one, two, up in ((near, far, True), (far, near, False)):
                    two.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    waiting: queue.Queue[tuple[float, bytes]] = queue.Queue(4096)
                    threading.Thread(target=self._take, args=(one, up, waiting), daemon=True).start()
                    threading.Thread(target=self._give, args=(two, waiting), daemon=True).start()

    def _take(self, one: socket.socket, up: bool, waiting: "queue.Queue[tuple[float, bytes]]") -> None:
        with suppress(OSError):
            while data := one.recv(4096):
                with self._turns[up]:
                    now = time.perf_counter()
                    self._free_at[up] = max(self._free_at[up], now - LATE_S) + len(data) / self._bytes_s
                    wait = self._free_at[up] - now
                if wait > 0:
                    time.sleep(wait)  # noqa: TID251 - the line's own time
                waiting.put((self._free_at[up] + WAY_S, data))
        waiting.put((0.0, b""))

    def _give(self, two: socket.socket, waiting: "queue.Queue[tuple[float, bytes]]") -> None:
        with suppress(OSError), two:
            while True:
                at, data = waiting.get()
                if not data:
                    return
                if (wait := at - time.perf_counter()) > 0:
                    time.sleep(wait)  # noqa: TID251 - the line's own time
                two.sendall(data)

    def close(self) -> None:
        self._listener.close()


def beside_openssh(server: Server, root: Path, megabytes: int, rounds: int) -> bool:
    ours: list[float] = []
    theirs: list[float] = []
    file = root / "file"
    for number in range(rounds):
        stored = packs(megabytes * 1_000_000)
        file.write_bytes(b"".join(data for _, data in stored))
        folder = root / f"repository{number}"
        folder.mkdir()
        theirs.append(sftp_put(server, file, root / f"put{number}"))
        with closing(SftpRepository(server.access(folder))) as repository:
            list(repository.list("packs"))  # connected, as sftp is not: see below
            ours.append(put_all(repository, stored))
    size = file.stat().st_size / 1e6
    (root / "empty").touch()
    login = min(sftp_put(server, root / "empty", root / "nothing") for _ in range(3))
    speeds = size / median(ours), size / (median(theirs) - login)
    Figure("upload", "sftp of ours", speeds[0], "MB/s").tell(rounds=rounds)
    Figure("upload", "sftp of OpenSSH, without its login", speeds[1], "MB/s").tell(login_s=round(login, 3))
    return Figure("upload", "sftp: ours / OpenSSH", speeds[0] / speeds[1], "times", 0.9, at_least=True).tell()


@contextmanager
def over_ssh(server: Server, folder: Path, bytes_s: float) -> Iterator[Repository]:
    folder.mkdir()
    line = Line("127.0.0.1", server.port, bytes_s)
    with closing(line), closing(SftpRepository(replace(server.access(folder), port=line.port))) as repository:
        yield repository


@contextmanager
def over_https(served: Served, bytes_s: float) -> Iterator[Repository]:
    till = served.terminal()
    line = Line("127.0.0.1", served.port, bytes_s)
    access = Access(f"https://127.0.0.1:{line.port}", Path(served.authority), till.id, till.key)
    with closing(line), closing(HttpsRepository(access, SystemClock())) as repository:
        yield repository


def used(repository: Repository, mbit_s: float, seconds: float) -> float:
    list(repository.list("packs"))
    stored = packs(int(mbit_s * 1e6 / 8 * seconds))
    spent = put_all(repository, stored)
    return sum(len(data) for _, data in stored) * 8 / 1e6 / spent / mbit_s


def shaped(server: Server, served: Served, root: Path) -> bool:
    met = True
    for mbit_s, seconds in ((5.0, 25.0), (20.0, 15.0)):
        bytes_s = mbit_s * 1e6 / 8
        with over_ssh(server, root / f"shaped{mbit_s}", bytes_s) as repository:
            share = used(repository, mbit_s, seconds)
        met &= Figure("upload", f"share of {mbit_s:g} Mbit/s, ssh", share, "of 1", 0.95, at_least=True).tell()
        with over_https(served, bytes_s) as repository:
            share = used(repository, mbit_s, seconds)
        met &= Figure(
            "upload", f"share of {mbit_s:g} Mbit/s, https", share, "of 1", 0.95, at_least=True
        ).tell()
    return met


def main() -> int:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else MB
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    with TemporaryDirectory() as name:
        root = Path(name)
        (root / "ssh").mkdir()
        with running(root / "ssh") as server, Served(root / "collector") as served:
            met = beside_openssh(server, root, megabytes, rounds)
            met &= shaped(server, served, root)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())

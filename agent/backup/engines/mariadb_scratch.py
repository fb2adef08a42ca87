"""A MariaDB server of our own that lives for a check: in a scratch folder, on a socket only we can reach, without
flushing. It never meets the server of the source."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from agent.backup.engines.mariadb_client import KIT, Client, client
from agent.backup.engines.program import ProgramFailed, Running, run, started
from agent.backup.engines.scratch import Home, home
from protocols.errors import SnapshotFailed

STEPS, STEP_S = 1200, 0.05
_QUICK = (
    "--skip-networking", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--key-buffer-size=4M",
    "--performance-schema=OFF", "--debug-no-sync",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScratchServer:
    where: Path

    def client(self, database: str) -> Client:
        return client(f"mariadb://root@localhost/{database}?socket={self.where}", alone=True)

    def load(self, database: str, dump: Path) -> None:
        """ProgramFailed at the first statement that fails."""
        by = self.client(database)
        program = by.kit.find("mariadb", "mysql")
        run([program, *by.arguments, f"--execute=CREATE DATABASE {database} CHARACTER SET utf8mb4"])
        with dump.open("rb") as text:
            run(
                [program, *by.arguments, "--default-character-set=utf8mb4", database],
                stdin=text,
                limit_s=None,
            )

    def check(self, database: str) -> None:
        """CHECK TABLE ... EXTENDED of all; ProgramFailed with what it finds."""
        by = self.client(database)
        program = by.kit.find("mariadb-check", "mysqlcheck")
        said = run([program, *by.arguments, "--check", "--extended", "--databases", database], limit_s=None)
        # "note" comes of what cannot be checked, such as a sequence
        if re.search(r"^(error|warning|status)\s*:", said, re.MULTILINE | re.IGNORECASE):
            raise ProgramFailed(program.name, 0, said)


@contextmanager
def scratch_server(scratch: Path) -> Iterator[ScratchServer]:
    """SnapshotFailed `backup.no_checker` where there is no server to be had here."""
    if sys.platform == "win32":
        raise _no_checker("dumps of MariaDB are restored on Linux only")
    with home(scratch) as place:
        _initialise(place)
        server = ScratchServer(place.folder / "socket")
        with _running(place, server):
            yield server


def _initialise(place: Home) -> None:
    try:
        run(
            [
                KIT.find("mariadb-install-db"), "--no-defaults", f"--datadir={place.folder / 'data'}",
                "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
                *_QUICK[2:],
            ],
            folder=place.folder,
            account=place.account,
        )  # fmt: skip
    except ProgramFailed as e:
        raise _no_checker(f"no server to restore into can be made here: {e.words.strip()[-300:]}") from e


@contextmanager
def _running(place: Home, server: ScratchServer) -> Iterator[None]:
    arguments: list[str | Path] = [
        KIT.find("mariadbd"), "--no-defaults", f"--datadir={place.folder / 'data'}", f"--socket={server.where}",
        f"--pid-file={place.folder / 'pid'}", *_QUICK,
    ]  # fmt: skip
    with started(arguments, stdout=subprocess.DEVNULL, account=place.account) as running:
        _wait(running, server.where)
        yield


def _wait(running: Running, where: Path) -> None:
    """Until it answers. It has no means to tell."""
    never = Event()
    for _ in range(STEPS):
        if _answers(where):
            return
        if running.ended:
            break
        never.wait(STEP_S)
    raise _no_checker(f"no server to restore into can be started here: {running.words.strip()[-300:]}")


def _answers(where: Path) -> bool:
    if sys.platform == "win32":
        return False
    with socket.socket(socket.AF_UNIX) as tried:
        return tried.connect_ex(str(where)) == 0


def _no_checker(text: str) -> SnapshotFailed:
    return SnapshotFailed(text, code="backup.no_checker", retriable=False)

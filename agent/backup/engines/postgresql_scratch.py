"""A PostgreSQL server of our own that lives for a check: in a scratch folder, without the network where the system has
sockets, without flushing. It never meets the server of the source."""

import secrets
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.backup.engines.postgresql_client import KIT, Client, client
from agent.backup.engines.program import Kit, ProgramFailed, run
from agent.backup.engines.scratch import Home, home
from protocols.errors import SnapshotFailed

_OWNER = "plomba"
QUICK = (
    "fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off", "shared_buffers=32MB",
    "max_connections=10", "wal_level=minimal", "max_wal_senders=0",
    # in its own folder: an account of its own may not be let into the system's shared memory
    *(() if sys.platform == "win32" else ("dynamic_shared_memory_type=mmap",)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScratchServer:
    where: str
    port: int
    passfile: Path

    def client(self, database: str) -> Client:
        return client(
            f"postgresql://{_OWNER}@/{database}?host={self.where}&port={self.port}&passfile={self.passfile}"
        )

    def create(self, database: str, encoding: str) -> Client:
        by = self.client(database)
        statement = f"CREATE DATABASE {database} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
        psql: list[str | Path] = [
            by.kit.find("psql"),
            "--no-psqlrc",
            "--quiet",
            "--no-password",
            f"--command={statement}",
        ]
        run([*psql, f"--dbname={self.client('postgres').conninfo}"], extra=by.extra)
        return by


@contextmanager
def scratch_server(scratch: Path) -> Iterator[ScratchServer]:
    """A new one. SnapshotFailed `backup.no_checker` where there is no server to be had here."""
    with home(scratch) as place:
        try:
            server = _initialised(place)
            with running(place, KIT, server.where, server.port):
                yield server
        except SnapshotFailed as e:
            raise SnapshotFailed(str(e), code="backup.no_checker", retriable=False) from e


def _initialised(place: Home) -> ScratchServer:
    secret = secrets.token_hex(16)
    server = ScratchServer(*listening(place), place.folder / "pgpass")
    given = place.folder / "password"
    for file, text in ((given, secret), (server.passfile, f"*:*:*:{_OWNER}:{secret}\n")):
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(text, encoding="ascii")
    place.give(given)
    do(place, KIT, "initdb", "--pgdata=data", f"--username={_OWNER}", "--auth=scram-sha-256", f"--pwfile={given}",
       "--no-sync", "--wal-segsize=1", "--encoding=UTF8", "--locale=C")  # fmt: skip
    return server


def listening(place: Home) -> tuple[str, int]:
    """Host and port of a server that lives there."""
    if sys.platform != "win32":
        return str(place.folder), 5432
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return "127.0.0.1", int(free.getsockname()[1])


@contextmanager
def running(place: Home, kit: Kit, where: str, port: int, settings: Sequence[str] = ()) -> Iterator[None]:
    """The server over the folder `data`. SnapshotFailed `backup.no_checker` with the end of its log."""
    options = [f"-c {setting}" for setting in (*QUICK, *settings)]
    if sys.platform == "win32":
        options += ["-c listen_addresses=127.0.0.1", f"-p {port}"]
    else:
        options += ["-c listen_addresses=", f"-k {where}"]
    try:
        do(
            place,
            kit,
            "pg_ctl",
            "--pgdata=data",
            "--wait",
            "--log=log",
            f"--options={' '.join(options)}",
            "start",
        )
    except ProgramFailed as e:
        words = _log(place) or e.words
        raise SnapshotFailed(
            f"no server to restore into can be started here: {words}",
            code="backup.no_checker",
            retriable=False,
        ) from e
    try:
        yield
    finally:
        do(place, kit, "pg_ctl", "--pgdata=data", "--wait", "--mode=immediate", "stop")


def do(place: Home, kit: Kit, program: str, *arguments: str, stdin: str | None = None) -> str:
    return run(
        [kit.find(program), *arguments], stdin=stdin, folder=place.folder, account=place.account, limit_s=None
    )


def _log(place: Home) -> str:
    file = place.folder / "log"
    return file.read_text(encoding="utf-8", errors="replace")[-300:] if file.exists() else ""

"""A PostgreSQL server of our own that lives for a check: in a scratch folder, without the network where the system has
sockets, without flushing. It never meets the server of the source."""

import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.backup.engines.postgresql_client import KIT, Client, client
from agent.backup.engines.program import ProgramFailed, run
from agent.backup.engines.scratch import Home, home
from protocols.errors import SnapshotFailed

_OWNER = "plomba"
_QUICK = "fsync=off full_page_writes=off synchronous_commit=off autovacuum=off shared_buffers=32MB max_connections=10"


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
    """SnapshotFailed `backup.no_checker` where there is no server to be had here."""
    with home(scratch) as place:
        try:
            server = _initialised(place)
            with _running(place, server):
                yield server
        except SnapshotFailed as e:
            raise SnapshotFailed(str(e), code="backup.no_checker", retriable=False) from e


def _initialised(place: Home) -> ScratchServer:
    secret = secrets.token_hex(16)
    server = ScratchServer(*_listening(place), place.folder / "pgpass")
    given = place.folder / "password"
    for file, text in ((given, secret), (server.passfile, f"*:*:*:{_OWNER}:{secret}\n")):
        _write(file, text)
    if place.account is not None:
        shutil.chown(given, place.account, place.account)
    _do(place, "initdb", "--pgdata=data", f"--username={_OWNER}", "--auth=scram-sha-256", f"--pwfile={given}",
        "--no-sync", "--encoding=UTF8", "--locale=C")  # fmt: skip
    return server


def _listening(place: Home) -> tuple[str, int]:
    if sys.platform != "win32":
        return str(place.folder), 5432
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return "127.0.0.1", int(free.getsockname()[1])


@contextmanager
def _running(place: Home, server: ScratchServer) -> Iterator[None]:
    options = [f"-c {setting}" for setting in _QUICK.split()]
    if sys.platform == "win32":
        options += ["-c listen_addresses=127.0.0.1", f"-p {server.port}"]
    else:
        options += ["-c listen_addresses=", f"-k {server.where}"]
    try:
        _do(
            place, "pg_ctl", "--pgdata=data", "--wait", "--log=log", f"--options={' '.join(options)}", "start"
        )
    except ProgramFailed as e:
        raise SnapshotFailed(
            f"no server to restore into can be started here: {_log(place) or e.words}"
        ) from e
    try:
        yield
    finally:
        _do(place, "pg_ctl", "--pgdata=data", "--wait", "--mode=immediate", "stop")


def _do(place: Home, program: str, *arguments: str) -> None:
    run([KIT.find(program), *arguments], folder=place.folder, account=place.account)


def _log(place: Home) -> str:
    file = place.folder / "log"
    return file.read_text(errors="replace")[-300:] if file.exists() else ""


def _write(file: Path, text: str) -> None:
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(text, encoding="ascii")

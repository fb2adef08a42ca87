"""How the programs of PostgreSQL reach a server, what their complaints mean, and a psql that answers questions in one
transaction. Passwords come from a password file (https://www.postgresql.org/docs/current/libpq-pgpass.html)."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from agent.backup.engines import Scalar
from agent.backup.engines.address import Address, parse
from agent.backup.engines.program import Kit, Meaning, ProgramFailed, Running, started

KIT = Kit(
    "PostgreSQL",
    ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "C:/Program Files/PostgreSQL/*/bin"),
    "install the client of the server's version or newer (Debian: postgresql-client)",
)
EXAMPLE = "postgresql://plomba@localhost/pos?passfile=/etc/plomba/pgpass"
OPTIONS = {
    "host", "port", "user", "passfile", "service", "sslmode", "sslrootcert", "sslcert", "sslkey", "application_name",
}  # fmt: skip
_END = "plomba-end-of-answer"

MEANINGS = (
    Meaning(
        "server version mismatch",
        "backup.version_mismatch",
        "{program} is older than the server: install PostgreSQL's client of the server's version or newer, or name"
        " its folder with ?programs=FOLDER in the source ({words})",
    ),
    Meaning(
        r"password authentication failed|no password supplied|no pg_hba\.conf entry|peer authentication failed"
        r'|role "[^"]*" does not exist',
        "backup.access_denied",
        "the server does not let the account in: put its password into a file that only the agent may read (mode 600"
        " on Linux) and name it with ?passfile=FILE in the source ({words})",
    ),
    Meaning(
        "permission denied|must be superuser|must be replication|row-level security",
        "backup.access_denied",
        "the account may not read everything; as an administrator of the server:"
        " GRANT pg_read_all_data TO the account ({words})",
    ),
    Meaning(
        'database "[^"]*" does not exist',
        "backup.source_missing",
        "the server has no such database: correct the name in the source ({words})",
    ),
    Meaning(
        "connection refused|could not connect|could not translate|timeout expired|is the server running"
        "|starting up|shutting down|server closed the connection",
        "backup.source_unreachable",
        "the server does not answer: see that it runs and that the source names its address ({words})",
        retriable=True,
    ),
    Meaning(
        "lock timeout|canceling statement due to",
        "backup.source_locked",
        "a table stayed locked by its program; tried later ({words})",
        retriable=True,
    ),
    Meaning("no space left", "backup.staging", "no room on the disk ({words})", retriable=True),
)


class Asked(Protocol):
    """A session that answers with one JSON value per row."""

    def rows(self, query: str) -> list[object]: ...

    def one(self, query: str) -> object: ...


@dataclass(frozen=True, slots=True)
class Client:
    address: Address
    kit: Kit
    extra: dict[str, str]

    @property
    def conninfo(self) -> str:
        where = self.address
        values = {
            "host": where.host,
            "port": str(where.port or ""),
            "user": where.user,
            "dbname": where.database,
            **{name: value for name, value in where.options.items() if name != "programs"},
        }
        return " ".join(f"{name}='{_quoted(value)}'" for name, value in values.items() if value)


def client(source: str) -> Client:
    """ConfigError."""
    address = parse(source, ("postgresql", "postgres"), EXAMPLE, OPTIONS)
    address.file("passfile")
    extra = {
        "PGCONNECT_TIMEOUT": "15",
        "PGAPPNAME": "plomba-agent",
        "PGOPTIONS": "-c client_min_messages=warning",
    }
    return Client(address, replace(KIT, folder=address.programs), extra)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


class Session:
    def __init__(self, psql: Running) -> None:
        self._psql = psql

    def do(self, statement: str) -> None:
        self._ask(statement)

    def rows(self, query: str) -> list[object]:
        return [json.loads(line) for line in self._ask(query)]

    def one(self, query: str) -> object:
        return self.rows(query)[0]

    def _ask(self, text: str) -> list[bytes]:
        """Lines up to the mark. Where psql has ended instead, it has said why."""
        self._psql.input.write(f"{text};\n\\echo {_END}\n".encode())
        self._psql.input.flush()
        lines: list[bytes] = []
        while line := self._psql.output.readline():
            if line.strip() == _END.encode():
                return lines
            lines.append(line)
        self._psql.finish()
        raise ProgramFailed("psql", 0, "it ended in the middle of an answer")


@contextmanager
def session(by: Client) -> Iterator[Session]:
    """ProgramFailed."""
    arguments: list[str | Path] = [
        by.kit.find("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password",
        "--set=ON_ERROR_STOP=1", f"--dbname={by.conninfo}",
    ]  # fmt: skip
    with started(arguments, stdin=subprocess.PIPE, extra=by.extra) as psql:
        asked = Session(psql)
        asked.do("SET search_path = pg_catalog")
        asked.do("SET row_security = off")
        yield asked


def scalar(value: object) -> Scalar:
    """A number that fits, else the text of it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return int(text) if text.lstrip("-").isdecimal() else text

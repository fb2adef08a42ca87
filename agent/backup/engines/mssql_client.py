"""A conversation with an MS SQL Server of this computer by TDS, through python-tds. Without TLS, which that library has
only with another one: so nothing goes over a network."""

import logging
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from agent.backup.engines.address import Address, parse
from agent.backup.engines.mssql_statement import Message, refusal
from protocols.errors import ConfigError, SnapshotFailed

EXAMPLE = "mssql://plomba@localhost/POS?password_file=/etc/plomba/mssql.password&folder=D:\\Backup"
OPTIONS = {"password_file", "folder", "read_as", "instance"}
_HERE = {"localhost", "127.0.0.1", "::1"}
LOGIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    rows: Sequence[Sequence[object]]
    columns: Sequence[str]
    messages: Sequence[Message]

    @property
    def first(self) -> Mapping[str, object]:
        return dict(zip(self.columns, self.rows[0], strict=True)) if self.rows else {}

    def says(self, number: int) -> bool:
        return any(message.number == number for message in self.messages)


class Server(Protocol):
    def ask(self, statement: str) -> Answer:
        """SnapshotFailed with what the server said, translated."""


def address(source: str) -> Address:
    """ConfigError."""
    where = parse(source, ("mssql",), EXAMPLE, OPTIONS)
    where.file("password_file")
    if where.host.lower() not in _HERE | {socket.gethostname().lower(), ""}:
        raise ConfigError("[[backup]]", "source", "the agent runs on the server's own computer", EXAMPLE)
    if not where.options.get("folder"):
        raise ConfigError("[[backup]]", "source", "names no folder into which SQL Server may write", EXAMPLE)
    return where


@contextmanager
def server(where: Address, database: str = "master") -> Iterator[Server]:
    """Without transactions, in which BACKUP does not run."""
    import pytds  # type: ignore[import-untyped] # noqa: PLC0415 - only where it is used

    # it tells every statement and every wait
    logging.getLogger("pytds").setLevel(logging.ERROR)
    file = where.file("password_file")
    instance = where.options.get("instance")
    try:
        connection = pytds.connect(
            dsn=f"{where.host or 'localhost'}\\{instance}" if instance else where.host or "localhost",
            port=None if instance else where.port or 1433,
            database=database,
            user=where.user or None,
            password=file.read_text(encoding="utf-8").strip() if file else None,
            auth=_own_account() if not where.user else None,
            autocommit=True,
            login_timeout=LOGIN_S,
            disable_connect_retry=True,
            appname="plomba-agent",
        )
    except pytds.DatabaseError as e:
        raise refusal([Message(e.number, e.severity, str(e))]) from e
    except (OSError, pytds.Error) as e:
        raise SnapshotFailed(
            f"the server does not answer: see that it runs, that TCP/IP is on, and that the source names its port or"
            f" instance ({e})",
            code="backup.source_unreachable",
        ) from e
    with connection:
        yield _Pytds(connection)


def _own_account() -> object:
    """The account that the agent runs as, where Windows knows it."""
    if sys.platform != "win32":
        raise ConfigError("[[backup]]", "source", "names no user", EXAMPLE)
    from pytds.login import SspiAuth  # type: ignore[import-untyped] # noqa: PLC0415 - Windows only

    return SspiAuth()


class _Pytds:
    def __init__(self, connection: object) -> None:
        self._connection = connection

    def ask(self, statement: str) -> Answer:
        """All results are fetched, and the last that has rows counts: a backup is over only with its last one."""
        import pytds  # noqa: PLC0415 - only where it is used

        rows: list[Sequence[object]] = []
        columns: list[str] = []
        cursor = self._connection.cursor()  # type: ignore[attr-defined] # the library has no types
        try:
            cursor.execute(statement)
            messages = _messages(cursor)
            while True:
                if cursor.description:
                    rows, columns = list(cursor.fetchall()), [str(column[0]) for column in cursor.description]
                messages += [each for each in _messages(cursor) if each not in messages]
                if not cursor.nextset():
                    break
        except pytds.DatabaseError as e:
            said = _messages(cursor) or [Message(e.number, e.severity, str(e))]
            raise refusal(said) from e
        except (OSError, pytds.Error) as e:
            raise SnapshotFailed(
                f"the connection to the server broke: {e}", code="backup.source_unreachable"
            ) from e
        finally:
            cursor.close()
        messages += [each for each in _messages(cursor) if each not in messages]
        return Answer(rows, columns, messages)


def _messages(cursor: object) -> list[Message]:
    said = cursor.messages or []  # type: ignore[attr-defined] # the library has no types
    return [Message(int(e.number), int(e.severity), str(e.text)) for _, e in said]

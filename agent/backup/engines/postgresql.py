"""One PostgreSQL database as a logical dump: nobody waits, and the counts are of the dump's own moment, since psql
exports its snapshot and pg_dump reads in it. (https://www.postgresql.org/docs/current/app-pgdump.html,
https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION)

Never compressed, or a day of few receipts would change every byte of the dump. While the dump streams, a pg_restore
reads along: it alone knows when the last table was cut off."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.backup.engines import Cut, Evidence, Facts, Pace, Part, Reader, Snapshot
from agent.backup.engines.postgresql_client import KIT, MEANINGS, Client, client, session
from agent.backup.engines.postgresql_facts import read_facts
from agent.backup.engines.postgresql_scratch import scratch_server
from agent.backup.engines.program import ProgramFailed, Running, failed, run, started
from protocols.errors import IntegrityError, SnapshotFailed

LOCK_WAIT_MS = 60_000
"""pg_dump takes the locks of a reader; behind a change of the schema it waits no longer than this."""
_ELSEWHERE = r"could not open extension control file|extension .* is not available|unsupported version|role .* does not"


@dataclass(frozen=True, slots=True)
class PostgresqlEngine:
    name: str = "postgresql"
    evidence: Evidence = Evidence.REAL

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:  # noqa: ARG002 - needs no room
        by = client(source)
        try:
            with session(by) as asked:
                asked.do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                exported = str(asked.one("SELECT to_json(pg_export_snapshot())"))
                facts = read_facts(asked, pace)

                @contextmanager
                def opened() -> Iterator[Reader]:
                    with _dump(by, exported) as reader:
                        yield reader

                part = Part(f"{_file_name(by)}.dump", opened, Cut.CHUNKS)
                yield Snapshot([part], lambda: facts, "dump")
        except ProgramFailed as e:
            raise failed(e, MEANINGS) from e

    def verify(self, restored: Path, scratch: Path) -> Facts:
        try:
            _check(restored)
            with scratch_server(scratch) as server:
                by = server.create("restored", _encoding(restored))
                _restore(by, restored)
                with session(by) as asked:
                    return {**read_facts(asked, None), "server_version": _dumped_from(restored)}
        except ProgramFailed as e:
            raise IntegrityError(f"the restored database cannot be read: {e.words}") from e


class _Checked:
    """Hands on what pg_dump writes, and the same to a pg_restore that takes it apart and writes nothing."""

    def __init__(self, dump: Running, check: Running) -> None:
        self._dump, self._check = dump, check

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._dump.output.readinto(buffer)  # type: ignore[attr-defined] # IO[bytes] lacks what every such has
        if count:
            try:
                self._check.input.write(buffer[:count])
            except BrokenPipeError as e:
                raise _incomplete(self._check.words) from e
        return int(count)


@contextmanager
def _dump(by: Client, exported: str) -> Iterator[_Checked]:
    arguments: list[str | Path] = [
        by.kit.find("pg_dump"), "--format=custom", "--compress=0", f"--snapshot={exported}",
        f"--lock-wait-timeout={LOCK_WAIT_MS}", "--no-password", f"--dbname={by.conninfo}",
    ]  # fmt: skip
    with started(arguments, extra=by.extra) as dump, _checker(by) as check:
        yield _Checked(dump, check)
        dump.finish()
        try:
            check.finish()
        except ProgramFailed as e:
            raise _incomplete(e.words) from e


@contextmanager
def _checker(by: Client) -> Iterator[Running]:
    arguments: list[str | Path] = [by.kit.find("pg_restore"), "--exit-on-error", "--file", os.devnull]
    with started(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as check:
        yield check


def _incomplete(words: str) -> SnapshotFailed:
    return SnapshotFailed(f"the dump is not whole: {words.strip()[-300:]}", code="backup.dump_incomplete")


def _check(restored: Path) -> None:
    """Before a server is started for it."""
    _pg_restore(["--file", os.devnull], restored)


def _restore(by: Client, restored: Path) -> None:
    """Owners and grants name roles of the source's server, which a scratch server does not have."""
    _pg_restore(
        ["--no-owner", "--no-privileges", "--no-password", f"--dbname={by.conninfo}"], restored, by.extra
    )


def _pg_restore(arguments: list[str], restored: Path, extra: dict[str, str] | None = None) -> None:
    try:
        run([KIT.find("pg_restore"), "--exit-on-error", *arguments, restored], extra=extra, limit_s=None)
    except ProgramFailed as e:
        if re.search(_ELSEWHERE, e.words):
            raise SnapshotFailed(
                f"this computer has not what the dump needs to be restored: {e.words.strip()[-300:]}",
                code="backup.no_checker",
                retriable=False,
            ) from e
        raise IntegrityError(f"pg_restore finds the dump damaged: {e.words.strip()[-300:]}") from e
    except SnapshotFailed as e:
        raise SnapshotFailed(str(e), code="backup.no_checker", retriable=False) from e


def _dumped_from(restored: Path) -> str:
    """The source's version, as the dump states it."""
    listed = run([KIT.find("pg_restore"), "--list", restored])
    found = re.search(r"Dumped from database version: (.*)", listed)
    return found.group(1).strip() if found else ""


def _encoding(restored: Path) -> str:
    script = run([KIT.find("pg_restore"), "--schema-only", "--table=no_such", "--file", "-", restored])
    found = re.search(r"client_encoding = '(\w+)'", script)
    return found.group(1) if found else "UTF8"


def _file_name(by: Client) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", by.address.database) or "database"

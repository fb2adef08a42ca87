"""One database of MariaDB or MySQL as a logical dump in one transaction: nobody waits who uses InnoDB. The facts are
counted from the dump itself while it passes (mariadb_dump.py), and from a second dump of what was restored.
(https://mariadb.com/kb/en/mariadb-dump/, https://dev.mysql.com/doc/refman/8.0/en/mysqldump.html)

Tables without transactions (MyISAM, Aria) are not of the same moment as the others; `tables_without_transactions` says
how many there are."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.backup.engines import Cut, Evidence, Facts, Pace, Part, Snapshot
from agent.backup.engines.mariadb_client import MEANINGS, Client, client
from agent.backup.engines.mariadb_dump import DumpReader
from agent.backup.engines.mariadb_scratch import scratch_server
from agent.backup.engines.program import ProgramFailed, Running, failed, run, started
from protocols.errors import IntegrityError, SnapshotFailed

OPTIONS = (
    "--single-transaction", "--quick", "--skip-extended-insert", "--order-by-primary", "--hex-blob", "--routines",
    "--triggers", "--events", "--skip-dump-date", "--no-tablespaces", "--default-character-set=utf8mb4",
)  # fmt: skip
"""One row per INSERT in the order of its key, and no date: a day of few receipts changes few bytes."""
HEAD_BYTES = 1 << 16
_NO_CHECKER = ("backup.no_checker", "backup.program_missing")


@dataclass(frozen=True, slots=True)
class MariadbEngine:
    name: str = "mariadb"
    evidence: Evidence = Evidence.REAL

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:  # noqa: ARG002 - only streams
        by = client(source)
        counted: dict[str, Facts] = {}

        with _dump(by) as passing:

            @contextmanager
            def opened() -> Iterator[_Passing]:
                yield passing
                counted["facts"] = passing.finish()

            part = Part(f"{_file_name(by)}.sql", opened, Cut.CHUNKS)
            yield Snapshot([part], lambda: counted["facts"], "dump")

    def verify(self, restored: Path, scratch: Path) -> Facts:
        """Where the last line is missing, nothing else is tried."""
        version = str(_read(restored)["server_version"])
        try:
            with scratch_server(scratch) as server:
                server.load("restored", restored)
                server.check("restored")
                with _dump(server.client("restored")) as passing:
                    passing.drain()
                    return {**passing.finish(), "server_version": version}
        except ProgramFailed as e:
            raise IntegrityError(f"the dump cannot be restored: {e.words.strip()[-300:]}") from e
        except SnapshotFailed as e:
            if e.code in _NO_CHECKER:
                raise SnapshotFailed(str(e), code="backup.no_checker", retriable=False) from e
            raise IntegrityError(f"the restored database cannot be read: {e}") from e


@dataclass(slots=True)
class _Passing:
    """Hands on what the program writes and reads along."""

    dump: Running
    reader: DumpReader = field(default_factory=DumpReader)
    head: bytes = b""

    def begin(self) -> None:
        """Waits until the dump has chosen its moment, which it does before its first table."""
        while not self.reader.begun:
            piece = self.dump.output.read(HEAD_BYTES)
            if not piece:
                return
            self.reader.feed(piece)
            self.head += piece

    def readinto(self, buffer: memoryview, /) -> int:
        if self.head:
            count = min(len(buffer), len(self.head))
            buffer[:count] = self.head[:count]
            self.head = self.head[count:]
        else:
            count = self.dump.output.readinto(buffer)  # type: ignore[attr-defined] # IO[bytes] lacks what every such has
            self.reader.feed(buffer[:count])
        return count

    def drain(self) -> None:
        buffer = memoryview(bytearray(HEAD_BYTES))
        while self.readinto(buffer):
            pass

    def finish(self) -> Facts:
        try:
            self.dump.finish()
        except ProgramFailed as e:
            raise failed(e, MEANINGS) from e
        facts = self.reader.finish()
        if facts is None:
            raise SnapshotFailed("the dump ends without its last line", code="backup.dump_incomplete")
        return facts


@contextmanager
def _dump(by: Client) -> Iterator[_Passing]:
    program = by.dump_program()
    own = () if "MariaDB" in run([program, "--version"]) else ("--set-gtid-purged=OFF",)
    try:
        with started([program, *by.arguments, *OPTIONS, *own, by.address.database]) as dump:
            passing = _Passing(dump)
            passing.begin()
            if not passing.reader.begun:
                # it ended before its first table: with an error, or since the database is empty
                dump.finish()
            yield passing
    except ProgramFailed as e:
        raise failed(e, MEANINGS) from e


def _read(restored: Path) -> Facts:
    reader = DumpReader()
    with restored.open("rb") as file:
        while piece := file.read(HEAD_BYTES):
            try:
                reader.feed(piece)
            except (ValueError, IndexError) as e:
                raise IntegrityError(f"a row of the dump is damaged: {e}") from e
    facts = reader.finish()
    if facts is None:
        raise IntegrityError("the dump ends without its last line: it is not whole")
    return facts


def _file_name(by: Client) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", by.address.database) or "database"

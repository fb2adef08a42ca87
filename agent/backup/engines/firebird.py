"""One Firebird database as gbak writes it: a logical backup of one transaction, while all go on working. gbak tells how
many records of each table it wrote; sums it does not tell, and nobody else can look into its transaction before
Firebird 4 (engine firebird_pages has them). Not zipped, or every day would be a new one.
(https://firebirdsql.org/file/documentation/html/en/firebirddocs/gbak/firebird-gbak.html)"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.backup.engines import Cut, Evidence, Facts, Pace, Part, Scalar, Snapshot
from agent.backup.engines.firebird_client import KIT, MEANINGS, Client, client, embedded
from agent.backup.engines.firebird_facts import read_rows
from agent.backup.engines.firebird_pages import validate
from agent.backup.engines.program import ProgramFailed, Running, failed, run, started
from agent.backup.engines.scratch import home
from protocols.errors import IntegrityError, SnapshotFailed

_HEAD = b"\x00\x02\x04"
"""A backup begins with the record "backup", and in it the attribute "format" of four bytes (burp/burp.h: rec_burp,
att_backup_format), as seen in backups of Firebird 3.0."""
_TABLE = re.compile(r"writing data for (?:table|relation) (.+?)\s*$")
_WRITTEN = re.compile(r"(\d+) records written")
_LAST = re.compile(r"closing file, committing, and finishing\. (\d+) bytes written\s*$")
PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class FirebirdEngine:
    name: str = "firebird"
    evidence: Evidence = Evidence.REAL

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:  # noqa: ARG002 - only streams
        by, log = client(source), staging / "gbak.log"
        counted: dict[str, Facts] = {}
        arguments: list[str | Path] = [
            by.kit.find("gbak"), "-backup_database", "-garbage_collect", "-verify", "-y", log, *by.account,
            by.database, "stdout",
        ]  # fmt: skip
        try:
            with started(arguments) as running:
                passing = _Passing(running)
                passing.begin()

                @contextmanager
                def opened() -> Iterator[_Passing]:
                    yield passing
                    running.finish()
                    counted["facts"] = _facts(passing, log)

                yield Snapshot(
                    [Part(f"{_stem(by)}.fbk", opened, Cut.CHUNKS)], lambda: counted["facts"], "gbak"
                )
        except ProgramFailed as e:
            # what it says goes to the log
            raise failed(ProgramFailed(e.program, e.code, e.words + _read(log)), MEANINGS) from e

    def verify(self, restored: Path, scratch: Path) -> Facts:
        with restored.open("rb") as file:
            head = file.read(16)
        if not head.startswith(_HEAD):
            raise IntegrityError("this is no backup of gbak")
        with home(scratch) as place:
            database, log = place.folder / "restored.fdb", place.folder / "gbak.log"
            by = embedded(database, place.folder / "lock")
            try:
                _restore(by, restored, log)
                validate(by)
                rows = read_rows(by)
            except ProgramFailed as e:
                words = (e.words + _read(log)).strip()[-300:]
                raise IntegrityError(f"gbak finds the backup damaged: {words}") from e
            except SnapshotFailed as e:
                raise SnapshotFailed(str(e), code="backup.no_checker", retriable=False) from e
        return _together(head, restored.stat().st_size, rows)


@dataclass(slots=True)
class _Passing:
    running: Running
    head: bytes = b""
    done: int = 0
    first: bytes = field(default=b"", init=False)

    def begin(self) -> None:
        """Waits for the first bytes: the transaction has begun then."""
        self.head = self.running.output.read1(PIECE_BYTES)  # type: ignore[attr-defined] # IO[bytes] does not know it
        self.first = self.head[:16]
        if not self.head:
            self.running.finish()

    def readinto(self, buffer: memoryview, /) -> int:
        if self.head:
            count = min(len(buffer), len(self.head))
            buffer[:count] = self.head[:count]
            self.head = self.head[count:]
        else:
            count = self.running.output.readinto(buffer)  # type: ignore[attr-defined] # nor this
        self.done += count
        return count


def _facts(passing: _Passing, log: Path) -> Facts:
    said = log.read_text(encoding="utf-8", errors="replace")
    last = _LAST.search(said)
    if not last or int(last.group(1)) != passing.done:
        raise SnapshotFailed(
            f"gbak did not finish: {said.strip().splitlines()[-1:] or 'it said nothing'}, {passing.done} bytes came",
            code="backup.dump_incomplete",
        )
    return _together(passing.first, passing.done, _rows(said))


def _rows(said: str) -> dict[str, Scalar]:
    """Of a long table it tells on the way, too: its last number counts."""
    rows: dict[str, Scalar] = {}
    table = ""
    for line in said.splitlines():
        if begun := _TABLE.search(line):
            table = begun.group(1)
        elif written := _WRITTEN.search(line):
            rows[f"rows.{table}"] = int(written.group(1))
    return rows


def _together(head: bytes, size: int, rows: dict[str, Scalar]) -> Facts:
    return {
        "backup_format": int.from_bytes(head[len(_HEAD) : len(_HEAD) + 4], "little"),
        "dump_bytes": size,
        "tables": len(rows),
        "rows": sum(int(count or 0) for count in rows.values()),
        **rows,
    }


def _restore(by: Client, restored: Path, log: Path) -> None:
    """gbak asks for the next volume where a backup is cut, and is given none."""
    gbak = KIT.find("gbak")
    run([gbak, "-create_database", "-verify", "-y", log, *by.account, restored, by.database], extra=by.extra,
        limit_s=None)  # fmt: skip
    said = _read(log)
    if "finishing, closing, and going home" not in said or "ERROR" in said:
        raise ProgramFailed("gbak", 0, said[-1000:])


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _stem(by: Client) -> str:
    name = re.split(r"[/\\]", by.address.database)[-1].partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]", "-", name) or "database"

"""One database of an MS SQL Server, written by the server itself into a folder where both it and the agent may look,
checked by it, and read page by page. The counts are taken from its catalogue before and after: what is equal both times
was so in between.

Known from documentation and a faked server only (`evidence`)."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from agent.backup.engines import Cut, Evidence, Facts, Pace, Scalar, Snapshot, file_part
from agent.backup.engines import mssql_statement as say
from agent.backup.engines.address import Address
from agent.backup.engines.mssql_client import Server, address, server
from protocols.errors import IntegrityError, SnapshotFailed

CHECKER = "PLOMBA_MSSQL_CHECKER"
"""Names the server that backups are restored into, as a source is named: no agent has one by itself."""
COPY, COUNTED = "backup.bak", "counted.json"
PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class MssqlEngine:
    name: str = "mssql"
    evidence: Evidence = Evidence.FAKED

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:
        where = address(source)
        written = _in_folder(where, f"plomba-{where.database}.bak")
        seen = _as_seen(where, written)
        pace.between(0, 1)
        try:
            facts = _back_up(where, written)
            if not seen.exists():
                raise SnapshotFailed(
                    f"the server wrote {written}, and the agent does not see it as {seen}: name the folder as the agent"
                    " sees it with &read_as=FOLDER",
                    code="backup.folder_missing",
                    retriable=False,
                )
            counted = staging / COUNTED
            counted.write_text(json.dumps(sorted(facts)), encoding="utf-8")
            parts = [
                file_part(f"{where.database}/{COPY}", seen, Cut.PAGES, page_bytes=PAGE_BYTES),
                file_part(f"{where.database}/{COUNTED}", counted, Cut.CHUNKS),
            ]
            yield Snapshot(parts, lambda: facts, "backup", sum(part.size_bytes or 0 for part in parts))
        except PermissionError as e:
            raise SnapshotFailed(
                f"the agent may not read {seen}, which the server wrote: give its account that right on the folder",
                code="backup.access_denied",
                retriable=False,
            ) from e
        finally:
            with suppress(OSError):  # what is left is written over next time
                seen.unlink()

    def verify(self, restored: Path, scratch: Path) -> Facts:  # noqa: ARG002 - the server has its own places
        source = os.environ.get(CHECKER)
        if not source:
            raise SnapshotFailed(
                "no SQL Server to restore into is named here: set PLOMBA_MSSQL_CHECKER to its address",
                code="backup.no_checker",
                retriable=False,
            )
        (inside,) = restored.iterdir()
        names = json.loads((inside / COUNTED).read_text(encoding="utf-8"))
        where = address(source)
        written = _in_folder(where, f"plomba-check-{secrets.token_hex(4)}.bak")
        seen = _as_seen(where, written)
        try:
            shutil.copyfile(inside / COPY, seen)
            facts = _restored(where, written)
        finally:
            seen.unlink(missing_ok=True)
        return {name: facts[name] for name in names if name in facts}


def _back_up(where: Address, written: str) -> dict[str, Scalar]:
    with server(where) as asked:
        before = _counted(asked, where.database)
        if not asked.ask(say.backup(where.database, written)).says(say.SUCCEEDED):
            raise SnapshotFailed(
                "the server did not say that the backup succeeded", code="backup.dump_incomplete"
            )
        after = _counted(asked, where.database)
        _verify(asked, written)
        return _set(asked, written) | say.stable(before, after)


def _counted(asked: Server, database: str) -> dict[str, Scalar]:
    answer = asked.ask(f"USE {say.name(database)}; {say.TABLES}")
    asked.ask("USE master")
    return say.table_facts(answer.rows)


def _verify(asked: Server, written: str) -> None:
    if not asked.ask(say.verify(written)).says(say.VERIFIED):
        raise SnapshotFailed("the server did not find its backup valid", code="backup.dump_incomplete")


def _set(asked: Server, written: str) -> dict[str, Scalar]:
    files = asked.ask(say.file_list(written))
    return say.set_facts(asked.ask(say.header(written)).first, len(files.rows))


def _restored(where: Address, written: str) -> dict[str, Scalar]:
    """Restored under a name of its own, checked, counted and dropped again."""
    database = f"plomba_check_{secrets.token_hex(4)}"
    with server(where) as asked:
        try:
            _verify(asked, written)
            facts = _set(asked, written)
            listed = asked.ask(say.file_list(written))
            logical = [str(row[listed.columns.index("LogicalName")]) for row in listed.rows]
            moves = {name: _in_folder(where, f"{database}-{at}") for at, name in enumerate(logical)}
            asked.ask(say.restore(database, written, moves))
            try:
                said = asked.ask(say.check(database)).messages
                if any(message.severity > 10 for message in said):
                    raise IntegrityError(f"DBCC CHECKDB: {said[0].text}")
                return facts | _counted(asked, database)
            finally:
                asked.ask(say.drop(database))
        except SnapshotFailed as e:
            if e.code in ("backup.source_unreachable", "backup.access_denied", "backup.version_mismatch"):
                raise SnapshotFailed(str(e), code="backup.no_checker", retriable=False) from e
            raise IntegrityError(f"SQL Server finds the backup damaged: {e}") from e


def _in_folder(where: Address, name: str) -> str:
    """A path as the server sees it."""
    folder = where.options["folder"]
    return str(PureWindowsPath(folder) / name) if "\\" in folder else f"{folder.rstrip('/')}/{name}"


def _as_seen(where: Address, written: str) -> Path:
    """The same file as the agent sees it."""
    folder = where.options.get("read_as")
    return Path(folder) / PureWindowsPath(written).name if folder else Path(written)

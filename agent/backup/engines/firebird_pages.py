"""One Firebird database page by page: in backup mode its file stands still and the engine writes beside it, so a plain
copy is of one moment. Its file has to be on this computer. nbackup's own levels are not used: each would begin a new
chain and so break that of somebody else. (https://firebirdsql.org/file/documentation/html/en/firebirddocs/nbackup)

The mode survives everything but its end, and meanwhile the file beside grows. So a note outlives a run that is killed,
and the next one ends what it began."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.backup.engines import Cut, Evidence, Facts, Pace, Snapshot, file_part
from agent.backup.engines.firebird_client import EXAMPLE, KIT, MEANINGS, Client, client, embedded
from agent.backup.engines.firebird_facts import read_facts
from agent.backup.engines.program import ProgramFailed, failed, run
from agent.backup.engines.scratch import home
from protocols.errors import ConfigError, IntegrityError, SnapshotFailed

PIECE_BYTES = 1 << 20
_HERE = ("", "localhost", "127.0.0.1", "::1")
_BEGIN, _END = "ALTER DATABASE BEGIN BACKUP;", "ALTER DATABASE END BACKUP;"


@dataclass(frozen=True, slots=True)
class FirebirdPagesEngine:
    name: str = "firebird_pages"
    evidence: Evidence = Evidence.REAL

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:
        by = client(source)
        path = _path(by)
        copy = staging / "database.fdb"
        try:
            # whoever waits, waits before: in backup mode the file beside grows
            pace.between(0, path.stat().st_size)
            with _standing(by, staging):
                _copy(path, copy)
            mine = embedded(copy, staging / "lock", by.kit)
            run([by.kit.find("nbackup"), "-FIXUP", copy], extra=mine.extra)
            facts = read_facts(mine)
        except ProgramFailed as e:
            raise failed(e, MEANINGS) from e
        page_bytes = int(facts["page_size"] or 0)
        part = file_part(path.name, copy, Cut.PAGES, page_bytes=page_bytes)
        yield Snapshot([part], lambda: facts, "backup-mode", part.size_bytes)

    def verify(self, restored: Path, scratch: Path) -> Facts:
        """On a copy: the engine writes into every database that it opens."""
        with home(scratch) as place:
            copy = place.folder / "copy.fdb"
            shutil.copyfile(restored, copy)
            by = embedded(copy, place.folder / "lock")
            try:
                validate(by)
                facts = read_facts(by)
            except ProgramFailed as e:
                raise IntegrityError(f"Firebird finds the database damaged: {e.words.strip()[-300:]}") from e
            except SnapshotFailed as e:
                raise SnapshotFailed(str(e), code="backup.no_checker", retriable=False) from e
            if copy.stat().st_size % int(facts["page_size"] or 1):
                raise IntegrityError("the last page of the database is cut off")
            return facts


def validate(by: Client) -> None:
    """All pages and records; whatever gfix has to say is a complaint. ProgramFailed."""
    said = run(
        [KIT.find("gfix"), "-validate", "-full", *by.account, by.database], extra=by.extra, limit_s=None
    )
    if said.strip():
        raise ProgramFailed("gfix", 0, said)


def _path(by: Client) -> Path:
    path = Path(by.address.database)
    if by.address.host not in _HERE or not path.is_absolute():
        problem = "the pages are read from the file itself, so it is a whole path on this computer"
        raise ConfigError("[[backup]]", "source", problem, EXAMPLE)
    if not path.exists():
        raise SnapshotFailed(f"{path} is not there", code="backup.source_missing", retriable=False)
    return path


@contextmanager
def _standing(by: Client, staging: Path) -> Iterator[None]:
    """Backup mode, ended whatever happens. ProgramFailed; SnapshotFailed `backup.source_stalled`."""
    note = staging.with_name(f"{staging.name}.backup-mode")
    if note.exists() and note.read_text(encoding="utf-8") == by.database:
        by.isql(_END)
    note.write_text(by.database, encoding="utf-8")
    try:
        by.isql(_BEGIN)
    except ProgramFailed:
        note.unlink()
        raise
    try:
        yield
    finally:
        by.isql(_END)
        note.unlink()


def _copy(path: Path, copy: Path) -> None:
    buffer = memoryview(bytearray(PIECE_BYTES))
    try:
        source = path.open("rb", buffering=0)
    except OSError as e:
        raise SnapshotFailed(
            f"{path} may not be read: add the agent's account to the group of the server's ({e.strerror})",
            code="backup.access_denied",
            retriable=False,
        ) from e
    with source, copy.open("wb") as out:
        while count := source.readinto(buffer):
            out.write(buffer[:count])

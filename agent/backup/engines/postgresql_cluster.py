"""A whole PostgreSQL cluster as a base backup: all databases, roles and settings, with the log that makes them one
moment, while all go on working. (https://www.postgresql.org/docs/current/app-pgbasebackup.html,
.../app-pgverifybackup.html) The server writes a manifest with the SHA-256 of every file, by which the copy is checked
before it is stored and after it is restored; then a server of our own is started over it and every row is read."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agent.backup.engines import (
    Cut,
    Evidence,
    Facts,
    Kind,
    Pace,
    Part,
    Scalar,
    Snapshot,
    bare_part,
    file_part,
)
from agent.backup.engines.postgresql_client import KIT, MEANINGS, Client, client, session
from agent.backup.engines.postgresql_scratch import QUICK, do, listening, running
from agent.backup.engines.program import Kit, ProgramFailed, failed, run
from agent.backup.engines.scratch import Home, home
from protocols.errors import IntegrityError, SnapshotFailed

PAGE_BYTES = 8192
_CLUSTER, _SETTINGS = "cluster", "settings"
_MANIFEST = "backup_manifest"
_OUTSIDE = """
SELECT to_json(f.setting) FROM pg_settings f, pg_settings d
WHERE f.name IN ('config_file', 'hba_file', 'ident_file') AND d.name = 'data_directory'
  AND NOT starts_with(f.setting, d.setting || '/')"""
"""Settings that the distribution keeps elsewhere (Debian: /etc/postgresql), where a base backup does not find them.
Only for accounts with pg_read_all_settings."""


@dataclass(frozen=True, slots=True)
class PostgresqlClusterEngine:
    name: str = "postgresql_cluster"
    evidence: Evidence = Evidence.REAL

    @contextmanager
    def snapshot(self, source: str, staging: Path, pace: Pace) -> Iterator[Snapshot]:
        by = client(source)
        folder = staging / _CLUSTER
        try:
            outside = _settings_outside(by)
            _no_tablespaces(by)
            pace.between(0, 1)
            run([
                by.kit.find("pg_basebackup"), f"--pgdata={folder}", "--wal-method=stream", "--checkpoint=fast",
                "--manifest-checksums=SHA256", "--no-password", "--no-sync", f"--dbname={by.conninfo}",
            ], extra=by.extra, limit_s=None)  # fmt: skip
            _verify(folder, by.kit)
        except ProgramFailed as e:
            raise failed(e, MEANINGS) from e
        parts = [*_parts(folder), *_settings(outside)]
        facts = _facts(folder)
        yield Snapshot(parts, lambda: facts, "base-backup", sum(part.size_bytes or 0 for part in parts))

    def verify(self, restored: Path, scratch: Path) -> Facts:
        folder = restored / _CLUSTER
        try:
            facts = _facts(folder)
            kit = _kit(str(facts["server_version"]))
            _verify(folder, kit)
            with home(scratch) as place:
                _start(folder, kit, place, int(facts["databases"] or 0))
        except ProgramFailed as e:
            raise IntegrityError(f"PostgreSQL finds the base backup damaged: {e.words.strip()[-300:]}") from e
        return facts


def _kit(version: str) -> Kit:
    """A cluster opens with its own version only."""
    for pattern in KIT.places:
        folder = Path(pattern.replace("*", version))
        if folder.is_dir():
            return replace(KIT, folder=folder)
    raise SnapshotFailed(
        f"a server of PostgreSQL {version} is needed to check this backup (Debian: postgresql-{version})",
        code="backup.no_checker",
        retriable=False,
    )


def _no_tablespaces(by: Client) -> None:
    with session(by) as asked:
        count = asked.one("SELECT to_json(count(*)) FROM pg_tablespace WHERE spcname !~ '^pg_'")
    if count:
        raise SnapshotFailed(
            "the cluster has tablespaces outside its folder: back up its databases one by one with the engine"
            " postgresql",
            code="backup.source_wrong",
            retriable=False,
        )


def _settings_outside(by: Client) -> list[Path]:
    with session(by) as asked:
        named = [Path(str(setting)) for setting in asked.rows(_OUTSIDE)]
    return [path for path in named if path.is_file()]


def _verify(folder: Path, kit: Kit) -> None:
    """Every file against the manifest, and the manifest against its own checksum."""
    said = run([kit.find("pg_verifybackup"), folder], limit_s=None)
    if "successfully verified" not in said:
        raise ProgramFailed("pg_verifybackup", 0, said)


def _parts(folder: Path) -> Iterator[Part]:
    for path in sorted(folder.rglob("*")):
        name = f"{_CLUSTER}/{path.relative_to(folder).as_posix()}"
        if path.is_dir():
            yield bare_part(name, Kind.FOLDER, {"mode": 0o700})
        else:
            yield replace(file_part(name, path, Cut.PAGES, page_bytes=PAGE_BYTES), meta={"mode": 0o600})


def _settings(outside: list[Path]) -> Iterator[Part]:
    """Those that may be read."""
    for path in outside:
        try:
            path.open("rb").close()
        except OSError:
            continue
        yield file_part(f"{_SETTINGS}/{path.name}", path, Cut.CHUNKS)


def _facts(folder: Path) -> dict[str, Scalar]:
    """From the manifest, which the server wrote as it read. IntegrityError."""
    try:
        text = (folder / _MANIFEST).read_text(encoding="utf-8")
        manifest = json.loads(text)
        files, (log, *_) = manifest["Files"], manifest["WAL-Ranges"]
        paths = [str(file.get("Path", "")) for file in files]
        return {
            "server_version": (folder / "PG_VERSION").read_text(encoding="ascii").strip(),
            "files": len(files),
            "bytes": sum(int(file["Size"]) for file in files),
            "databases": sum(bool(re.fullmatch(r"base/\d+/PG_VERSION", path)) for path in paths),
            "timeline": int(log["Timeline"]),
            "log_from": str(log["Start-LSN"]),
            "log_to": str(log["End-LSN"]),
            "manifest": str(manifest["Manifest-Checksum"]),
        }
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise IntegrityError(f"the base backup has no sound manifest: {e}") from e


def _start(folder: Path, kit: Kit, place: Home, databases: int) -> None:
    """A copy, since a server writes. It recovers to the backup's moment by itself; then every row of every database is
    read."""
    if sys.platform == "win32":
        # its sockets cannot be closed to other accounts of this computer
        raise SnapshotFailed(
            "base backups are started on Linux only", code="backup.no_checker", retriable=False
        )
    data = place.folder / "data"
    shutil.copytree(folder, data)
    data.chmod(0o700)
    settings = _own_settings(place)
    place.give(data)
    alone = ["--single", "-D", "data", *(f"-c{each}" for each in (*QUICK, *settings)), "template1"]
    said = do(place, kit, "postgres", *alone, stdin="SELECT rolname FROM pg_authid WHERE oid = 10")
    owner = re.search(r'rolname = "([^"]*)"', said)
    if not owner:
        raise ProgramFailed("postgres", 0, said[-300:] or "it did not answer")
    where, port = listening(place)
    with running(place, kit, where, port, settings):
        by = client(f"postgresql://{owner.group(1)}@/template1?host={where}&port={port}")
        with session(by) as asked:
            count = asked.one("SELECT to_json(count(*)) FROM pg_database")
        if count != databases:
            raise ProgramFailed("postgres", 0, f"{count} databases instead of {databases}")
        do(
            place,
            kit,
            "pg_dumpall",
            "--no-sync",
            "--no-password",
            f"--file={os.devnull}",
            f"--dbname={by.conninfo}",
        )


def _own_settings(place: Home) -> list[str]:
    """The cluster's own may name files, libraries and addresses that are not here; its door is ours alone."""
    files = {"config_file": "", "hba_file": "local all all trust\n", "ident_file": ""}
    for name, text in files.items():
        (place.folder / name).write_text(text, encoding="ascii")
        place.give(place.folder / name)
    return [f"{name}={place.folder / name}" for name in files]

"""What is said to an MS SQL Server for a backup, and what its messages mean. Pure; written from Microsoft's
documentation (https://learn.microsoft.com/sql/t-sql/statements/backup-transact-sql,
.../restore-statements-headeronly-transact-sql, .../errors-events): no such server can be installed where Plomba is
built."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.backup.engines import Scalar
from protocols.errors import SnapshotFailed

SUCCEEDED, VERIFIED = 3014, 3262
"""Messages: BACKUP DATABASE successfully processed ...; The backup set on file 1 is valid."""
_FOLLOWING = {3013, 3041, 3621}
"""Say only that a statement failed; why, another message said before."""

TABLES = (
    "SELECT s.name, t.name, SUM(p.rows), MAX(CAST(i.last_value AS bigint)) FROM sys.tables t"
    " JOIN sys.schemas s ON s.schema_id = t.schema_id"
    " JOIN sys.partitions p ON p.object_id = t.object_id AND p.index_id IN (0, 1)"
    " LEFT JOIN sys.identity_columns i ON i.object_id = t.object_id"
    " WHERE t.is_ms_shipped = 0 GROUP BY s.name, t.name ORDER BY s.name, t.name"
)
"""From the catalogue alone: to count the rows would lock out those who write."""


@dataclass(frozen=True, slots=True)
class Message:
    """Errors have a severity above 10; others tell, for example how far a backup is."""

    number: int
    severity: int
    text: str


def name(identifier: str) -> str:
    return "[" + identifier.replace("]", "]]") + "]"


def text(value: str) -> str:
    return "N'" + value.replace("'", "''") + "'"


def backup(database: str, file: str) -> str:
    """COPY_ONLY leaves somebody else's chain of differential backups alone; NO_COMPRESSION overrules the server's own
    default, for compressed pages would all be new every day."""
    return (
        f"BACKUP DATABASE {name(database)} TO DISK = {text(file)}"
        " WITH COPY_ONLY, CHECKSUM, NO_COMPRESSION, INIT, FORMAT, STATS = 5"
    )


def verify(file: str) -> str:
    return f"RESTORE VERIFYONLY FROM DISK = {text(file)} WITH CHECKSUM"


def header(file: str) -> str:
    return f"RESTORE HEADERONLY FROM DISK = {text(file)}"


def file_list(file: str) -> str:
    return f"RESTORE FILELISTONLY FROM DISK = {text(file)}"


def restore(database: str, file: str, moves: Mapping[str, str]) -> str:
    """`moves`: where each logical file goes."""
    moved = "".join(f", MOVE {text(logical)} TO {text(path)}" for logical, path in moves.items())
    return f"RESTORE DATABASE {name(database)} FROM DISK = {text(file)} WITH CHECKSUM, STATS = 5{moved}"


def check(database: str) -> str:
    return f"DBCC CHECKDB ({name(database)}) WITH NO_INFOMSGS, ALL_ERRORMSGS"


def drop(database: str) -> str:
    return f"DROP DATABASE {name(database)}"


def set_facts(head: Mapping[str, object], files: int) -> dict[str, Scalar]:
    """What the backup set says of itself: the same wherever it is read."""
    major, minor, build = (head.get(f"SoftwareVersion{part}") for part in ("Major", "Minor", "Build"))
    facts: dict[str, Scalar] = {
        "server_version": f"{major}.{minor}.{build}",
        "set": str(head.get("BackupSetGUID")),
        "backup_bytes": int(str(head.get("BackupSize") or 0)),
        "files": files,
    }
    for fact, column in (
        ("first_lsn", "FirstLSN"),
        ("last_lsn", "LastLSN"),
        ("checkpoint_lsn", "CheckpointLSN"),
    ):
        facts[fact] = str(head.get(column))
    for fact, column in (
        ("copy_only", "IsCopyOnly"),
        ("checksums", "HasBackupChecksums"),
        ("damaged", "IsDamaged"),
    ):
        facts[fact] = bool(head.get(column))
    return facts


def table_facts(rows: Iterable[Sequence[object]]) -> dict[str, Scalar]:
    """`rows.T`, and of a table that numbers its rows `last.T`."""
    facts: dict[str, Scalar] = {}
    for schema, table, count, last in rows:
        shown = str(table) if schema == "dbo" else f"{schema}.{table}"
        facts[f"rows.{shown}"] = int(str(count or 0))
        if last is not None:
            facts[f"last.{shown}"] = int(str(last))
    return facts


def stable(before: Mapping[str, Scalar], after: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """What was counted equal before and after the backup was so in it as well. The rest is unknown."""
    return {fact: value for fact, value in before.items() if after.get(fact, object()) == value}


@dataclass(frozen=True, slots=True)
class _Meaning:
    numbers: frozenset[int]
    code: str
    advice: str
    retriable: bool = False


_MEANINGS = (
    _Meaning(frozenset({18456, 18452, 18486, 18487, 18488}), "backup.access_denied",
             "the server does not let the account in: put its password into a file that only the agent may read and"
             " name it with ?password_file=FILE in the source"),
    _Meaning(frozenset({911, 4060, 916}), "backup.source_missing",
             "the server has no such database for this account: correct the name in the source"),
    _Meaning(frozenset({262, 229, 15247, 21089}), "backup.access_denied",
             "as an administrator of the server: ALTER ROLE db_backupoperator ADD MEMBER the account there, and"
             " GRANT CREATE ANY DATABASE TO the account: to read a backup back needs it"),
    _Meaning(frozenset({3023, 1205, 1222}), "backup.source_locked", "another backup or change is going on; tried later",
             True),
    _Meaning(frozenset({3043, 824, 823}), "backup.source_damaged",
             "the server found a damaged page in the database itself: run DBCC CHECKDB, and keep the older backups"),
    _Meaning(frozenset({3241, 3242, 3243, 3183, 3189, 3203, 3271}), "backup.dump_incomplete",
             "what the server wrote cannot be read back: look at the disk"),
    _Meaning(frozenset({3169, 3154}), "backup.version_mismatch", "the backup needs a newer server"),
)  # fmt: skip
_DEVICE = {3201, 3202}
_SYSTEM_ERROR = re.compile(r"(?:operating system error|Error:) (\d+)", re.IGNORECASE)
_NO_ROOM, _NO_PLACE, _DENIED = {112, 39}, {2, 3, 53, 67, 161}, {5, 1326}


def refusal(messages: Sequence[Message]) -> SnapshotFailed:
    """The first message that says why."""
    errors = [message for message in messages if message.severity > 10]
    telling = [message for message in errors if message.number not in _FOLLOWING] or errors or list(messages)
    words = " / ".join(f"{message.number}: {message.text}" for message in telling[:2])[:400]
    for message in telling:
        if message.number in _DEVICE:
            return _device(message, words)
        for meaning in _MEANINGS:
            if message.number in meaning.numbers:
                return SnapshotFailed(
                    f"{meaning.advice} ({words})", code=meaning.code, retriable=meaning.retriable
                )
    return SnapshotFailed(f"the server refused; its error log says why ({words or 'without a word'})")


def _device(message: Message, words: str) -> SnapshotFailed:
    """The server could not open or write its file; the number of the operating system says why."""
    found = _SYSTEM_ERROR.search(message.text)
    number = int(found.group(1)) if found else 0
    if number in _NO_ROOM:
        return SnapshotFailed(
            f"no room for the backup in the folder of the source ({words})", code="backup.staging"
        )
    if number in _NO_PLACE:
        advice = "the server does not see the folder that the source names: make it, on the server's own disk"
        return SnapshotFailed(f"{advice} ({words})", code="backup.folder_missing", retriable=False)
    if number in _DENIED:
        advice = "the account that SQL Server runs as may not write into the folder of the source: give it that right"
        return SnapshotFailed(f"{advice} ({words})", code="backup.access_denied", retriable=False)
    return SnapshotFailed(f"the server could not write its backup ({words})", code="backup.staging")

"""Erasures done once more in a restored SQLite database, before anybody works with it. Only in columns that the till's
own configuration names: a list alone, whoever wrote it, deletes nothing."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from protocols.errors import BackupError
from protocols.wire.erasure import Erasure, Erasures, digest_of


@dataclass(frozen=True, slots=True)
class Erased:
    """`rows` by column. `left`: entries that were not done, because nothing here allows their column, or the database
    is of a kind in which it cannot be done."""

    rows: Mapping[str, int]
    left: int


def parsed(document: bytes) -> Erasures:
    """BackupError backup.erasures."""
    try:
        return Erasures.model_validate_json(document)
    except ValidationError as e:
        raise BackupError("the list of erasures is not as agreed", code="backup.erasures") from e


def erase(database: Path, wanted: Sequence[Erasure], allowed: Collection[str], engine: str) -> Erased:
    """What is deleted is overwritten in the file, too. BackupError backup.erasures where the database does not let it:
    then all of it is as before."""
    doable = [one for one in wanted if engine == "sqlite" and one.column in allowed]
    left = len(wanted) - len(doable)
    if not doable:
        return Erased({}, left)
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as opened:
            opened.execute("PRAGMA secure_delete=ON")
            opened.execute("BEGIN IMMEDIATE")
            rows = {name: _column(opened, name, doable) for name in sorted({one.column for one in doable})}
            opened.execute("COMMIT")
            opened.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as e:
        raise BackupError(f"erasures could not be done once more: {e}", code="backup.erasures") from e
    return Erased(rows, left)


def _column(opened: sqlite3.Connection, name: str, wanted: Sequence[Erasure]) -> int:
    """How many rows went. The name is one of the wire's, which holds letters, digits and underscores only."""
    table, column = name.split(".")
    here = [one for one in wanted if one.column == name]
    found = [
        (row,)
        for row, value in opened.execute(f'SELECT rowid, "{column}" FROM "{table}"')  # noqa: S608 - see above
        if isinstance(value, str | int) and any(digest_of(one.salt, str(value)) == one.digest for one in here)
    ]
    opened.executemany(f'DELETE FROM "{table}" WHERE rowid = ?', found)  # noqa: S608 - see above
    return len(found)

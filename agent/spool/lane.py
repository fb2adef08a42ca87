"""What both lanes of the spool share: the rows as they go on the wire, and the counters of a lane. Every function
works inside the transaction of its caller."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from protocols.wire import v1


@dataclass(frozen=True, slots=True)
class Row:
    """One message as it goes on the wire, byte for byte."""

    seq: int
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """`chain`: the link of the last row, or where there is none the link up to which the lane is complete; b"" on
    the loose lane."""

    epoch: int
    rows: tuple[Row, ...]
    more: bool
    """Something of this lane waits behind these."""
    lane: v1.Lane = v1.Lane.ORDERED
    chain: bytes = b""


@dataclass(slots=True)
class Counters:
    """`rows` and `bytes` wait for the collector; `kept_rows` and `kept_bytes` are stored there and still here.
    `complete_to`: on the ordered lane the collector has everything up to it; on the loose lane it has taken so
    many since it was last found to have been put back."""

    name: v1.Lane
    epoch: int
    last_seq: int
    complete_to: int
    chain: bytes
    rows: int
    bytes: int
    kept_rows: int
    kept_bytes: int

    def put(self, size: int) -> None:
        self.rows += 1
        self.bytes += size

    def stored(self, rows: int, size: int) -> None:
        """They wait no longer and are kept; negative: they wait again."""
        self.rows -= rows
        self.bytes -= size
        self.kept_rows += rows
        self.kept_bytes += size

    def write(self, db: sqlite3.Connection) -> None:
        db.execute(
            "INSERT OR REPLACE INTO lane VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.name.value, self.epoch, self.last_seq, self.complete_to, self.chain, self.rows, self.bytes,
                self.kept_rows, self.kept_bytes,
            ),
        )  # fmt: skip


def counters(db: sqlite3.Connection, name: v1.Lane) -> Counters | None:
    row = db.execute("SELECT * FROM lane WHERE name = ?", (name.value,)).fetchone()
    return Counters(name, *row[1:]) if row else None


def begin(db: sqlite3.Connection, name: v1.Lane, epoch: int, chain: bytes) -> Counters:
    """An empty lane under a new epoch."""
    made = Counters(name, epoch, 0, 0, chain, 0, 0, 0, 0)
    made.write(db)
    return made


def limited(
    rows: list[tuple[int, str, bytes]], max_messages: int, max_bytes: int
) -> tuple[tuple[Row, ...], bool]:
    """As many rows as fit, the first in any case, and whether some are left."""
    found: list[Row] = []
    size = 0
    for seq, kind, body in rows:
        size += len(body) + 1
        if found and (size > max_bytes or len(found) == max_messages):
            return tuple(found), True
        found.append(Row(seq, kind, body))
    return tuple(found), False


def at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

"""The loose lane: states and figures, each for itself. The newest go first; where there is no room the oldest give
way, and what gave way is counted. Every function works inside the transaction of its caller."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.spool import lane
from agent.spool.classes import Class, class_of
from agent.spool.lane import Batch, Counters
from protocols.errors import UsageError
from protocols.wire import v1

NAME = v1.Lane.LOOSE
CLASSES = (Class.STATE, Class.SAMPLE)

_GIVES_WAY: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("stored = 1", ()),
    ("stored = 0 AND class = ?", (Class.SAMPLE,)),
    ("stored = 0 AND class = ?", (Class.STATE,)),
)


@dataclass(frozen=True, slots=True)
class Gap:
    """So many messages of a class gave way before the collector had them; the times are of the first and the last
    of them, as texts. `count` 0: nobody knows how many."""

    kind: Class
    count: int
    first_at: str
    last_at: str

    def with_other(self, other: "Gap | None") -> "Gap":
        """Both of one class as one."""
        if other is None:
            return self
        first_at, last_at = min(self.first_at, other.first_at), max(self.last_at, other.last_at)
        return Gap(self.kind, self.count + other.count, first_at, last_at)


@dataclass(frozen=True, slots=True)
class _Row:
    epoch: int
    seq: int
    kind: int
    at: str
    stored: int
    size: int


def load(db: sqlite3.Connection) -> Counters:
    found = lane.counters(db, NAME)
    if found is None:
        raise UsageError("the spool has no loose lane yet")
    return found


def begin_run(db: sqlite3.Connection, epoch: int) -> None:
    """Numbers from 1 again, under a new epoch; what waits keeps its old ones. A disk that was put back can so never
    give a number twice: whoever starts on it begins anew."""
    now = lane.counters(db, NAME) or lane.begin(db, NAME, epoch, b"")
    now.epoch, now.last_seq = epoch, 0
    now.write(db)


def append(db: sqlite3.Connection, messages: Sequence[v1.AnyMessage]) -> list[int]:
    now = load(db)
    for message in messages:
        now.last_seq += 1
        body = message.model_copy(update={"seq": now.last_seq}).model_dump_json().encode()
        db.execute(
            "INSERT INTO loose VALUES (?, ?, ?, ?, ?, 0, ?)",
            (now.epoch, now.last_seq, class_of(message), message.kind, message.at.isoformat(), body),
        )
        now.put(len(body))
    now.write(db)
    return list(range(now.last_seq - len(messages) + 1, now.last_seq + 1))


def batch(db: sqlite3.Connection, max_messages: int, max_bytes: int, classes: Sequence[Class]) -> Batch:
    """Of one epoch: the newest states, and where none waits the newest figures; in the order of their numbers."""
    for wanted in classes:
        newest = db.execute(
            "SELECT epoch FROM loose WHERE stored = 0 AND class = ? ORDER BY epoch DESC LIMIT 1", (wanted,)
        ).fetchone()
        if newest:
            found = db.execute(
                "SELECT seq, kind, body FROM loose WHERE stored = 0 AND class = ? AND epoch = ? "
                "ORDER BY seq DESC LIMIT ?",
                (wanted, newest[0], max_messages + 1),
            ).fetchall()
            rows, _ = lane.limited(found, max_messages, max_bytes)
            return Batch(newest[0], tuple(reversed(rows)), more=load(db).rows > len(rows), lane=NAME)
    return Batch(load(db).epoch, (), more=False, lane=NAME)


def all_waiting(db: sqlite3.Connection, max_messages: int, max_bytes: int) -> list[Batch]:
    """Everything that waits, the oldest first, in batches of one epoch each."""
    batches: list[Batch] = []
    epochs = [
        row[0] for row in db.execute("SELECT DISTINCT epoch FROM loose WHERE stored = 0 ORDER BY epoch")
    ]
    for epoch in epochs:
        found = db.execute(
            "SELECT seq, kind, body FROM loose WHERE stored = 0 AND epoch = ? ORDER BY seq", (epoch,)
        ).fetchall()
        while found:
            rows, _ = lane.limited(found, max_messages, max_bytes)
            batches.append(Batch(epoch, rows, more=len(rows) < len(found), lane=NAME))
            found = found[len(rows) :]
    return batches


def store(db: sqlite3.Connection, epoch: int, seqs: Sequence[int]) -> None:
    """The collector has these. What gave way meanwhile is not here any more."""
    now = load(db)
    rows = size = 0
    for seq in seqs:
        found = db.execute(
            "UPDATE loose SET stored = 1 WHERE epoch = ? AND seq = ? AND stored = 0 RETURNING length(body)",
            (epoch, seq),
        ).fetchone()
        if found:
            rows, size = rows + 1, size + found[0]
    now.stored(rows, size)
    now.complete_to += rows
    now.write(db)


def compare(db: sqlite3.Connection, held: int | None, waiting: int = 0) -> None:
    """The collector holds so many messages of this lane. All that it ever said to have taken must be among them, and
    `waiting` more that it has just taken: where they are fewer, it was put back."""
    now = load(db)
    if held is not None and held < now.complete_to + waiting:
        send_again(db)


def send_again(db: sqlite3.Connection) -> None:
    """Everything that is still here: the collector was put back and nobody knows what it lost. What it still has it
    takes as the same message."""
    now = load(db)
    db.execute("UPDATE loose SET stored = 0 WHERE stored = 1")
    now.stored(-now.kept_rows, -now.kept_bytes)
    now.complete_to = 0
    now.write(db)


def remove(db: sqlite3.Connection, epoch: int, seq: int) -> tuple[str, str, bytes]:
    """One that waits; its kind, its time and its body."""
    kind, at, body = db.execute(
        "SELECT kind, at, body FROM loose WHERE epoch = ? AND seq = ?", (epoch, seq)
    ).fetchone()
    _delete(db, _rows(db, "epoch = ? AND seq = ?", (epoch, seq)))
    return kind, at, body


def forget(db: sqlite3.Connection, before: datetime) -> None:
    """Let go of what the collector has and is older."""
    _delete(db, _rows(db, "stored = 1 AND at < ?", (before.isoformat(),)))


def give_way(db: sqlite3.Connection, rows: int, size: int) -> list[Gap]:
    """Free so many rows and bytes: first what the collector has, then figures, then states, the oldest first. What
    of it never arrived."""
    gaps: dict[Class, Gap] = {}
    for condition, values in _GIVES_WAY:
        while rows > 0 or size > 0:
            found = _rows(db, condition, values, most=500)
            if not found:
                break
            for gap in _gaps(found):
                gaps[gap.kind] = gap.with_other(gaps.get(gap.kind))
            _delete(db, found)
            rows -= len(found)
            size -= sum(row.size for row in found)
    return list(gaps.values())


def give_way_older(db: sqlite3.Connection, before: datetime) -> list[Gap]:
    """What has waited in vain for too long gives way."""
    found = _rows(db, "stored = 0 AND at < ?", (before.isoformat(),))
    _delete(db, found)
    return _gaps(found)


def _rows(db: sqlite3.Connection, condition: str, values: Sequence[object], most: int = -1) -> list[_Row]:
    found = db.execute(
        f"SELECT epoch, seq, class, at, stored, length(body) FROM loose WHERE {condition}"  # noqa: S608 - our words
        " ORDER BY epoch, seq LIMIT ?",
        (*values, most),
    )
    return [_Row(*row) for row in found]


def _gaps(rows: Sequence[_Row]) -> list[Gap]:
    lost = [row for row in rows if not row.stored]
    return [
        Gap(kind, len(times), min(times), max(times))
        for kind in CLASSES
        if (times := [row.at for row in lost if row.kind == kind])
    ]


def _delete(db: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    if not rows:
        return
    now = load(db)
    for row in rows:
        db.execute("DELETE FROM loose WHERE epoch = ? AND seq = ?", (row.epoch, row.seq))
        if row.stored:
            now.kept_rows -= 1
            now.kept_bytes -= row.size
        else:
            now.rows -= 1
            now.bytes -= row.size
    now.write(db)


def oldest_at(db: sqlite3.Connection) -> datetime | None:
    found = [
        row[0]
        for kind in CLASSES
        for row in db.execute(
            "SELECT at FROM loose WHERE stored = 0 AND class = ? ORDER BY epoch, seq LIMIT 1", (kind,)
        )
    ]
    return lane.at(min(found) if found else None)

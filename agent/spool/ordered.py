"""The ordered lane: incidents and the journal, numbered without a hole and linked by a chain. Nothing here is ever
dropped before the collector has it. Every function works inside the transaction of its caller."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from agent.spool import lane
from agent.spool.lane import Batch, Counters
from protocols.errors import UsageError
from protocols.wire import chain, v1

NAME = v1.Lane.ORDERED


def load(db: sqlite3.Connection) -> Counters:
    found = lane.counters(db, NAME)
    if found is None:
        raise UsageError("the spool has no ordered lane yet")
    return found


def append(db: sqlite3.Connection, messages: Sequence[v1.AnyMessage]) -> list[int]:
    """The numbers given, from the last one on."""
    now = load(db)
    for message in messages:
        now.last_seq += 1
        body = message.model_copy(update={"seq": now.last_seq}).model_dump_json().encode()
        now.chain = chain.link(now.chain, chain.canonical(json.loads(body)))
        db.execute(
            "INSERT INTO ordered VALUES (?, ?, ?, ?, ?)",
            (now.last_seq, message.kind, message.at.isoformat(), now.chain, body),
        )
        now.put(len(body))
    now.write(db)
    return list(range(now.last_seq - len(messages) + 1, now.last_seq + 1))


def batch(db: sqlite3.Connection, max_messages: int, max_bytes: int, after: int | None = None) -> Batch:
    """The oldest behind `after`, or behind what the collector has."""
    now = load(db)
    after = now.complete_to if after is None else after
    found = db.execute(
        "SELECT seq, kind, body FROM ordered WHERE seq > ? ORDER BY seq LIMIT ?", (after, max_messages + 1)
    ).fetchall()
    rows, more = lane.limited(found, max_messages, max_bytes)
    return Batch(now.epoch, rows, more, NAME, link_at(db, now, rows[-1].seq if rows else after))


def link_at(db: sqlite3.Connection, now: Counters, seq: int) -> bytes:
    """The link of a message; b"" where it is not here any more."""
    if seq == 0:
        return chain.start(now.epoch)
    row = db.execute("SELECT chain FROM ordered WHERE seq = ?", (seq,)).fetchone()
    return bytes(row[0]) if row else b""


def move_to(db: sqlite3.Connection, now: Counters, complete_to: int) -> None:
    """The collector has everything up to there: more than before, or less because it was put back."""
    low, high = sorted((now.complete_to, complete_to))
    rows, size = db.execute(
        "SELECT count(*), coalesce(sum(length(body)), 0) FROM ordered WHERE seq > ? AND seq <= ?", (low, high)
    ).fetchone()
    sign = 1 if complete_to > now.complete_to else -1
    now.stored(sign * rows, sign * size)
    now.complete_to = complete_to
    now.write(db)


def renew(db: sqlite3.Connection, epoch: int, first: v1.Fact) -> None:
    """A new epoch: `first`, then what waited, with new numbers."""
    waiting = db.execute(
        "SELECT body FROM ordered WHERE seq > ? ORDER BY seq", (load(db).complete_to,)
    ).fetchall()
    db.execute("DELETE FROM ordered")
    lane.begin(db, NAME, epoch, chain.start(epoch))
    append(db, [first, *(v1.MESSAGE.validate_json(body) for (body,) in waiting)])


def replace(db: sqlite3.Connection, seq: int, message: v1.Fact, kind: str) -> None:
    """Another message under the same number; the links from there on are made anew."""
    now = load(db)
    body = message.model_copy(update={"seq": seq}).model_dump_json().encode()
    before = db.execute("SELECT length(body) FROM ordered WHERE seq = ?", (seq,)).fetchone()[0]
    db.execute(
        "UPDATE ordered SET kind = ?, at = ?, body = ? WHERE seq = ?",
        (kind, message.at.isoformat(), body, seq),
    )
    now.bytes += len(body) - before
    now.chain = link_at(db, now, seq - 1)
    for number, text in db.execute(
        "SELECT seq, body FROM ordered WHERE seq >= ? ORDER BY seq", (seq,)
    ).fetchall():
        now.chain = chain.link(now.chain, chain.canonical(json.loads(text)))
        db.execute("UPDATE ordered SET chain = ? WHERE seq = ?", (now.chain, number))
    now.write(db)


def forget(db: sqlite3.Connection, before: datetime, most: int) -> None:
    """Let go of what the collector has: older than `before`, and at most the newest `most` messages of it stay. The
    link of the last that goes is no longer needed, for the rows behind it carry their own."""
    now = load(db)
    oldest = db.execute(
        "SELECT seq FROM ordered WHERE at >= ? ORDER BY seq LIMIT 1", (before.isoformat(),)
    ).fetchone()
    up_to = min(now.complete_to, max((oldest[0] - 1) if oldest else now.complete_to, now.complete_to - most))
    rows, size = db.execute(
        "SELECT count(*), coalesce(sum(length(body)), 0) FROM ordered WHERE seq <= ?", (up_to,)
    ).fetchone()
    if rows:
        db.execute("DELETE FROM ordered WHERE seq <= ?", (up_to,))
        now.kept_rows -= rows
        now.kept_bytes -= size
        now.write(db)


def oldest_at(db: sqlite3.Connection) -> datetime | None:
    row = db.execute("SELECT at FROM ordered WHERE seq = ?", (load(db).complete_to + 1,)).fetchone()
    return lane.at(row[0] if row else None)

"""The outbox: numbers messages, keeps them until the collector has them, and keeps small state values beside
them in the same transaction. It decides nothing about sending."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Self

from agent.clock import Clock
from agent.spool import database
from agent.spool.database import SpoolDamaged, translated
from protocols.errors import UsageError
from protocols.wire import v1

Json = bool | int | float | str | None | Sequence["Json"] | Mapping[str, "Json"]

STAND_IN = "agent.message_quarantined"
"""The fact that takes the place, and the number, of a message that the collector cannot read."""
RENEWED = "agent.spool_renewed"
STAND_IN_KIND = "stand_in"
FILE = "spool.db"
"""Its name in the agent's state folder."""
KEEP = 10_000
"""How many stored messages stay here for a collector that is put back from an older backup: some days."""


@dataclass(frozen=True, slots=True)
class Row:
    """One message as it goes on the wire, byte for byte."""

    seq: int
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    epoch: int
    rows: tuple[Row, ...]
    more: bool
    """Something waits behind these."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What the collector does not have yet; `quarantined` counts what it never will without a person."""

    messages: int
    oldest_at: datetime | None
    quarantined: int


class Spool:
    """Safe for several threads and several processes. Every put is durable when it returns: it survives kill
    -9 and a power cut. `seq` runs from 1 within an epoch, without holes. Only the `owner`, the resident
    agent, sets a damaged file aside at opening and begins a new epoch, with a fact about it; others get
    SpoolDamaged."""

    def __init__(self, path: Path, clock: Clock, *, owner: bool = False, keep: int = KEEP) -> None:
        self.path = path
        self._keep = keep
        self._clock = clock
        self._lock = RLock()
        try:
            self._db = database.connect(path)
        except SpoolDamaged as e:
            if not owner:
                raise
            self._db = self._replaced(str(e))
        if not self.epoch:
            with self._transaction() as db:
                self._begin_epoch(db)

    @property
    def epoch(self) -> int:
        with self._lock, translated():
            return _number(self._db, "epoch")

    def put(self, message: v1.AnyMessage) -> int:
        """Store one message; its own `seq` is ignored, the number given is returned."""
        return self.put_all([message])[0]

    def put_all(
        self, messages: Sequence[v1.AnyMessage] = (), state: Mapping[str, Json] | None = None
    ) -> list[int]:
        """Store messages and state values in one transaction: all of them or, with an error, none. A state
        value of None removes the key."""
        with self._transaction() as db:
            seqs = [self._append(db, message) for message in messages]
            _write_state(db, state or {})
        return seqs

    def next_batch(self, max_messages: int, max_bytes: int) -> Batch:
        """The oldest messages, in order. The first is given even if it alone is larger than `max_bytes`."""
        rows: list[Row] = []
        size = 0
        with self._lock, translated():
            epoch = _number(self._db, "epoch")
            found = self._db.execute(
                "SELECT seq, kind, body FROM outbox ORDER BY seq LIMIT ?", (max_messages + 1,)
            )
            for seq, kind, body in found:
                size += len(body) + 1
                if rows and (size > max_bytes or len(rows) == max_messages):
                    return Batch(epoch, tuple(rows), more=True)
                rows.append(Row(seq, kind, body))
        return Batch(epoch, tuple(rows), more=False)

    def acknowledge(self, epoch: int, complete_to: int, state: Mapping[str, Json] | None = None) -> None:
        """The collector has everything up to `complete_to`. A lower number than before means that it was put
        back from an older backup: what is still here goes again. A number that was never given means that
        this disk was put back: what waits goes under a new epoch. The receipt of another epoch changes
        nothing."""
        with self._transaction() as db:
            _write_state(db, state or {})
            if epoch != _number(db, "epoch"):
                return
            if complete_to > _number(db, "last_seq"):
                self._renew(db, "the collector knows later messages of this epoch: this disk was put back")
                return
            _move(db, "outbox", "stored", "seq <= ?", complete_to)
            _move(db, "stored", "outbox", "seq > ?", complete_to)
            db.execute("DELETE FROM stored WHERE seq <= ?", (complete_to - self._keep,))

    def renew(self, problem: str) -> None:
        """Begin a new epoch: what waits gets new numbers from 1. For a collector that misses messages which
        are no longer here and so would never say that the rest is complete."""
        with self._transaction() as db:
            self._renew(db, problem)

    def quarantine(self, seq: int, problem: str) -> None:
        """Keep a message aside that the collector cannot read, and put a small fact in its place, so that
        numbers have no hole and the queue goes on."""
        with self._transaction() as db:
            kind, at, body = db.execute("SELECT kind, at, body FROM outbox WHERE seq = ?", (seq,)).fetchone()
            if kind == STAND_IN_KIND:
                raise UsageError(f"message {seq} is a stand-in already")
            now = self._clock.now()
            db.execute(
                "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?)",
                (_number(db, "epoch"), seq, problem[:400], now.isoformat(), body),
            )
            detail: v1.Detail = {"kind": kind, "at": at, "problem": problem[:400], "bytes": len(body)}
            _store(db, _fact(seq, now, STAND_IN, detail), STAND_IN_KIND)

    def pending(self) -> Pending:
        with self._lock, translated():
            count, oldest = self._db.execute("SELECT count(*), min(seq) FROM outbox").fetchone()
            aside = self._db.execute("SELECT count(*) FROM quarantine").fetchone()[0]
            at = self._db.execute("SELECT at FROM outbox WHERE seq = ?", (oldest,)).fetchone()
        return Pending(count, datetime.fromisoformat(at[0]) if at else None, aside)

    def read_state(self, key: str) -> Json:
        """The value of a key, None where it was never written."""
        with self._lock, translated():
            row = self._db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return _parsed(row[0]) if row else None

    def read_states(self, prefix: str) -> dict[str, Json]:
        """The values of all keys that begin with `prefix`."""
        with self._lock, translated():
            rows = self._db.execute("SELECT key, value FROM state ORDER BY key").fetchall()
        return {key: _parsed(value) for key, value in rows if key.startswith(prefix)}

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One write that other processes see whole or not at all."""
        with self._lock, translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _append(self, db: sqlite3.Connection, message: v1.AnyMessage) -> int:
        seq = _number(db, "last_seq") + 1
        _store(db, message.model_copy(update={"seq": seq}))
        _set_number(db, "last_seq", seq)
        return seq

    def _begin_epoch(self, db: sqlite3.Connection) -> None:
        if _number(db, "epoch") == 0:
            _set_number(db, "epoch", self._new_epoch())
            _set_number(db, "last_seq", 0)

    def _new_epoch(self) -> int:
        return max(int(self._clock.now().timestamp() * 1000), database.last_mark(self.path) + 1, 1)

    def _replaced(self, problem: str) -> sqlite3.Connection:
        mark = self._new_epoch()
        aside = database.set_aside(self.path, mark)
        self._db = database.connect(self.path)
        with self._transaction() as db:
            _set_number(db, "epoch", mark)
            _set_number(db, "last_seq", 0)
            detail: v1.Detail = {"problem": problem[:400], "set_aside": aside.name}
            self._append(db, _fact(1, self._clock.now(), RENEWED, detail))
        return self._db

    def _renew(self, db: sqlite3.Connection, problem: str) -> None:
        rows = db.execute("SELECT body FROM outbox ORDER BY seq").fetchall()
        db.execute("DELETE FROM outbox")
        db.execute("DELETE FROM stored")
        _set_number(db, "epoch", max(self._new_epoch(), _number(db, "epoch") + 1))
        _set_number(db, "last_seq", 0)
        self._append(db, _fact(1, self._clock.now(), RENEWED, {"problem": problem[:400]}))
        for (body,) in rows:
            self._append(db, v1.MESSAGE.validate_json(body))


def _fact(seq: int, at: datetime, name: str, detail: v1.Detail) -> v1.Fact:
    return v1.Fact(seq=seq, at=at, subject=v1.Subject(kind=v1.SubjectKind.TERMINAL), name=name, detail=detail)


def _store(db: sqlite3.Connection, message: v1.AnyMessage, kind: str = "") -> None:
    body = message.model_dump_json().encode()
    db.execute(
        "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?)",
        (message.seq, kind or message.kind, message.at.isoformat(), body),
    )


def _move(db: sqlite3.Connection, source: str, target: str, which: str, seq: int) -> None:
    db.execute(f"INSERT INTO {target} SELECT * FROM {source} WHERE {which}", (seq,))  # noqa: S608 - our own words
    db.execute(f"DELETE FROM {source} WHERE {which}", (seq,))  # noqa: S608 - our own words


def _number(db: sqlite3.Connection, key: str) -> int:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else 0


def _set_number(db: sqlite3.Connection, key: str, value: int) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def _write_state(db: sqlite3.Connection, state: Mapping[str, Json]) -> None:
    for key, value in state.items():
        if value is None:
            db.execute("DELETE FROM state WHERE key = ?", (key,))
        else:
            db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, json.dumps(value)))


def _parsed(text: str) -> Json:
    value: Json = json.loads(text)
    return value

"""The outbox: numbers messages, keeps them until the collector has them, and keeps small state values beside
them in the same transaction. It decides nothing about sending. Its contract is docs/queue.md."""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Self

from agent.clock import Clock
from agent.spool import caps, database, loose, ordered
from agent.spool.caps import Caps
from agent.spool.classes import class_of
from agent.spool.database import SpoolDamaged, SpoolFull, translated
from agent.spool.lane import Batch, begin, counters
from agent.spool.loose import Gap
from agent.spool.verify import Proof, verify
from protocols.errors import UsageError
from protocols.wire import chain, v1

Json = bool | int | float | str | None | Sequence["Json"] | Mapping[str, "Json"]

STAND_IN = "agent.message_quarantined"
"""The fact that takes the place, and the number, of a message that the collector cannot read."""
RENEWED = "agent.spool_renewed"
GAP = "agent.gap"
"""The fact that says which states or figures will never come."""
STAND_IN_KIND = "stand_in"
FILE = "spool.db"
"""Its name in the agent's state folder."""
_TERMINAL = v1.Subject(kind=v1.SubjectKind.TERMINAL)
_CHANCE = 1000
_ROOM_ROWS = 2000
"""So many states and figures give way when the disk is full."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What the collector does not have yet; `quarantined` counts what it never will without a person. `ordered` and
    `loose` are the messages of the two lanes."""

    messages: int
    oldest_at: datetime | None
    quarantined: int
    ordered: int
    loose: int
    bytes: int
    filling_percent: float


class Spool:
    """Safe for several threads and several processes. Every put is durable when it returns: it survives kill
    -9 and a power cut. `seq` runs from 1 within the epoch of a lane, on the ordered lane without holes. Only the
    `owner`, the resident agent, begins a new epoch of the loose lane, and sets a damaged file aside at opening,
    with a fact about it; others get SpoolDamaged."""

    def __init__(self, path: Path, clock: Clock, *, owner: bool = False, limits: Caps | None = None) -> None:
        self.path = path
        self._limits = limits or Caps()
        self._clock = clock
        self._lock = RLock()
        try:
            self._db = database.connect(path)
        except SpoolDamaged as e:
            if not owner:
                raise
            self._db = self._replaced(str(e))
        self._begin(owner=owner)

    @property
    def epoch(self) -> int:
        """Of the ordered lane."""
        with self._lock, translated():
            return ordered.load(self._db).epoch

    def put(self, message: v1.AnyMessage) -> int:
        """Store one message; its own `seq` is ignored, the number given is returned."""
        return self.put_all([message])[0]

    def put_all(
        self, messages: Sequence[v1.AnyMessage] = (), state: Mapping[str, Json] | None = None
    ) -> list[int]:
        """Store messages and state values in one transaction: all of them or, with an error, none. A state
        value of None removes the key. On a full disk states and figures give way once; SpoolFull where that
        does not help."""
        try:
            return self._put_all(messages, state or {})
        except SpoolFull:
            self._make_room()
            return self._put_all(messages, state or {})

    def next_batch(
        self,
        max_messages: int,
        max_bytes: int,
        lane: v1.Lane = v1.Lane.ORDERED,
        *,
        figures: bool = True,
    ) -> Batch:
        """Ordered: the oldest messages, in order. Loose: the newest, states before figures (none of those without
        `figures`). The first is given even if it alone is larger than `max_bytes`."""
        with self._reading() as db:
            if lane is v1.Lane.ORDERED:
                return ordered.batch(db, max_messages, max_bytes)
            classes = loose.CLASSES if figures else loose.CLASSES[:1]
            return loose.batch(db, max_messages, max_bytes, classes)

    def acknowledge(
        self,
        batch: Batch,
        complete_to: int,
        state: Mapping[str, Json] | None = None,
        held: int | None = None,
    ) -> None:
        """The collector has taken a report with this batch of the ordered lane, found its chain to be the one it
        knows, has everything up to `complete_to`, and holds `held` messages of the loose lane. Lower numbers than
        before mean that it was put back from an older backup: what is still here goes again. A number that was never
        given means that this disk was put back: what comes from now on goes under a new epoch. The receipt of another
        epoch changes nothing."""
        with self._transaction() as db:
            _write_state(db, state or {})
            now = ordered.load(db)
            if batch.epoch != now.epoch:
                return
            loose.compare(db, held)
            last = batch.rows[-1].seq if batch.rows else now.complete_to
            if complete_to < now.complete_to:
                loose.send_again(db)
            if complete_to != now.complete_to:
                ordered.move_to(db, now, min(complete_to, last))
            if complete_to > now.last_seq and last == now.last_seq:
                self._renew(db, "the collector knows later messages of this epoch: this disk was put back")

    def acknowledge_carried(self, terminal: str, receipt: v1.Receipt) -> None:
        """A receipt that came by hand, for the ordered lane; one that does not hold here changes nothing."""
        told = receipt.model_dump(mode="json")
        with self._transaction() as db:
            now = ordered.load(db)
            news = receipt.epoch == now.epoch and now.complete_to < receipt.complete_to <= now.last_seq
            if news and verify(db, terminal, told).complete_to == receipt.complete_to:
                ordered.move_to(db, now, receipt.complete_to)

    def all_waiting(self) -> list[Batch]:
        """Everything that waits, as one report each would carry it."""
        limits = v1.MESSAGES, v1.REPORT_BYTES // 2
        with self._reading() as db:
            batches = [ordered.batch(db, *limits)]
            while batches[-1].more:
                batches.append(ordered.batch(db, *limits, after=batches[-1].rows[-1].seq))
            return [*(batch for batch in batches if batch.rows), *loose.all_waiting(db, *limits)]

    def verify(self, terminal: str, receipt: Mapping[str, Json]) -> Proof:
        """See agent.spool.verify."""
        with self._reading() as db:
            return verify(db, terminal, receipt)

    def stored(self, batch: Batch, held: int | None, state: Mapping[str, Json] | None = None) -> None:
        """The collector has all of a loose batch, and `held` messages of that lane in all."""
        with self._transaction() as db:
            _write_state(db, state or {})
            loose.compare(db, held, len(batch.rows))
            loose.store(db, batch.epoch, [row.seq for row in batch.rows])

    def renew(self, problem: str) -> None:
        """Begin a new epoch of the ordered lane: what waits gets new numbers from 1. For a collector that misses
        messages which are no longer here and so would never say that the rest is complete."""
        with self._transaction() as db:
            self._renew(db, problem)

    def part(self, batch: Batch, agrees_to: int, problem: str) -> None:
        """The collector holds the messages of this batch up to `agrees_to`, and others under the numbers behind: these
        go under a new epoch."""
        with self._transaction() as db:
            now = ordered.load(db)
            if batch.epoch == now.epoch and batch.rows and now.complete_to < agrees_to <= batch.rows[-1].seq:
                ordered.move_to(db, now, agrees_to)
            self._renew(db, problem)

    def quarantine(self, seq: int, problem: str, batch: Batch | None = None) -> None:
        """Keep a message aside that the collector cannot read, with a small fact that says so. On the ordered lane
        the fact takes its place, so that numbers have no hole and the queue goes on. `batch`: where the message
        came from, the ordered lane if None."""
        with self._transaction() as db:
            if batch is not None and batch.lane is v1.Lane.LOOSE:
                kind, at, body = loose.remove(db, batch.epoch, seq)
                self._set_aside(db, batch, seq, problem, body)
                ordered.append(db, [self._stand_in(kind, at, problem, body)])
                return
            kind, at, body = db.execute("SELECT kind, at, body FROM ordered WHERE seq = ?", (seq,)).fetchone()
            if kind == STAND_IN_KIND:
                raise UsageError(f"message {seq} is a stand-in already")
            self._set_aside(db, ordered.batch(db, 0, 0), seq, problem, body)
            ordered.replace(db, seq, self._stand_in(kind, at, problem, body), STAND_IN_KIND)

    def tell_gap(self, gap: Gap, state: Mapping[str, Json] | None = None) -> None:
        """Something was lost that never came here, such as figures that waited in memory at a power cut."""
        self.put_all([gap_fact(gap, self._clock.now())], state)

    def tidy(self) -> None:
        """Let go of what has been kept long enough. Once an hour is often enough."""
        now = self._clock.now()
        with self._transaction() as db:
            ordered.forget(db, now - self._limits.keep, self._limits.keep_rows)
            loose.forget(db, now - self._limits.keep)
            gaps = loose.give_way_older(db, now - self._limits.loose_age)
            ordered.append(db, [gap_fact(gap, now) for gap in gaps])

    def pending(self) -> Pending:
        with self._reading() as db:
            lanes = ordered.load(db), loose.load(db)
            aside = db.execute("SELECT count(*) FROM quarantine").fetchone()[0]
            loose_at = loose.oldest_at(db)
            oldest = [at for at in (ordered.oldest_at(db), loose_at) if at]
            filling = caps.filling_percent(self._limits, loose_at, self._clock.now(), *lanes)
        return Pending(
            messages=lanes[0].rows + lanes[1].rows,
            oldest_at=min(oldest) if oldest else None,
            quarantined=aside,
            ordered=lanes[0].rows,
            loose=lanes[1].rows,
            bytes=lanes[0].bytes + lanes[1].bytes,
            filling_percent=filling,
        )

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

    def _put_all(self, messages: Sequence[v1.AnyMessage], state: Mapping[str, Json]) -> list[int]:
        lanes = [class_of(message).lane for message in messages]
        with self._transaction() as db:
            given = {
                lane: iter(append(db, [m for m, its in zip(messages, lanes, strict=True) if its is lane]))
                for lane, append in ((v1.Lane.ORDERED, ordered.append), (v1.Lane.LOOSE, loose.append))
                if lane in lanes
            }
            if given:
                self._keep_to_caps(db)
            _write_state(db, state)
        return [next(given[lane]) for lane in lanes]

    def _keep_to_caps(self, db: sqlite3.Connection) -> None:
        over = caps.excess(self._limits, ordered.load(db), loose.load(db))
        if not over:
            return
        now = ordered.load(db)
        if now.kept_rows:
            ordered.forget(db, self._clock.now(), max(now.kept_rows - max(over.rows, 500), 0))
        over = caps.excess(self._limits, ordered.load(db), loose.load(db))
        gaps = loose.give_way(db, over.rows, over.bytes) if over else []
        ordered.append(db, [gap_fact(gap, self._clock.now()) for gap in gaps])

    def _make_room(self) -> None:
        """A full disk: the side file is folded in, so that it begins at its start again, and the room of what gives
        way is used anew."""
        with self._lock, translated():
            self._db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        with self._transaction() as db:
            gaps = loose.give_way(db, _ROOM_ROWS, 0)
            ordered.append(db, [gap_fact(gap, self._clock.now()) for gap in gaps])

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Several reads of one moment, whatever other processes write meanwhile."""
        with self._lock, translated():
            self._db.execute("BEGIN")
            try:
                yield self._db
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

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

    def _begin(self, *, owner: bool) -> None:
        with self._reading() as db:
            known = db.execute("SELECT count(*) FROM lane").fetchone()[0]
        if known == len(v1.Lane) and not owner:
            return
        with self._transaction() as db:
            epoch = self._new_epoch(db)
            if counters(db, v1.Lane.ORDERED) is None:
                begin(db, v1.Lane.ORDERED, epoch, chain.start(epoch))
            if owner or counters(db, v1.Lane.LOOSE) is None:
                loose.begin_run(db, self._new_epoch(db))

    def _new_epoch(self, db: sqlite3.Connection) -> int:
        """Later than all that were given here: the time, where the clock is right. A clock that begins in 1970 after
        every power cut must not give the same epoch twice on a disk that was put back: there chance helps."""
        known = [int(row[0]) for row in db.execute("SELECT epoch FROM lane")]
        at_least = max([*known, database.last_mark(self.path) + _CHANCE]) + 1
        now = int(self._clock.now().timestamp() * 1000)
        return now if now >= at_least else at_least + secrets.randbelow(_CHANCE)

    def _replaced(self, problem: str) -> sqlite3.Connection:
        mark = max(int(self._clock.now().timestamp() * 1000), database.last_mark(self.path) + 3 * _CHANCE)
        aside = database.set_aside(self.path, mark)
        self._db = database.connect(self.path)
        with self._transaction() as db:
            epoch = self._new_epoch(db)
            begin(db, v1.Lane.ORDERED, epoch, chain.start(epoch))
            detail: v1.Detail = {"problem": problem[:400], "set_aside": aside.name}
            ordered.append(db, [_fact(self._clock.now(), RENEWED, detail)])
        return self._db

    def _renew(self, db: sqlite3.Connection, problem: str) -> None:
        """Of both lanes: what the collector may hold under the old numbers is not known."""
        first = _fact(self._clock.now(), RENEWED, {"problem": problem[:400]})
        ordered.renew(db, self._new_epoch(db), first)
        loose.begin_run(db, self._new_epoch(db))

    def _set_aside(self, db: sqlite3.Connection, batch: Batch, seq: int, problem: str, body: bytes) -> None:
        now = self._clock.now().isoformat()
        db.execute(
            "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?)",
            (batch.lane.value, batch.epoch, seq, problem[:400], now, body),
        )

    def _stand_in(self, kind: str, at: str, problem: str, body: bytes) -> v1.Fact:
        detail: v1.Detail = {"kind": kind, "at": at, "problem": problem[:400], "bytes": len(body)}
        return _fact(self._clock.now(), STAND_IN, detail)


def _fact(at: datetime, name: str, detail: v1.Detail) -> v1.Fact:
    return v1.Fact(seq=1, at=at, subject=_TERMINAL, name=name, detail=detail)


def gap_fact(gap: Gap, now: datetime) -> v1.Fact:
    """What tells the collector, and so people, that something will never come."""
    count = gap.count or None
    detail: v1.Detail = {
        "class": gap.kind.name.lower(),
        "count": count,
        "from": gap.first_at,
        "to": gap.last_at,
    }
    return _fact(now, GAP, detail)


def _write_state(db: sqlite3.Connection, state: Mapping[str, Json]) -> None:
    for key, value in state.items():
        if value is None:
            db.execute("DELETE FROM state WHERE key = ?", (key,))
        else:
            db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, json.dumps(value)))


def _parsed(text: str) -> Json:
    value: Json = json.loads(text)
    return value

"""The bytes that backups may send in a calendar month (of UTC, as for reports), and what gives way when they are nearly
spent. Counted on the disk before they leave: a process that dies has counted too much rather than too little."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from agent.backup.repository.meter import Meter
from agent.clock import Clock
from protocols.errors import RepositoryUnreachable

SPENT = "backup.month_spent"
NEAR = 0.8
"""From this share on only what the law demands goes."""
STEP_BYTES = 4 << 20
"""Counted at once, so that the disk is not asked for every slice."""
_SCHEMA = "CREATE TABLE IF NOT EXISTS month (name TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Use:
    """Of one month, `2026-11`. Bytes; `used` may be more than `limit`: the law's sets go on."""

    month: str
    used: int
    limit: int

    @property
    def near(self) -> bool:
        return self.used >= self.limit * NEAR

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


class Ledger:
    """For several processes. A month keeps its count, so that a clock that goes to and fro gives none back. What cannot
    be read counts as nothing, and what cannot be written is not counted: a full disk stops no backup."""

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / "backup" / "traffic.db"

    def use(self, now: datetime, limit: int) -> Use:
        month = _month(now)
        if not self._file.exists():
            return Use(month, 0, limit)
        try:
            with self._open() as database:
                row = database.execute("SELECT bytes FROM month WHERE name = ?", (month,)).fetchone()
        except (sqlite3.DatabaseError, OSError):
            return Use(month, 0, limit)
        return Use(month, max(0, int(row[0])) if row else 0, limit)

    def add(self, now: datetime, count: int) -> None:
        """Durable when it returns."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._open() as database:
                database.execute(
                    "INSERT INTO month VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET bytes = bytes + ?",
                    (_month(now), count, count),
                )
        except (sqlite3.DatabaseError, OSError):
            return

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, isolation_level=None, timeout=5)) as database:
            database.execute("PRAGMA synchronous=FULL")
            database.execute(_SCHEMA)
            yield database


def _month(now: datetime) -> str:
    return now.strftime("%Y-%m")


class Counted:
    """A meter that counts what goes through it. `demanded`: the law wants this backup, so it is counted and goes on;
    any other ends with RepositoryUnreachable SPENT where the month is nearly spent. What it stored until then is
    remembered, and the next one goes on from there."""

    def __init__(self, inner: Meter, ledger: Ledger, clock: Clock, limit: int, *, demanded: bool) -> None:
        self._inner, self._ledger, self._clock = inner, ledger, clock
        self._limit, self._demanded = limit, demanded
        self._lock = Lock()
        self._ahead = 0

    def spend(self, count: int) -> None:
        with self._lock:
            if self._ahead < count:
                self._take(max(STEP_BYTES, count))
            self._ahead -= count
        self._inner.spend(count)

    def _take(self, count: int) -> None:
        now = self._clock.now()
        use = self._ledger.use(now, self._limit)
        if use.near and not self._demanded:
            raise spent(use)
        self._ledger.add(now, count)
        self._ahead += count

    def close(self) -> None:
        """What was counted and not sent is given back."""
        with self._lock:
            if self._ahead:
                self._ledger.add(self._clock.now(), -self._ahead)
            self._ahead = 0


def spent(use: Use) -> RepositoryUnreachable:
    return RepositoryUnreachable(
        f"backups have sent {use.used / 1e6:.0f} of the {use.limit / 1e6:.0f} MB of {use.month}: only what the law"
        " demands goes on, the rest waits for the next month",
        code=SPENT,
        retriable=False,
    )

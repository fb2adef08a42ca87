"""Counts what the door refused in memory; the ticker writes the sums. A flood of bad requests costs no
writes."""

from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from django.db import transaction
from django.db.models import F

from collector.ingest.models import Refusal
from collector.ingest.problem import Refused

MOST = 1000


@dataclass(slots=True)
class _Sum:
    count: int
    last_at: datetime
    detail: str


class Refusals:
    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], _Sum] = {}
        self._lock = Lock()

    def count(self, refused: Refused, now: datetime) -> None:
        with self._lock:
            key = (refused.code, refused.terminal)
            if key not in self._sums and len(self._sums) >= MOST:
                key = (refused.code, "")
            found = self._sums.setdefault(key, _Sum(0, now, ""))
            found.count += 1
            found.last_at, found.detail = now, refused.detail[:400]

    def flush(self, _now: datetime) -> None:
        """Add the sums to the table. Where that fails they stay for the next time."""
        with self._lock:
            taken, self._sums = self._sums, {}
        try:
            with transaction.atomic():
                for (code, terminal), found in sorted(taken.items()):
                    _add(code, terminal, found)
        except BaseException:
            self._put_back(taken)
            raise

    def _put_back(self, taken: dict[tuple[str, str], _Sum]) -> None:
        with self._lock:
            for key, found in taken.items():
                newer = self._sums.setdefault(key, _Sum(0, found.last_at, found.detail))
                newer.count += found.count


def _add(code: str, terminal: str, found: _Sum) -> None:
    row, _ = Refusal.objects.get_or_create(code=code, terminal=terminal, defaults={"last_at": found.last_at})
    Refusal.objects.filter(pk=row.pk).update(
        count=F("count") + found.count, last_at=found.last_at, last_detail=found.detail
    )

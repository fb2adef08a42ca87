from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from agent.spool import Spool


class StillClock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(microseconds=1)
        return self.at

    def monotonic(self) -> float:
        return 0.0

    def wait(self, event: Event, timeout_s: float) -> bool:
        return event.is_set()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def spool(tmp_path: Path, clock: StillClock) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.db", clock, owner=True) as made:
        yield made

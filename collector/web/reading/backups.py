"""Backups by source with their proof: what was made last, and what a drill has restored."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from collector.inventory.models import Terminal


@dataclass(frozen=True, slots=True)
class Latest:
    at: datetime
    proved_at: datetime | None


def unproved_count() -> int:
    return 0


def latest_of(terminals: Iterable[str]) -> dict[str, Latest]:
    return {}


def sources_of(till: Terminal) -> list[object]:
    return []

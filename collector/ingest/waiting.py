"""What waits at the collector for terminals: its names stand in the receipts, and the agent then fetches it."""

from collections.abc import Callable, Collection

from collector.inventory import desired_state
from collector.jobs import counter

Waits = Callable[[Collection[str]], set[str]]
"""Terminal ids -> those of them for which something waits. One query, inside the ingest transaction."""

WAITING: dict[str, Waits] = {"configuration": desired_state.waits, "jobs": counter.waits}


def waiting(terminals: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Terminal id -> the names of what waits for it; terminals for which nothing waits are not in it."""
    found: dict[str, tuple[str, ...]] = {}
    for name, waits in WAITING.items():
        for terminal in waits(terminals):
            found[terminal] = (*found.get(terminal, ()), name)
    return found

"""The promise in seconds, through a real process: open at once, resolved within ten seconds of the clear."""

from collector.core import clock
from collector.settings import CONFIG
from tests.collector.served import Served, event, until


def test_a_fault_stands_at_once_and_is_resolved_within_ten_seconds(served: Served) -> None:
    till = served.terminal()

    def states() -> list[str]:
        return [
            row[0]
            for row in served.rows("SELECT state FROM incidents_incident WHERE terminal_id = ?", till.id)
        ]

    till.report(event(1, "raised"))
    assert states() == ["new"]
    cleared = clock.monotonic()
    till.report(event(2, "cleared"))
    until(lambda: states() == ["resolved"], "the incident resolved itself", 10)
    took_s = clock.monotonic() - cleared
    assert CONFIG.hold_s.device <= took_s <= 8  # the rest of the ten is two polls of the agent

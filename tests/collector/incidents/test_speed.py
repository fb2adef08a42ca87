"""What an event costs, small: the engine with many incidents open, and the questions that one event asks the database.
The figures themselves are measured by tests.benchmarks.incidents."""

from datetime import timedelta
from time import process_time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from collector.incidents import apply
from collector.inventory.models import Terminal
from tests.benchmarks import incidents as benchmark
from tests.collector.served import event
from tests.collector.still import StillClock

AT_LEAST = 1_500
"""Events a second of processor time: a tenth of what was measured on a loaded machine, so that only another order of
growth fails."""
RAISED, CLEARED = 17, 9


def rate(open_: int, count: int = 1500) -> float:
    world, places = benchmark.engine_with(open_)
    told = benchmark.events(places, count)
    began_s = process_time()
    for place, happening, now in told:
        world.tell(place, happening, now)
    return count / (process_time() - began_s)


def test_the_engine_is_not_slowed_down_by_what_is_open() -> None:
    assert rate(4000) > AT_LEAST


@pytest.mark.django_db
def test_how_much_one_event_asks(terminal: Terminal, still: StillClock) -> None:
    def asked(change: str, s: float, code: str) -> int:
        still.seconds = s
        told = event(1, change, code, at=still.now())
        with CaptureQueriesContext(connection) as queries:
            apply.record_event(terminal.pk, told, still.now(), still.now())
        return len(queries)

    first = [asked("raised", 1, "printer.cover_open"), asked("cleared", 2, "printer.cover_open")]
    for n in range(20):
        asked("raised", 3 + n / 100, f"fiscal.{('memory_full', 'memory_error', 'ram_reset')[n % 3]}")
    later = [asked("raised", 400, "printer.paper_end"), asked("cleared", 401, "printer.paper_end")]
    assert max(first[0], later[0]) <= RAISED
    assert max(first[1], later[1]) <= CLEARED


def test_control_a_book_that_looks_at_everything_that_is_open_is_too_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from collector.incidents.engine.memory import Memory  # noqa: PLC0415 - only to spoil it

    def everything(self: Memory, place: object, codes: object) -> list[object]:
        return [known for known in self.open() if known.opened_at - timedelta(days=999) < known.opened_at]

    monkeypatch.setattr(Memory, "around", everything)
    assert rate(4000, 60) < AT_LEAST

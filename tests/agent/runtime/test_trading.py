"""Heavy work waits for closing time or a quiet minute, and never for ever."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.runtime.trading import PATIENCE, RECEIPT_PAUSE_S, Hours, Trading

RIGA = ZoneInfo("Europe/Riga")
DAY = Hours(time(10), time(22))
BAR = Hours(time(18), time(2))


def at(hour: int, minute: int = 0, day: int = 25) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=RIGA)


@pytest.mark.parametrize(
    ("hours", "now", "quiet"),
    [
        (DAY, at(9, 59), True),
        (DAY, at(10), False),
        (DAY, at(21, 59), False),
        (DAY, at(22), True),
        (BAR, at(17, 59), True),
        (BAR, at(18), False),
        (BAR, at(0), False),
        (BAR, at(2), True),
        (Hours(time(0), time(0)), at(4), False),
        (None, at(12), False),
        (None, at(3), True),
        (None, at(5, 59), True),
        (None, at(6), False),
    ],
)
def test_the_hours_say_when_a_till_is_quiet(hours: Hours | None, now: datetime, quiet: bool) -> None:
    assert Trading(hours).quiet(now) is quiet


@pytest.mark.parametrize("hours", [DAY, None])
def test_a_pause_between_receipts_is_quiet_too(hours: Hours | None) -> None:
    trading = Trading(hours)
    trading.receipt(at(12))
    assert not trading.quiet(at(12) + timedelta(seconds=RECEIPT_PAUSE_S - 1))
    assert trading.quiet(at(12) + timedelta(seconds=RECEIPT_PAUSE_S))
    assert not trading.quiet(at(12, 1, day=26))  # none seen for a day: nothing is known of receipts


def test_a_receipt_after_closing_time_is_no_quiet_minute() -> None:
    trading = Trading(DAY)
    trading.receipt(at(22, 30))
    assert not trading.quiet(at(22, 31))
    assert trading.quiet(at(22, 40))


def test_a_clock_that_was_set_back_does_not_stop_heavy_work() -> None:
    trading = Trading(DAY)
    trading.receipt(at(12, day=26))
    assert trading.quiet(at(23))


def test_work_that_waited_long_is_done_all_the_same() -> None:
    trading = Trading(Hours(time(0), time(0)))
    due = at(12)
    assert not trading.may_run(due + PATIENCE - timedelta(seconds=1), due)
    assert trading.may_run(due + PATIENCE, due)
    assert trading.may_run(due - PATIENCE, due)  # the clock was set back

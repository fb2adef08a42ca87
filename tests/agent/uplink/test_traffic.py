"""The traffic budget of a month."""

from datetime import UTC, datetime

from agent.uplink.traffic import AROUND_BYTES, Traffic

NOVEMBER = datetime(2026, 11, 20, tzinfo=UTC)
LIMIT = 10_000_000


def spent(share: float) -> Traffic:
    traffic = Traffic(LIMIT)
    traffic.sent(int(LIMIT * share) - AROUND_BYTES, NOVEMBER)
    return traffic


def test_what_gives_way_as_it_runs_out() -> None:
    found = {
        share: (spent(share).figures, spent(share).slower) for share in (0.1, 0.74, 0.75, 0.99, 1.0, 5.0)
    }
    assert found == {
        0.1: (True, 1.0), 0.74: (True, 1.0), 0.75: (True, 3.0), 0.99: (True, 3.0), 1.0: (False, 12.0),
        5.0: (False, 12.0),
    }  # fmt: skip


def test_a_new_month_begins_at_nothing_and_a_restart_forgets_nothing() -> None:
    again = Traffic(LIMIT)
    again.restore(spent(1.0).export())
    assert not again.figures
    again.sent(10, datetime(2026, 12, 1, tzinfo=UTC))
    assert again.figures


def test_what_cannot_be_read_counts_as_nothing_sent() -> None:
    traffic = Traffic(LIMIT)
    traffic.restore({"month": 5, "bytes": "many"})
    traffic.restore(None)
    assert traffic.figures

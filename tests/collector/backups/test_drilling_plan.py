"""Whose turn it is: oldest proof first, spread over the week, nobody forgotten."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from collector.backups.drilling_plan import AGAIN, NEWER, Candidate, choose, is_due

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = 7 * DAY


def one(name: str, **given: object) -> Candidate:
    return Candidate("till", name, "new", **given)  # type: ignore[arg-type]


def proven(name: str, days: float) -> Candidate:
    at = NOW - days * DAY
    return one(name, proven_at=at, tried_at=at, tried="old", outcome="proven")


def tried(name: str, ago: timedelta, outcome: str, *, tried: str = "new") -> Candidate:
    return one(name, tried_at=NOW - ago, tried=tried, outcome=outcome)


@pytest.mark.parametrize(
    ("candidate", "due"),
    [
        (one("never"), True),
        (proven("young", 6.9), False),
        (proven("old", 7), True),
        (one("proven at the till", proven_at=NOW - DAY), False),
        (tried("failed just now", timedelta(0), "failed"), False),
        (tried("failed yesterday", AGAIN, "failed"), True),
        (tried("failed, and a newer set has come", NEWER, "failed", tried="old"), True),
        (tried("failed, newer, a minute ago", timedelta(minutes=1), "failed", tried="old"), False),
        (tried("nothing proven today", timedelta(hours=23), "unproven"), False),
        (tried("nothing proven yesterday", AGAIN, "unproven"), True),
        (one("failed, then proven at the till", proven_at=NOW - DAY, tried_at=NOW - 2 * DAY, tried="new",
             outcome="failed"), False),
        (tried("killed yesterday", AGAIN, ""), True),
        (tried("in a clock that was set back", -DAY, "proven"), False),
    ],
)  # fmt: skip
def test_when_one_is_due(candidate: Candidate, due: bool) -> None:
    assert is_due(candidate, WEEK, NOW) is due


def test_the_oldest_proof_comes_first_and_before_it_what_was_never_proven() -> None:
    many = [proven("b", 8), proven("a", 20), one("never"), proven("c", 9)]
    assert choose(many, None, WEEK, NOW) == many[2]
    assert choose(many[:2] + many[3:], None, WEEK, NOW) == many[1]
    assert choose([proven("young", 1)], None, WEEK, NOW) is None
    assert choose([], None, WEEK, NOW) is None


def test_one_that_cannot_be_proven_does_not_keep_the_others_waiting() -> None:
    stuck, other = tried("stuck", 2 * DAY, "unproven"), proven("other", 8)
    assert choose([stuck, other], None, WEEK, NOW) == other


def test_what_failed_waits_for_no_other() -> None:
    failed = tried("failed", AGAIN, "failed")
    assert choose([one("never"), failed], NOW, WEEK, NOW) == failed


@pytest.mark.parametrize("many", [1, 7, 100])
def test_a_week_has_room_for_all_and_they_are_spread(many: int) -> None:
    """A collector is started with all of them unproven, and looks every ten minutes."""
    state = {f"s{n}": one(f"s{n}") for n in range(many)}
    begun: list[datetime] = []
    done: list[str] = []
    for minute in range(0, 14 * 24 * 60, 10):
        now = NOW + timedelta(minutes=minute)
        chosen = choose(list(state.values()), begun[-1] if begun else None, WEEK, now)
        if chosen:
            begun.append(now)
            done.append(chosen.source)
            state[chosen.source] = one(
                chosen.source, proven_at=now, tried_at=now, tried="new", outcome="proven"
            )
    assert len(set(done[:many])) == many, "each once before any comes again"
    assert begun[many - 1] - NOW < WEEK
    gaps = [later - sooner for sooner, later in pairwise(begun)]
    assert not gaps or min(gaps) >= min(timedelta(hours=12), WEEK / (2 * many))
    last = {source: index for index, source in enumerate(done)}
    assert all(NOW + 14 * DAY - begun[index] <= WEEK + DAY for index in last.values())

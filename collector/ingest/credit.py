"""How fast a terminal may empty a long queue. Pure: a drain gets a small share of the writer's time, so that the
others do not notice it."""

SHARE = 0.02
"""Of the writer's time for all terminals that catch up, together."""
WRITE_S = 0.015
"""So long may one report of a terminal that catches up keep the others from the database. Opening an incident takes
milliseconds, storing a reading a tenth of one: what fits is worked out from the last report."""
MESSAGES = 50
LONGEST_S = 30.0
BACKLOG = 200
"""A terminal with more messages waiting than this catches up."""


def messages(spent_s: float, count: int) -> int:
    """How many messages the next report of such a terminal should hold, 1 to MESSAGES, when `count` (at least 1) took
    `spent_s` of the writer's time."""
    fit = int(WRITE_S * count / spent_s) if spent_s > 0 else MESSAGES
    return max(1, min(fit, MESSAGES))


def pause_s(spent_s: float, catching_up: int) -> float:
    """How long a terminal that catches up should wait before its next report, when its last took `spent_s` of the
    writer's time and `catching_up` terminals (at least this one) do so just now."""
    return min(spent_s / SHARE * max(catching_up, 1), LONGEST_S)

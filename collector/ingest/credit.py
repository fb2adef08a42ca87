"""How fast a terminal may empty a long queue. Pure: a drain gets a small share of the writer's time, so that the
others do not notice it."""

SHARE = 0.04
"""Of the writer's time for all terminals that catch up, together."""
MESSAGES = 50
LONGEST_S = 30.0
BACKLOG = 200
"""A terminal with more messages waiting than this catches up."""


def pause_s(spent_s: float, catching_up: int) -> float:
    """How long a terminal that catches up should wait before its next report, when its last took `spent_s` of the
    writer's time and `catching_up` terminals (at least this one) do so just now."""
    return min(spent_s / SHARE * max(catching_up, 1), LONGEST_S)

"""Which source is proven next. Pure; only this server's own times count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

AGAIN = timedelta(days=1)
"""After a try that proved nothing, or the contrary, of the same set."""
NEWER = timedelta(hours=1)
"""After a failed one, where a newer set has come: the fault may be over."""
SPARE = 2
"""So many times as many drills fit into a week as are needed: after a time without, the rest comes twice as fast."""
PAUSE = timedelta(hours=12)
"""At most between two drills, however few sources there are."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A source whose newest set can be opened here. `tried_at` is the last try of ours, however it ended, of the set
    `tried`; `outcome` is "" where nobody told how. `proven_at` is the last good drill of anybody."""

    terminal_id: str
    source: str
    snapshot: str
    proven_at: datetime | None = None
    tried_at: datetime | None = None
    tried: str = ""
    outcome: str = ""

    @property
    def stood_at(self) -> datetime | None:
        """What counts for its turn: one that cannot be proven does not keep the others waiting."""
        return max((at for at in (self.proven_at, self.tried_at) if at), default=None)


def is_due(one: Candidate, every: timedelta, now: datetime) -> bool:
    if one.stood_at is None or has_failed(one):
        return one.tried_at is None or now - one.tried_at >= (NEWER if one.tried != one.snapshot else AGAIN)
    if one.outcome in ("", "unproven") and one.tried_at == one.stood_at:
        return now - one.stood_at >= AGAIN
    return now - one.stood_at >= every


def has_failed(one: Candidate) -> bool:
    """Nobody has proven it since."""
    return one.outcome == "failed" and one.tried_at == one.stood_at


def choose(
    candidates: Sequence[Candidate], last_begun: datetime | None, every: timedelta, now: datetime
) -> Candidate | None:
    """The one whose proof is oldest, and none while the last drill is so young that the week has room for all. One
    that failed waits for no other: somebody works on its incident."""
    due = [one for one in candidates if is_due(one, every, now)]
    failed = [one for one in due if has_failed(one)]
    pause = min(PAUSE, every / (SPARE * max(1, len(candidates))))
    if not failed and last_begun and timedelta(0) <= now - last_begun < pause:
        return None
    # those that were never proven have no time, and come first
    order = failed or due
    return min(
        order,
        key=lambda one: (one.stood_at is not None, one.stood_at or now, one.terminal_id, one.source),
        default=None,
    )

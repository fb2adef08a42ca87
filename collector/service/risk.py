"""How risky a change is, from what happened with others like it. Pure; every point has a reason that is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

MEDIUM, HIGH = 35, 65
PRIOR_DONE, PRIOR_BAD = 8, 2
"""Before there is a history, two of ten are taken to go wrong; each change that was made outweighs a little of that."""


@dataclass(frozen=True, slots=True)
class Past:
    """A change that is over. `alike`: 1 for one of the same category and model, less for one that shares only one."""

    went_wrong: bool
    alike: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    tills: int
    sites: int = 1
    outage: bool = False
    touches_programme: bool = False
    shop_open: bool = False
    back_out: bool = True
    tested: bool = True
    recent_incidents: int = 0
    """On these tills within thirty days."""
    stale_backups: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """`word` is a key of the pages' table; `figure` goes with it."""

    word: str
    points: int
    figure: float = 0


@dataclass(frozen=True, slots=True)
class Risk:
    score: int
    reasons: tuple[Reason, ...]

    @property
    def level(self) -> str:
        return "high" if self.score >= HIGH else "medium" if self.score >= MEDIUM else "low"


def fail_rate(past: Sequence[Past]) -> float:
    """The share that went wrong, drawn to two in ten while few are known."""
    done = PRIOR_DONE + PRIOR_BAD + sum(one.alike for one in past)
    return (PRIOR_BAD + sum(one.alike for one in past if one.went_wrong)) / done


def score(proposed: Proposed, past: Sequence[Past]) -> Risk:
    """0 to 100. Adding a past failure never lowers it, adding a success never raises it."""
    rate = fail_rate(past)
    reasons = [
        Reason("history", round(50 * rate), round(100 * rate)),
        Reason("tills", min(15, 2 * (proposed.tills - 1)), proposed.tills),
        Reason("sites", min(10, 2 * (proposed.sites - 1)), proposed.sites),
        Reason("outage", 8 if proposed.outage else 0),
        Reason("programme", 12 if proposed.touches_programme else 0),
        Reason("shop_open", 12 if proposed.shop_open else 0),
        Reason("no_back_out", 0 if proposed.back_out else 15),
        Reason("untested", 0 if proposed.tested else 10),
        Reason("incidents", min(12, 3 * proposed.recent_incidents), proposed.recent_incidents),
        Reason("stale_backups", min(15, 5 * proposed.stale_backups), proposed.stale_backups),
    ]
    kept = tuple(sorted((one for one in reasons if one.points > 0), key=lambda one: -one.points))
    return Risk(min(100, sum(one.points for one in kept)), kept)

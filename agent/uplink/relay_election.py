"""Which neighbour carries this till to the collector. Pure: every till that hears the same elects the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from protocols.wire.relay import Reach

STEADY_S = 300.0
"""So long must a better relay have had its way without a break before it takes over from one that works."""
SHUN_S = 300.0
"""A relay that failed is not tried again for so long, while there is another."""
FULL = 1.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One relay's word about itself (protocols.wire.relay.Word), and the address (host, port) that it came from."""

    terminal: str
    address: tuple[str, int]
    reach: Reach
    steady_s: float
    load: float
    rank: int


def elect(heard: Sequence[Heard], current: str | None, failed_s: Mapping[str, float]) -> Heard | None:
    """The lowest (rank, terminal) that reaches the collector and has room. `failed_s`: the seconds since a relay last
    failed this till; such a one is the last resort. The current one stays while it can, until a better one has been
    steady. None where nobody can."""
    able = [h for h in heard if h.reach is Reach.REACHED and (h.load < FULL or h.terminal == current)]
    trusted = [h for h in able if failed_s.get(h.terminal, SHUN_S) >= SHUN_S]
    order = sorted(trusted or able, key=lambda h: (h.rank, h.terminal))
    if not order:
        return None
    kept = next((h for h in order if h.terminal == current), None)
    if kept is None:
        return order[0]
    return next((h for h in order if h is kept or h.steady_s >= STEADY_S), kept)

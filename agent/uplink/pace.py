"""How long to wait before the next try. Pure; the source of chance is handed in."""

from collections.abc import Callable

BASE_S = 1.0
CAP_S = 300.0


def back_off(
    attempt: int, chance: Callable[[], float], *, base_s: float = BASE_S, cap_s: float = CAP_S
) -> float:
    """Exponential back-off with full jitter: evenly between 0 and the doubled bound. `attempt` counts from 1,
    `chance` gives 0 to 1. A thousand tills whose line comes back together do not come back together."""
    bound: float = min(cap_s, base_s * 2 ** min(attempt - 1, 30))
    return bound * chance()

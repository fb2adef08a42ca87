"""The last update as a probe of the computer: did it come to its end?"""

from collections.abc import Callable

from agent.config import updating
from agent.system.probe import Condition, Measured

CODE = "agent.update_failed"
EVERY_S = 300.0


class UpdateProbe:
    """The fault stands until a later update succeeds, or the version that was wanted runs, however it came. `running`
    is this version."""

    name = "update"
    every_s = EVERY_S

    def __init__(self, running: str, told: Callable[[], updating.Told | None] = updating.read_told) -> None:
        self._running = running
        self._told = told

    def measure(self) -> Measured:
        told = self._told()
        if told is None or told.result == updating.GOOD or told.wanted == self._running:
            return Measured({}, (Condition(CODE, 0.0, 1.0, 0.0),))
        reason = f"version {told.wanted or 'unknown'}: {told.reason}"
        return Measured({}, (Condition(CODE, 1.0, 1.0, 0.0, reason),))

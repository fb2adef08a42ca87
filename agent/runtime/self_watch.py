"""The agent looks at itself: what it uses goes to the samples, too much of it before the judge, and work is shed before
it is too much."""

import logging
from collections.abc import Callable

from agent.clock import Clock
from agent.health import Level
from agent.runtime.budget import Budget, Decision, Usage
from agent.runtime.judging import Judging
from agent.runtime.outgoing import Outgoing
from protocols.wire import v1

EVERY_S = 60.0
OVER_BUDGET = "agent.over_budget"
_OVER_AT, _CLEAR_AT = 100.0, 80.0
"""Percent of a limit."""
_SUBJECT = v1.Subject(kind=v1.SubjectKind.TERMINAL)

log = logging.getLogger(__name__)


class SelfWatch:
    """`slow` is told how many times rarer polls and samples are to be. `heavy`: may work be done that can wait?"""

    def __init__(
        self,
        measure: Callable[[], Usage],
        budget: Budget,
        judging: Judging,
        outgoing: Outgoing,
        clock: Clock,
        *,
        slow: Callable[[float], None],
    ) -> None:
        self._measure = measure
        self._budget = budget
        self._judging = judging
        self._outgoing = outgoing
        self._clock = clock
        self._slow = slow
        self._last: Decision | None = None

    @property
    def heavy(self) -> bool:
        return self._last is None or self._last.heavy

    def look(self) -> None:
        usage = self._measure()
        decision = self._budget.look(usage)
        before = (self._last.factor, self._last.heavy) if self._last else (1.0, True)
        if (decision.factor, decision.heavy) != before:
            log.log(logging.WARNING if decision.factor > 1 else logging.INFO, "budget: %s", decision.reason)
        self._last = decision
        self._slow(decision.factor)
        now = self._clock.now()
        level = None if decision.worst is None else Level(round(decision.worst * 100, 1), _OVER_AT, _CLEAR_AT)
        self._judging.hear({OVER_BUDGET: level}, now, reason=decision.reason)
        values = _values(usage, decision)
        self._outgoing.later([v1.Sample(seq=1, at=now, subject=_SUBJECT, values=values)])


def _values(usage: Usage, decision: Decision) -> dict[str, float]:
    told = {
        "agent_cpu_percent": usage.cpu_percent,
        "agent_memory_mib": usage.memory_mib,
        "agent_disk_mib_per_h": usage.disk_mib_per_h,
        "agent_sent_mib_per_h": usage.sent_mib_per_h,
        "agent_late_s": usage.late_s,
        "agent_slowed": decision.factor,
    }
    return {name: round(value, 3) for name, value in told.items() if value is not None}

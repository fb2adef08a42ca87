"""Looks at the till's own computer: figures to the samples, conditions to the judge."""

import logging
from collections.abc import Sequence

from agent.clock import Clock
from agent.health import Level
from agent.runtime.judging import Judging
from agent.runtime.outgoing import Outgoing
from agent.system.probe import Condition, Measured, Probe
from protocols.wire import v1

log = logging.getLogger(__name__)


class HostWatch:
    def __init__(self, probes: Sequence[Probe], judging: Judging, outgoing: Outgoing, clock: Clock) -> None:
        self._probes = probes
        self._judging = judging
        self._outgoing = outgoing
        self._clock = clock

    def look(self) -> None:
        values: dict[str, float] = {}
        for probe in self._probes:
            measured = self._measure(probe)
            values.update(measured.values)
            for condition in measured.conditions:
                self._judging.hear(
                    {condition.code: _level(condition)}, self._clock.now(), reason=condition.reason
                )
        if values:
            subject = v1.Subject(kind=v1.SubjectKind.TERMINAL)
            self._outgoing.later([v1.Sample(seq=1, at=self._clock.now(), subject=subject, values=values)])

    def _measure(self, probe: Probe) -> Measured:
        try:
            return probe.measure()
        except OSError as e:
            log.warning("the probe %s could not look: %s", probe.name, e)
            return Measured()


def _level(condition: Condition) -> Level | None:
    if condition.value is None:
        return None
    return Level(condition.value, condition.raise_at, condition.clear_at)

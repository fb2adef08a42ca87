"""Looks at the till's own computer: figures to the samples, conditions to whoever judges them."""

import logging
from collections.abc import Callable, Sequence

from agent.clock import Clock
from agent.runtime.outgoing import Outgoing
from agent.system.probe import Condition, Probe
from protocols.wire import v1

log = logging.getLogger(__name__)


class HostWatch:
    def __init__(
        self,
        probes: Sequence[Probe],
        outgoing: Outgoing,
        judge: Callable[[Sequence[Condition]], None],
        clock: Clock,
    ) -> None:
        self._probes = probes
        self._outgoing = outgoing
        self._judge = judge
        self._clock = clock

    def look(self) -> None:
        values: dict[str, float] = {}
        conditions: list[Condition] = []
        for probe in self._probes:
            try:
                measured = probe.measure()
            except OSError as e:
                log.warning("the probe %s could not look: %s", probe.name, e)
                continue
            values.update(measured.values)
            conditions += measured.conditions
        self._judge(conditions)
        if values:
            subject = v1.Subject(kind=v1.SubjectKind.TERMINAL)
            self._outgoing.later([v1.Sample(seq=1, at=self._clock.now(), subject=subject, values=values)])

"""Brings what was seen before the judge, and what the judge decides on the disk: both or neither."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock

from agent.clock import Clock
from agent.health import Judge, Observation, Rule, Transition
from agent.runtime.outgoing import Outgoing
from agent.spool import Json, Spool, SpoolError
from protocols.wire import v1

HEALTH = "health."


class Judging:
    """One subject. What stands survives a restart, so that no event is told twice. Any thread may call."""

    def __init__(
        self, subject: v1.Subject, rules: Mapping[str, Rule], spool: Spool, outgoing: Outgoing, clock: Clock
    ) -> None:
        self._subject = subject
        self._key = f"{HEALTH}{subject.kind.value}.{subject.id}"
        self._outgoing = outgoing
        self._clock = clock
        self._judge = Judge(rules)
        self._lock = Lock()
        kept = spool.read_state(self._key)
        if isinstance(kept, dict):
            self._judge.restore({code: str(since) for code, since in kept.items()})

    def hear(
        self,
        observations: Mapping[str, Observation],
        now: datetime,
        *,
        reason: str = "",
        reasons: Mapping[str, str] = {},
        beside: Sequence[v1.AnyMessage] = (),
        state: Mapping[str, Json] | None = None,
    ) -> None:
        """Judge, and store the events with the messages and state values beside them in one transaction. On
        SpoolError nothing has changed, and the same is decided again next time."""
        with self._lock:
            before = self._judge.export()
            at_s = self._clock.monotonic()
            found = self._judge.observe(observations, at_s=at_s, now=now, reason=reason, reasons=reasons)
            if not found and not beside:
                return
            health: dict[str, Json] = {self._key: dict(self._judge.export())} if found else {}
            try:
                self._outgoing.tell([*beside, *map(self._event, found)], {**health, **(state or {})})
            except SpoolError:
                self._judge.restore(before)
                raise

    def _event(self, found: Transition) -> v1.Event:
        return v1.Event(
            seq=1,
            at=found.at,
            subject=self._subject,
            code=found.code,
            change=found.change,
            since=found.since,
            reason=found.reason[:400],
            detail=found.detail,
        )

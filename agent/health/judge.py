"""Keeps, for one subject, what is raised, and decides from each new set of observations what begins and
ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent.health.doubt import Doubt
from agent.health.observation import Level, Observation
from agent.health.rule import DEFAULT, RULES, Rule
from protocols.status.faults import fault
from protocols.wire.v1 import Change

Detail = dict[str, bool | int | float | str | None]


@dataclass(frozen=True, slots=True)
class Transition:
    """A fault began or ended. `at` is now, `since` when the condition was first seen, in both directions."""

    code: str
    change: Change
    at: datetime
    since: datetime
    reason: str
    detail: Detail


@dataclass(slots=True)
class _Case:
    """One code of this subject: since when it is raised, if it is, and what speaks for a change of that."""

    since: datetime | None = None
    doubt: Doubt = field(default_factory=Doubt)


class Judge:
    """One per subject (a device, the terminal, a backup). `rules`: see `agent.health.rule`."""

    def __init__(self, rules: Mapping[str, Rule] = RULES) -> None:
        self._rules = rules
        self._cases: dict[str, _Case] = {}
        self._raised: dict[str, datetime] = {}
        self._settled: dict[str, Observation] | None = None
        """What was observed last, where nothing is suspected: the same once more changes nothing."""

    @property
    def raised(self) -> dict[str, datetime]:
        """The codes that stand now, with the time since when."""
        return dict(self._raised)

    def observe(
        self,
        observations: Mapping[str, Observation],
        *,
        at_s: float,
        now: datetime,
        reason: str = "",
        reasons: Mapping[str, str] = {},
    ) -> list[Transition]:
        """`at_s`: monotonic seconds; `now`: aware wall time; `reason`: words of the observer about what it
        saw, instead of a count, and `reasons` those about single codes. A code that is not among the
        observations was not looked at. UsageError for a code outside the closed list."""
        if observations == self._settled:
            return []
        present = {code: self._present(code, value) for code, value in observations.items()}
        changes: list[Transition] = []
        for code, value in observations.items():
            change = self._weigh(code, present, at_s, now)
            if change:
                words = reasons.get(code) or reason or _words(change, self._cases[code].doubt.held_s(at_s))
                changes.append(self._tell(code, change, value, now, words))
        suspected = any(case.doubt.first_at for case in self._cases.values())
        self._settled = None if changes or suspected else dict(observations)
        return changes

    def export(self) -> dict[str, str]:
        """What stands, as plain data: code -> since (ISO 8601). What is only suspected is left out."""
        return {code: since.isoformat() for code, since in self._raised.items()}

    def restore(self, exported: Mapping[str, str]) -> None:
        """Take over what stood, and forget all else: after a restart, or when an outcome could not be
        stored."""
        self._cases.clear()
        self._raised.clear()
        self._settled = None
        for code, since in exported.items():
            self._case(code).since = self._raised[code] = datetime.fromisoformat(since)

    def _present(self, code: str, value: Observation) -> bool | None:
        if isinstance(value, Level):
            return value.present(raised=self._case(code).since is not None)
        return value

    def _case(self, code: str) -> _Case:
        if code not in self._cases:
            self._cases[fault(code).code] = _Case()
        return self._cases[code]

    def _weigh(
        self, code: str, present: Mapping[str, bool | None], at_s: float, now: datetime
    ) -> Change | None:
        case, rule, seen = self._case(code), self._rules.get(code, DEFAULT), present[code]
        raised = case.since is not None
        if seen is None:
            case.doubt.unknown()
            return None
        if raised:
            case.doubt.add(not seen, at_s, now, need=rule.clear_n, of=rule.clear_n)
            sure = case.doubt.believed(at_s, need=rule.clear_n, hold_s=rule.clear_hold_s)
            return Change.CLEARED if sure else None
        if seen and self._explained(rule, present):
            case.doubt.forget()
            return None
        case.doubt.add(seen, at_s, now, need=rule.raise_n, of=rule.raise_m)
        sure = seen and case.doubt.believed(at_s, need=rule.raise_n, hold_s=rule.raise_hold_s)
        return Change.RAISED if sure else None

    def _explained(self, rule: Rule, present: Mapping[str, bool | None]) -> bool:
        return any(present.get(cause) or cause in self._raised for cause in rule.causes)

    def _tell(self, code: str, change: Change, value: Observation, now: datetime, words: str) -> Transition:
        """Make the change true, and put it in words."""
        case = self._cases[code]
        since = case.since or case.doubt.first_at or now
        if change is Change.RAISED:
            case.since = self._raised[code] = since
        else:
            case.since = None
            self._raised.pop(code, None)
        case.doubt.forget()
        detail: Detail = {}
        if isinstance(value, Level):
            limit = value.raise_at if change is Change.RAISED else value.clear_at
            detail = {"value": value.value, "limit": limit}
        return Transition(code, change, now, since, words, detail)


def _words(change: Change, held_s: float) -> str:
    what = "seen" if change is Change.RAISED else "not seen any more"
    return f"{what} for {held_s:.1f} s" if held_s else what

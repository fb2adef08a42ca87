"""What the sensor of a cash drawer means, learned from kicks, and what the drawer does. Between two looks a short
opening is not seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent.health.plain import Plain

AGREEING = 2
"""Kicks that must agree on which level means open."""
SOON_S = 1.5
"""A look this soon after a kick sees the drawer as the kick left it, and so does one this soon after another
look that saw it shut: nobody opens and shuts it faster."""
OPENS_S = 5.0
"""A drawer that every look saw shut for this long after a kick, none later than SOON_S after the one before,
did not open. A kick that stands behind a receipt still being printed has come by then."""
LOOKS_S = (0.4, 0.9, 1.9, 2.9, 3.9, 5.1)
"""So many seconds after a kick the drawer is to be looked at, to know all this."""
_ALMOST_S = 0.05
BY_KICK_S = 10.0
"""An opening so soon after a kick is by that kick."""

Detail = dict[str, bool | int | float | str | None]


@dataclass(frozen=True, slots=True)
class DrawerFact:
    name: str
    at: datetime
    detail: Detail = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DrawerView:
    """`open` is None while it is not known which level means open; `stuck` is None but right after a kick."""

    open: bool | None
    stuck: bool | None = None
    facts: tuple[DrawerFact, ...] = ()


@dataclass(slots=True)
class _Kick:
    """`level` and `open`: what the last look before it saw. `seen_s`: the last look after it; None once two
    were too far apart."""

    at_s: float
    level: bool | None
    open: bool | None
    seen_s: float | None
    learned: bool = False


class Drawer:
    """`open_when_high`: what the configuration says, which wins over what is learned. `sees_kicks`: every kick
    is told; else an opening without one proves nothing.

    Polarity: a kick is evidence when the level soon after it differs from the one before it; the new one is
    then open. AGREEING kicks in a row make it known; one that says the opposite makes it unknown again."""

    def __init__(self, open_when_high: bool | None = None, *, sees_kicks: bool = False) -> None:
        self._configured = open_when_high
        self.sees_kicks = sees_kicks
        self.kicks = 0
        self._votes: list[bool] = []
        self._known: bool | None = None
        self._level: bool | None = None
        self._kick: _Kick | None = None
        self._kicked_s: float | None = None
        self._shut_s: float | None = None
        self._opened_at: datetime | None = None
        self._open: bool | None = None
        self._contradicted = False

    @property
    def open_when_high(self) -> bool | None:
        return self._known if self._configured is None else self._configured

    def kicked(self, at_s: float) -> None:
        """`at_s`: monotonic seconds. Call before the first look after it."""
        self.kicks += 1
        self._kicked_s = at_s
        self._kick = _Kick(at_s, self._level, self._open, at_s)

    def wants_look_s(self, at_s: float) -> float | None:
        """Seconds until the drawer should be looked at again because of a kick; None: no kick waits."""
        if self._kick is None:
            return None
        since_s = at_s - self._kick.at_s
        return next((due_s - since_s for due_s in LOOKS_S if due_s > since_s + _ALMOST_S), None)

    def look(self, level: bool | None, told_open: bool | None, at_s: float, now: datetime) -> DrawerView:
        """One reading: the level of the sensor (True: high), or where the device itself says open or shut,
        that."""
        if level is None and told_open is None:
            self._blind()
            return DrawerView(None)
        facts = self._learn(level, at_s, now) if level is not None else []
        is_open = told_open if level is None else self._meant(level)
        stuck = self._stuck(is_open, at_s)
        facts += self._moved(is_open, at_s, now)
        self._level = level
        return DrawerView(is_open, stuck, tuple(facts))

    def _meant(self, level: bool) -> bool | None:
        meaning = self.open_when_high
        return None if meaning is None else level is meaning

    def _blind(self) -> None:
        """What happened while nobody could look is not known: no opening and no kick is judged by it."""
        self._level = self._open = self._opened_at = self._kick = self._kicked_s = self._shut_s = None

    def _learn(self, high: bool, at_s: float, now: datetime) -> list[DrawerFact]:
        kick = self._kick
        if kick is None or kick.learned or kick.level is None or high is kick.level:
            return []
        if at_s - kick.at_s > SOON_S:
            return []
        kick.learned = True
        if self._configured is not None:
            return self._doubt_configured(high, now)
        if self._known is not None and high is not self._known:
            self._known, self._votes = None, [high]
            return [DrawerFact("drawer.polarity_unknown", now, {"evidence_open_when": _word(high)})]
        self._votes = [*self._votes, high][-AGREEING:]
        if self._known is None and self._votes == [high] * AGREEING:
            self._known = high
            return [DrawerFact("drawer.polarity_learned", now, {"open_when": _word(high)})]
        return []

    def _doubt_configured(self, high: bool, now: datetime) -> list[DrawerFact]:
        contradicts = high is not self._configured
        told, self._contradicted = self._contradicted, contradicts
        if not contradicts or told:
            return []
        return [DrawerFact("drawer.polarity_contradicted", now, {"evidence_open_when": _word(high)})]

    def _stuck(self, is_open: bool | None, at_s: float) -> bool | None:
        """Judged once, for a kick that found the drawer shut."""
        kick = self._kick
        if kick is None:
            return None
        since_s = at_s - kick.at_s
        if is_open is False and kick.seen_s is not None:
            kick.seen_s = at_s if at_s - kick.seen_s <= SOON_S else None
        if is_open is False and since_s < OPENS_S:
            return None
        if is_open is None and since_s < SOON_S:
            return None
        self._kick = None
        if is_open:
            return False
        return True if is_open is False and kick.open is False and kick.seen_s is not None else None

    def _moved(self, is_open: bool | None, at_s: float, now: datetime) -> list[DrawerFact]:
        before, self._open = self._open, is_open
        began, shut_s = self._opened_at, self._shut_s
        if not is_open:
            self._opened_at = None
            self._shut_s = at_s if is_open is False else None
        if is_open and before is False:
            self._opened_at = now
            return [DrawerFact("drawer.opened", now, self._by_kick(shut_s, at_s))]
        if is_open is False and before:
            return [DrawerFact("drawer.closed", now, _for(began, now))]
        return []

    def _by_kick(self, shut_s: float | None, at_s: float) -> Detail:
        """`kicked`: left out where kicks are not seen."""
        kicked_s, self._kicked_s = self._kicked_s, None
        kicked = kicked_s is not None and (
            at_s - kicked_s <= BY_KICK_S or (shut_s is not None and kicked_s >= shut_s)
        )
        return {"kicked": kicked} if kicked or self.sees_kicks else {}

    def export(self) -> dict[str, Plain]:
        return {"kicks": self.kicks, "open_when_high": self._known, "votes": list(self._votes)}

    def restore(self, kept: Mapping[str, Plain]) -> None:
        kicks, known, votes = kept.get("kicks"), kept.get("open_when_high"), kept.get("votes")
        self.kicks = kicks if isinstance(kicks, int) else 0
        self._known = known if isinstance(known, bool) else None
        self._votes = [v for v in votes if isinstance(v, bool)] if isinstance(votes, list) else []


def _for(began: datetime | None, now: datetime) -> Detail:
    return {} if began is None else {"open_s": round((now - began).total_seconds(), 1)}


def _word(high: bool) -> str:
    return "high" if high else "low"

"""Incidents in memory: for looking back over a stored period, for the scenarios and for the benchmark."""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from heapq import heappop, heappush

from collector.incidents.engine.cause import CAUSES
from collector.incidents.engine.decisions import (
    Clear,
    Decision,
    Escalate,
    Open,
    Release,
    Reopen,
    Repeat,
    Resolve,
    Suppress,
)
from collector.incidents.engine.facts import Known, Spot, Watch, Why, area_place, site_place
from collector.incidents.engine.place import Place

_COUNTED = (Repeat, Reopen)
_MAY_BE_QUIET = (*_COUNTED, Clear)


@dataclass(slots=True)
class Story:
    """What became of one incident: how often its fault came, how often the incident was reopened, and its steps."""

    count: int = 1
    steps: list[tuple[str, datetime]] = field(default_factory=list)
    resolved_at: datetime | None = None


@lru_cache(maxsize=65_536)
def _about(name: str, site: int | None, areas: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a place, its areas and its shop."""
    shop = () if site is None else (site_place(site),)
    return (name, *(area_place(area) for area in areas), *shop)


class Memory:
    """`place` finds a place by its name."""

    def __init__(self, place: Callable[[str], Place]) -> None:
        self.incidents: list[Known] = []
        self.stories: list[Story] = []
        self._place = place
        self._watches: dict[Spot, Watch] = {}
        self._newest: dict[Spot, int] = {}
        self._open_in: dict[str, dict[int, None]] = {}
        self._causes_in: dict[str, dict[int, Known]] = {}
        self._of_shop: dict[int, dict[int, None]] = {}
        self._effects: dict[int, dict[int, None]] = {}
        self._standing: dict[str, list[tuple[datetime, int]]] = {}
        self._stormed: dict[str, list[datetime]] = {}
        self._due: list[tuple[datetime, Spot]] = []
        self._ended: dict[int, None] = {}
        self._maintained: dict[int, None] = {}

    def watch(self, spot: Spot) -> Watch | None:
        return self._watches.get(spot)

    def keep(self, watch: Watch) -> None:
        self._watches[watch.spot] = watch
        if watch.due_at is not None:
            heappush(self._due, (watch.due_at, watch.spot))

    def newest(self, spot: Spot) -> Known | None:
        found = self._newest.get(spot)
        return None if found is None else self.incidents[found]

    def get(self, incident: int) -> Known | None:
        return self.incidents[incident]

    def place_of(self, known: Known) -> Place:
        return self._place(known.spot.place)

    def around(self, place: Place, codes: Collection[str]) -> list[Known]:
        """Only of `cause.CAUSES`, which is all that is asked for."""
        causes, found = self._causes_in, []
        for name in _about(place.name, place.site, place.areas):
            group = causes.get(name)
            if group:
                found += [one for one in group.values() if one.spot.code in codes]
        return found

    def within(self, cause: Known) -> list[Known]:
        if cause.terminal:
            numbers: Iterable[int] = self._open_in.get(cause.spot.place, ())
        elif cause.site is not None:
            numbers = self._of_shop.get(cause.site, ())
        else:
            numbers = [n for name, group in self._open_in.items() if name.startswith("site/") for n in group]
        return [self.incidents[n] for n in numbers if not self.incidents[n].why]

    def effects(self, cause: int) -> Iterator[Known]:
        return (self.incidents[number] for number in self._effects.get(cause, ()))

    def standing(self, code: str, since: datetime, until: datetime, most: int) -> list[Known]:
        times = self._standing.get(code, [])
        first = bisect_left(times, (since, -1))
        found = times[first : first + most]
        return [self.incidents[n] for at, n in found if at <= until]

    def stormed(self, code: str, since: datetime, until: datetime) -> bool:
        times = self._stormed.get(code, [])
        found = bisect_left(times, since)
        return found < len(times) and times[found] <= until

    def due(self, now: datetime) -> Iterator[Spot]:
        """Those whose time has come, each once, in the order of their times. What a look at them makes due at once is
        among them."""
        while self._due and self._due[0][0] <= now:
            at, spot = heappop(self._due)
            watch = self._watches.get(spot)
            if watch is not None and watch.due_at == at:
                yield spot

    def next_due(self) -> datetime | None:
        while self._due:
            at, spot = self._due[0]
            watch = self._watches.get(spot)
            if watch is not None and watch.due_at == at:
                return at
            heappop(self._due)
        return None

    def doubtful(self) -> list[Known]:
        """Those whose cause has ended since this was asked last, and those that a window keeps."""
        causes, self._ended = self._ended, {}
        numbers = [n for cause in causes for n in self._effects.get(cause, ())]
        return [self.incidents[n] for n in (*numbers, *self._maintained)]

    def open_in(self, place: str) -> list[Known]:
        return [self.incidents[n] for n in self._open_in.get(place, ())]

    def open(self) -> list[Known]:
        return [self.incidents[n] for group in self._open_in.values() for n in group]

    def write(self, decision: Decision, place: Place, now: datetime) -> Known:  # noqa: ARG002 - as a Book
        if isinstance(decision, Open):
            return self._open(decision, place)
        known = self.incidents[decision.incident]
        self._change(known, decision)
        self._note(known, decision)
        return known

    def _open(self, decision: Open, place: Place) -> Known:
        known = Known(
            id=len(self.incidents),
            spot=decision.spot,
            rule=decision.rule,
            severity=decision.severity,
            since=decision.since,
            opened_at=decision.at,
            terminal=place.terminal,
            site=place.site,
        )
        self.incidents.append(known)
        self.stories.append(Story(steps=[("Open", decision.at)]))
        self._newest[decision.spot] = known.id
        self._list(known)
        return known

    def _change(self, known: Known, decision: Decision) -> None:
        match decision:
            case Suppress():
                self._suppress(known, decision)
            case Clear():
                known.cleared_at = decision.at
            case Resolve():
                self._unlist(known)
                known.open, known.by_itself = False, True
            case Reopen():
                self._reopen(known)
            case Escalate():
                known.severity = decision.severity
            case Release():
                self._let_go(known)
                known.why, known.cause = "", None
                self._stand(known)

    def _suppress(self, known: Known, decision: Suppress) -> None:
        self._let_go(known)
        if decision.why == Why.MAINTENANCE:
            self._maintained[known.id] = None
        if decision.cause is not None:
            self._effects.setdefault(decision.cause, {})[known.id] = None
        if decision.why == Why.STORM:
            insort(self._stormed.setdefault(known.spot.code, []), known.opened_at)
        known.why, known.cause = decision.why, decision.cause

    def _reopen(self, known: Known) -> None:
        known.cleared_at = None
        if known.open:
            return
        known.open, known.by_itself, known.why, known.cause = True, False, "", None
        self._list(known)

    def _note(self, known: Known, decision: Decision) -> None:
        story = self.stories[known.id]
        if isinstance(decision, _COUNTED):
            story.count += 1
        if isinstance(decision, Resolve):
            story.resolved_at = decision.at
        elif isinstance(decision, Reopen):
            story.resolved_at = None
        if isinstance(decision, _MAY_BE_QUIET) and decision.quiet:
            return
        story.steps.append((type(decision).__name__, decision.at))

    def _list(self, known: Known) -> None:
        self._open_in.setdefault(known.spot.place, {})[known.id] = None
        if known.spot.code in CAUSES:
            self._causes_in.setdefault(known.spot.place, {})[known.id] = known
        if known.site is not None:
            self._of_shop.setdefault(known.site, {})[known.id] = None
        self._stand(known)

    def _stand(self, known: Known) -> None:
        if known.terminal or known.site is not None:
            insort(self._standing.setdefault(known.spot.code, []), (known.opened_at, known.id))

    def _unlist(self, known: Known) -> None:
        self._open_in[known.spot.place].pop(known.id, None)
        if known.spot.code in CAUSES:
            self._causes_in[known.spot.place].pop(known.id, None)
        if known.site is not None:
            self._of_shop[known.site].pop(known.id, None)
        if self._effects.get(known.id):
            self._ended[known.id] = None
        self._let_go(known)

    def _let_go(self, known: Known) -> None:
        """It is neither suppressed nor does it stand."""
        self._maintained.pop(known.id, None)
        if known.cause is not None:
            self._effects.get(known.cause, {}).pop(known.id, None)
        if known.why:
            return
        times, one = self._standing.get(known.spot.code, []), (known.opened_at, known.id)
        found = bisect_left(times, one)
        if found < len(times) and times[found] == one:
            del times[found]

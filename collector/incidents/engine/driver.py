"""Asks what a happening, or time, means, and writes it down: the same steps in memory and in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.incidents.engine import cause, course, storm
from collector.incidents.engine.book import Book
from collector.incidents.engine.course import Judged
from collector.incidents.engine.decisions import Decision, Flap, Open, Release, Reopen, Resolve, Suppress
from collector.incidents.engine.facts import NONE, Happening, Known, Spot, Watch, Why, mark_of
from collector.incidents.engine.place import Place
from collector.incidents.engine.policy import Policy, Rules

_STANDS_ANEW = (Open, Reopen)


@dataclass(slots=True)
class Driver:
    """`now` is given with every call; a driver keeps nothing between two but the book."""

    book: Book
    rules: Rules

    def tell(self, happening: Happening, place: Place, now: datetime, ahead: timedelta = NONE) -> None:
        """Somebody told of a fault. Nothing for a code that no rule knows, and for what was told before."""
        found = self.rules.for_code(happening.key.code)
        if found is None:
            return
        spot = Spot.of(place.name, happening.key)
        known = self.book.newest(spot)
        watch = self.book.watch(spot) or Watch.of(spot, known)
        mark = mark_of(happening.at, happening.raised)
        if course.is_double(watch, mark):
            return
        by = Judged(found[0], found[1], place)
        known, _due_at = self._advance(watch, known, by, happening.at, now)
        calm = watch.flapping_since is None
        watch.hear(happening, mark, ahead)
        decision = course.hear(watch, known, happening, by)
        if decision is not None:
            known = self._write(decision, by, now)
        if watch.waits:
            known, due_at = self._advance(watch, known, by, happening.at, now)
        else:
            due_at = course.next_at(watch, known, by)
        if calm and watch.flapping_since is not None and known is not None and known.open:
            self._write(Flap(known.id, happening.at), by, now)
        self._keep(watch, due_at)

    def look(self, spot: Spot, place: Place, now: datetime) -> None:
        """Time has passed."""
        found = self.rules.for_code(spot.code)
        watch, known = self.book.watch(spot), self.book.newest(spot)
        if watch is None or found is None:
            return
        by = Judged(found[0], found[1], place)
        _known, due_at = self._advance(watch, known, by, now - watch.ahead, now)
        self._keep(watch, due_at)

    def rejudge(self, known: Known, now: datetime) -> None:
        """What suppressed this incident may be over: it finds another cause, or stands on its own. One whose fault is
        gone meanwhile stays as it is and resolves itself."""
        if not known.lasting or not known.why or self._still(known, now):
            return
        place = self.book.place_of(known)
        if not self._find_cause(known, place, now, now):
            self._write_plain(Release(known.id, now), place, now)

    def maintain(self, known: Known, now: datetime) -> None:
        """A window may have begun in which nobody is to be called for what is open there."""
        if known.why or not known.lasting:
            return
        place = self.book.place_of(known)
        if _maintained(known, place, now):
            self._write_plain(Suppress(known.id, now, Why.MAINTENANCE), place, now)

    def calm(self, summary: Known, now: datetime) -> None:
        """The summary of a storm ends when none of it lasts."""
        if not any(one.lasting for one in self.book.effects(summary.id)):
            place = self.book.place_of(summary)
            self.tell(storm.over(summary, now), place, now)

    def _still(self, known: Known, now: datetime) -> bool:
        if known.why == Why.MAINTENANCE:
            return _maintained(known, self.book.place_of(known), now)
        holds = self.book.get(known.cause) if known.cause is not None else None
        return holds is not None and holds.open

    def _advance(
        self, watch: Watch, known: Known | None, by: Judged, to: datetime, now: datetime
    ) -> tuple[Known | None, datetime | None]:
        """What time alone brought; the incident then, and when time brings more."""
        at = course.next_at(watch, known, by)
        while at is not None and at <= to:
            decision = course.brought(watch, known, by, at)
            known = self._write(decision, by, now)
            watch.waits = False
            if isinstance(decision, Resolve):
                watch.flapping_since = None
            at = course.next_at(watch, known, by)
        return known, at

    def _keep(self, watch: Watch, due_at: datetime | None) -> None:
        watch.due_at = None if due_at is None else due_at + watch.ahead
        self.book.keep(watch)

    def _write(self, decision: Decision, by: Judged, now: datetime) -> Known:
        known = self.book.write(decision, by.place, now)
        if isinstance(decision, _STANDS_ANEW):
            self._settle(known, by.policy, by.place, decision.at, now)
            known = self.book.get(known.id) or known
        return known

    def _write_plain(self, decision: Decision, place: Place, now: datetime) -> None:
        self.book.write(decision, place, now)

    def _settle(self, known: Known, policy: Policy, place: Place, at: datetime, now: datetime) -> None:
        """A newly opened incident has a cause, or is one, or is one of too many."""
        if not known.why and not self._find_cause(known, place, at, now):
            self._weather(known, policy, now)
        if known.spot.code in cause.CAUSES:
            self._adopt(known, at, now)

    def _find_cause(self, known: Known, place: Place, at: datetime, now: datetime) -> bool:
        codes = cause.causes_of(known.spot.code)
        if not codes:
            return False
        found = cause.nearest(known, self.book.around(place, codes), place)
        if found is None:
            return False
        self._write_plain(Suppress(known.id, at, Why.CAUSE, found.id), place, now)
        return True

    def _adopt(self, known: Known, at: datetime, now: datetime) -> None:
        for one in list(self.book.within(known)):
            place = self.book.place_of(one)
            areas = place.areas if known.site is None else ()
            if cause.explains(known, one, areas) is not None:
                self._write_plain(Suppress(one.id, at, Why.CAUSE, known.id), place, now)

    def _weather(self, known: Known, policy: Policy, now: datetime) -> None:
        """Too many of one kind at once are one incident with a summary."""
        if storm.is_summary(known):
            return
        code, span = known.spot.code, policy.spans.storm
        since, until = known.opened_at - span, known.opened_at + span
        if self.book.stormed(code, since, until):
            summary = self.book.newest(storm.spot_of(code))
            if summary is not None and summary.lasting:
                self._into(summary, self.book.standing(code, since, until, 2 * policy.storm), now)
                return
        near = self.book.standing(code, since, until, 2 * policy.storm)
        if len(near) > policy.storm and storm.too_many(near, policy):
            self._raise_storm(code, near, now)

    def _raise_storm(self, code: str, near: Sequence[Known], now: datetime) -> None:
        self.tell(storm.begun(code, near), storm.SKY, now)
        summary = self.book.newest(storm.spot_of(code))
        if summary is not None and summary.lasting:
            self._into(summary, near, now)

    def _into(self, summary: Known, near: Sequence[Known], now: datetime) -> None:
        for one in near:
            place = self.book.place_of(one)
            self._write_plain(Suppress(one.id, one.opened_at, Why.STORM, summary.id), place, now)


def _maintained(known: Known, place: Place, now: datetime) -> bool:
    device = known.spot.id if known.spot.kind == "device" else ""
    return place.maintained_until(now, device) is not None

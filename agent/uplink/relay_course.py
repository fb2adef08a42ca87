"""Keeps the log of the ways to the collector: which one reports go by, and what was dead for how long."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from agent.clock import Clock
from agent.uplink.relay_diagnosis import Finding, Outage, Verdict
from agent.uplink.relay_election import Heard
from protocols.wire.relay import Reach

TOLD_S = 60.0
"""A shorter time without an own way, and without a relay, is not worth a fact."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Course:
    """By which way the last request went that the collector answered (`relay`: terminal id and name, "" for the own
    way; `since` None: none yet), and what is dead since when."""

    relay: str = ""
    name: str = ""
    address: str = ""
    since: datetime | None = None
    finding: Finding | None = None
    dead_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """The first request after a change went by this way (as in Course). `finding`: what was dead or still is, seen
    for the longest of the `lasted_s` since `dead_since`."""

    relay: str
    name: str
    finding: Finding
    dead_since: datetime
    lasted_s: float


class Listener(Protocol):
    """Called in the thread that sends."""

    def seen(self, reach: Reach) -> None:
        """How the own way just ended."""

    def changed(self, course: Course) -> None:
        """For whoever asks for the status."""

    def passed(self, what: Passed) -> None:
        """Worth telling the collector, who is reached now."""


class Logbook:
    def __init__(self, clock: Clock, listener: Listener) -> None:
        self._clock = clock
        self._listener = listener
        self._course = Course()
        self._outage: Outage | None = None
        self._stranded: tuple[Outage, datetime] | None = None

    def dead(self, finding: Finding) -> None:
        """The own way is dead, and this is what it looks like now."""
        now_s, now = self._clock.monotonic(), self._clock.now()
        if not self._outage:
            self._outage = Outage(now_s)
            self._course = replace(self._course, dead_since=now)
        self._outage.see(finding, now_s)
        if finding.verdict is not Verdict.OWN_WAY:
            self._stranded = self._stranded or (Outage(now_s), now)
            self._stranded[0].see(finding, now_s)
        if finding != self._course.finding:
            log.warning("no own way to the collector (%s): %s", finding.verdict, finding.reason)
            self._set(replace(self._course, finding=finding))

    def own(self) -> None:
        """The collector answered over the own way."""
        course = self._course
        if course.since and not course.relay and not self._outage:
            return
        passed = self._passed("", "")
        if passed and (course.relay or passed.lasted_s >= TOLD_S):
            log.info("the own way to the collector is back after %.0f s", passed.lasted_s)
            self._listener.passed(passed)
        self._outage = self._stranded = None
        since = self._clock.now() if course.relay or not course.since else course.since
        self._set(Course(since=since))

    def over(self, relay: Heard, name: str) -> None:
        """The collector answered through this neighbour."""
        stranded, self._stranded = self._stranded, None
        if self._course.relay == relay.terminal:
            if stranded:
                self._carried_again(relay, name, *stranded)
            return
        log.warning("reports go through the neighbour %s", name)
        address = f"{relay.address[0]}:{relay.address[1]}"
        course = replace(
            self._course, relay=relay.terminal, name=name, address=address, since=self._clock.now()
        )
        self._set(course)
        if passed := self._passed(relay.terminal, name):
            self._listener.passed(passed)

    def _carried_again(self, relay: Heard, name: str, stranded: Outage, since: datetime) -> None:
        now_s = self._clock.monotonic()
        finding, lasted_s = stranded.finding(now_s), now_s - stranded.began_s
        if finding and lasted_s >= TOLD_S:
            self._listener.passed(Passed(relay.terminal, name, finding, since, lasted_s))

    def _passed(self, relay: str, name: str) -> Passed | None:
        """None where nothing was dead."""
        outage, since = self._outage, self._course.dead_since
        if not outage or not since:
            return None
        now_s = self._clock.monotonic()
        finding = outage.finding(now_s) or Finding(Verdict.UNKNOWN, "")
        return Passed(relay, name, finding, since, now_s - outage.began_s)

    def _set(self, course: Course) -> None:
        if course != self._course:
            self._course = course
            self._listener.changed(course)

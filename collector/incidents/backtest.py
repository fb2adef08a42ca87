"""A stored period once more, through other rules: which incidents would have opened, merged into a cause, and ended.
Reads what agents told; changes nothing. What fell silent is taken from the incidents of then, because a report that
held nothing is not stored."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from heapq import merge

from collector.incidents import kept_rules
from collector.incidents.engine.cause import SILENT, SITE
from collector.incidents.engine.facts import Happening, Key
from collector.incidents.engine.place import Here, Place
from collector.incidents.engine.policy import PolicyRefused, Rules
from collector.incidents.engine.replay import Replay
from collector.incidents.models import Kind, Transition
from collector.incidents.place import here, name_of
from collector.inventory.models import Site
from protocols.wire.v1 import Change, SubjectKind

LONGEST = timedelta(days=92)
MOST = 200_000
"""So many events are replayed at most; a longer period is to be cut."""

Told = tuple[datetime, str, Happening]


@dataclass(frozen=True, slots=True)
class Line:
    """One incident as it would have been. `changed` against the rules that hold now: "new", "gone", "other", ""."""

    place: str
    subject: str
    code: str
    rule: str
    severity: str
    opened_at: datetime
    resolved_at: datetime | None
    count: int
    why: str
    cause: str
    changed: str = ""

    @property
    def same_as(self) -> tuple[str, str, str, datetime]:
        return self.place, self.subject, self.code, self.opened_at


@dataclass(slots=True)
class Outcome:
    """`told`: incidents that stood on their own in the end; `merged`: those that were effects of another, or of a
    storm; `closed`: those that ended by themselves."""

    events: int = 0
    opened: int = 0
    told: int = 0
    merged: int = 0
    closed: int = 0
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Backtest:
    """`now`: by the rules that hold; `then`: by the changed ones. `differing`: what would be otherwise."""

    now: Outcome
    then: Outcome
    differing: list[Line]


def run(
    changed: Mapping[str, Mapping[str, object]], begin: datetime, end: datetime, events: Iterable[Told]
) -> Backtest:
    """`changed`: rule -> figures, in the place of those that people set. `events`: in order, such as those of
    `silences` and of whoever keeps messages. PolicyRefused where a figure is none, or the period is too long or holds
    too much."""
    if not begin < end <= begin + LONGEST:
        raise PolicyRefused(
            f"a period ends after it begins, {LONGEST.days} days later at most", code="rule.period"
        )
    told = _bounded(events)
    before = _played(kept_rules.current(), told, end)
    after = _played(kept_rules.with_changes({**kept_rules.changes(), **changed}), told, end)
    return Backtest(before, after, _differing(before.lines, after.lines))


def _bounded(events: Iterable[Told]) -> list[Told]:
    told = []
    for one in events:
        told.append(one)
        if len(told) > MOST:
            raise PolicyRefused(f"more than {MOST} events: choose a shorter period", code="rule.period")
    return told


def silences(begin: datetime, end: datetime) -> Iterator[Told]:
    """What the collector itself found then: who fell silent, and when he was heard again."""
    kinds = {Kind.OPENED: Change.RAISED, Kind.REOPENED: Change.RAISED, Kind.CLEARED: Change.CLEARED}
    rows = Transition.objects.filter(
        at__range=(begin, end), kind__in=list(kinds), incident__code__in=(SILENT, SITE), incident__area=""
    )
    for row in rows.select_related("incident").order_by("at", "id").iterator():
        change = kinds[Kind(row.kind)]
        since = row.incident.since if row.kind == Kind.OPENED else row.at
        key = Key(SubjectKind.TERMINAL, "", row.incident.code)
        yield row.at, name_of(row.incident), Happening(key=key, change=change, at=row.at, since=since)


def in_order(*streams: Iterable[Told]) -> Iterator[Told]:
    return merge(*streams, key=lambda one: one[0])


def _played(rules: Rules, told: Iterable[Told], end: datetime) -> Outcome:
    world, count = Replay(_places(), rules), 0
    for at, place, happening in told:
        _pass_time(world, at)
        world.tell(place, happening, at)
        count += 1
    _pass_time(world, end)
    world.tick(end)
    return _outcome(world, count)


def _pass_time(world: Replay, to: datetime) -> None:
    """Look whenever something is due, as the collector would have."""
    while (due := world.book.next_due()) is not None and due <= to:
        world.tick(due)


def _places() -> Callable[[str], Place]:
    @cache
    def place(name: str) -> Place:
        kind, _slash, rest = name.partition("/")
        if kind == "till" and (site := Site.objects.filter(terminals=rest).first()):
            return here(name, site, rest)
        if kind == "site" and (site := Site.objects.filter(pk=int(rest)).first()):
            return here(name, site)
        return Here(name=name)

    return place


def _outcome(world: Replay, events: int) -> Outcome:
    book, found = world.book, Outcome(events=events)
    for known, story in zip(book.incidents, book.stories, strict=True):
        cause = book.incidents[known.cause].spot if known.cause is not None else None
        found.opened += 1
        found.merged += bool(known.why)
        found.told += not known.why
        found.closed += not known.open
        found.lines.append(
            Line(
                place=known.spot.place,
                subject=known.spot.id,
                code=known.spot.code,
                rule=known.rule,
                severity=known.severity.value,
                opened_at=known.opened_at,
                resolved_at=story.resolved_at,
                count=story.count,
                why=known.why,
                cause=f"{cause.place} {cause.code}" if cause else "",
            )
        )
    return found


def _differing(before: Iterable[Line], after: Iterable[Line]) -> list[Line]:
    was = {line.same_as: line for line in before}
    found = []
    for line in after:
        old = was.pop(line.same_as, None)
        if old is None:
            found.append(replace(line, changed="new"))
        elif old != line:
            found.append(replace(line, changed="other"))
    found += [replace(line, changed="gone") for line in was.values()]
    return sorted(found, key=lambda line: line.opened_at)

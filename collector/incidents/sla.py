"""The clocks of an incident or a request, worked out from the history of its states, a calendar and a target. Pure:
nothing is kept, and the same history gives the same clock at any time. What a state does to each clock is
docs/decisions/0017."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from collector.core.worktime import NoWorkingTime, WorkCalendar
from collector.incidents.life import ENDED, WAITING, State

WARN_AT = (50, 75, 100)
"""Per cent of a target at which somebody is warned."""
_ZERO = timedelta()


class Metric(StrEnum):
    """`tto`: until somebody takes it and answers; `ttr`: until it is solved; `ola`: in one queue."""

    TTO = "tto"
    TTR = "ttr"
    OLA = "ola"


class Told(StrEnum):
    """Who told the moment at which a clock began or stopped: people at the desk, or the device itself."""

    DESK = "desk"
    DEVICE = "device"


class Standing(StrEnum):
    """`held`: the device works again and the incident is not resolved yet; the clock goes on if it fails again."""

    RUNNING = "running"
    PAUSED = "paused"
    HELD = "held"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What holds from `at` on, until the next step. `until`: a wait pauses no longer than to this moment. `answered`: a
    person has answered the customer by now (an automatic reply is none). `good`: the device says that it works.
    `told`: who told `at`."""

    at: datetime
    state: State
    until: datetime | None = None
    answered: bool = False
    good: bool = False
    queue: str = ""
    told: Told = Told.DESK


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """At most `minutes` of working time. `priority` None and `kind`, `queue` empty: for all of them."""

    metric: Metric
    minutes: int
    priority: int | None = None
    kind: str = ""
    queue: str = ""

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Mark:
    """`percent` of the target was used up at `at`, or will be if nothing changes; None: not as long as it waits."""

    percent: int
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """`due_at`: when the target is used up; of a clock that waits, if it went on now; None for one that stopped in
    time. `resumes_at`: the end of the wait. `supplier`: how much of `spent` was waiting for a supplier."""

    metric: Metric
    standing: Standing
    target: timedelta
    spent: timedelta
    started_at: datetime
    started_by: Told
    stopped_at: datetime | None
    stopped_by: Told
    due_at: datetime | None
    resumes_at: datetime | None
    marks: tuple[Mark, ...]
    supplier: timedelta = _ZERO
    working: bool = True

    @property
    def left(self) -> timedelta:
        """Negative where it is late."""
        return self.target - self.spent

    @property
    def late(self) -> bool:
        return self.spent > self.target

    @property
    def percent(self) -> int:
        return int(self.spent * 100 / self.target) if self.target else 100

    @property
    def sorts_at(self) -> datetime | None:
        """What a queue is sorted by: the moment at which it is late if a wait lasts as long as was said. It does not
        move while nothing happens to the incident."""
        return next((mark.at for mark in self.marks if mark.percent == 100), None)


@dataclass(frozen=True, slots=True)
class _Span:
    begin: datetime
    end: datetime | None
    does: Standing
    told: Told
    state: State

    def within(self, now: datetime) -> datetime:
        """Its end, as far as it has come."""
        return now if self.end is None else max(self.begin, min(self.end, now))


def choose(
    targets: Iterable[Target],
    metric: Metric,
    *,
    priority: int | None,
    kind: str = "incident",
    queue: str = "",
) -> Target | None:
    """The shortest target that fits; None where none does. A priority that is not known yet fits those that are for
    every priority."""
    fitting = (
        t
        for t in targets
        if t.metric is metric
        and t.priority in (None, priority)
        and t.kind in ("", kind)
        and t.queue in ("", queue)
    )
    return min(fitting, key=lambda target: target.minutes, default=None)


def reaction(
    history: Sequence[Step], calendar: WorkCalendar, target: Target, now: datetime, *, owes_answer: bool
) -> Clock:
    """TTO: runs until somebody has it and, where `owes_answer`, a person has answered. Nothing pauses it but waiting
    for an approval, before which nobody may begin. Once stopped it stays so."""
    return _clock(list(_reacting(_known(history, now), owes_answer)), calendar, target, now)


def solution(history: Sequence[Step], calendar: WorkCalendar, target: Target, now: datetime) -> Clock:
    """TTR: waiting for a supplier counts; waiting for the customer or for the EDS does not, nor does an agreed visit
    until its time; resolved stops it, and a reopening lets it go on."""
    return _clock(list(_solving(_known(history, now))), calendar, target, now)


def in_queue(history: Sequence[Step], calendar: WorkCalendar, target: Target, now: datetime) -> Clock:
    """OLA: since it came to the queue in which it is now, with the pauses of TTR."""
    steps = _known(history, now)
    first = len(steps) - 1
    while first > 0 and steps[first - 1].queue == steps[-1].queue:
        first -= 1
    return _clock(list(_solving(steps[first:])), calendar, target, now)


def _known(history: Sequence[Step], now: datetime) -> list[Step]:
    """What had happened by `now`, in order: a step that claims to be older than the one before it counts from that."""
    if not history:
        raise ValueError("a history begins with its first state")
    found = [history[0]]
    for step in history[1:]:
        at = max(step.at, found[-1].at)
        if at > now:
            break
        found.append(replace(step, at=at))
    return found


def _solving(steps: Sequence[Step]) -> Iterator[_Span]:
    for step, end in _with_ends(steps):
        if step.state in ENDED:
            yield _Span(step.at, end, Standing.STOPPED, step.told, step.state)
        elif step.good:
            yield _Span(step.at, end, Standing.HELD, step.told, step.state)
        elif step.state in WAITING and step.state is not State.PENDING_SUPPLIER:
            yield from _wait(step, end)
        else:
            yield _Span(step.at, end, Standing.RUNNING, step.told, step.state)


def _reacting(steps: Sequence[Step], owes_answer: bool) -> Iterator[_Span]:
    taken = answered = False
    for step, end in _with_ends(steps):
        answered = answered or step.answered or not owes_answer
        approval = step.state is State.PENDING_CUSTOMER and not taken
        taken = taken or step.state not in (State.NEW, State.PENDING_CUSTOMER)
        if step.state in ENDED or (taken and answered):
            yield _Span(step.at, None, Standing.STOPPED, step.told, step.state)
            return
        if approval or step.good:
            yield _Span(step.at, end, Standing.PAUSED if approval else Standing.HELD, step.told, step.state)
        else:
            yield _Span(step.at, end, Standing.RUNNING, step.told, step.state)


def _wait(step: Step, end: datetime | None) -> Iterator[_Span]:
    if step.until is None or (end is not None and end <= step.until):
        yield _Span(step.at, end, Standing.PAUSED, step.told, step.state)
        return
    ends = max(step.at, step.until)
    yield _Span(step.at, ends, Standing.PAUSED, step.told, step.state)
    yield _Span(ends, end, Standing.RUNNING, step.told, step.state)


def _with_ends(steps: Sequence[Step]) -> Iterator[tuple[Step, datetime | None]]:
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        yield step, after.at if after else None


def _clock(spans: Sequence[_Span], calendar: WorkCalendar, target: Target, now: datetime) -> Clock:
    begun = [span for span in spans if span.begin <= now] or list(spans[:1])
    runs = [span for span in begun if span.does is Standing.RUNNING]
    spent = _spent(runs, calendar, now)
    last, stop = begun[-1], _stop_of(begun)
    marks = tuple(Mark(p, _reached(spans, calendar, target.length * p / 100)) for p in WARN_AT)
    return Clock(
        metric=target.metric,
        standing=last.does,
        target=target.length,
        spent=spent,
        started_at=spans[0].begin,
        started_by=spans[0].told,
        stopped_at=stop.begin if stop else None,
        stopped_by=stop.told if stop else Told.DESK,
        due_at=_due(last, calendar, target.length - spent, marks[-1], now),
        resumes_at=last.end if last.does is Standing.PAUSED else None,
        marks=marks,
        supplier=_spent([run for run in runs if run.state is State.PENDING_SUPPLIER], calendar, now),
        working=calendar.open_at(now),
    )


def _spent(runs: Iterable[_Span], calendar: WorkCalendar, now: datetime) -> timedelta:
    return sum((calendar.between(run.begin, run.within(now)) for run in runs), _ZERO)


def _stop_of(spans: Sequence[_Span]) -> _Span | None:
    """The beginning of the stretch, up to the last span, in which the clock stands because the work is done."""
    stop = None
    for span in reversed(spans):
        if span.does not in (Standing.STOPPED, Standing.HELD):
            break
        stop = span
    return stop


def _reached(spans: Sequence[_Span], calendar: WorkCalendar, amount: timedelta) -> datetime | None:
    """When `amount` was used up, or will be if nothing happens any more."""
    before = _ZERO
    for span in spans:
        if span.does is not Standing.RUNNING:
            continue
        part = None if span.end is None else calendar.between(span.begin, span.end)
        if part is None or before + part >= amount:
            return _added(calendar, span.begin, amount - before)
        before += part
    return None


def _due(
    last: _Span, calendar: WorkCalendar, left: timedelta, used_up: Mark, now: datetime
) -> datetime | None:
    if left < _ZERO or last.does is Standing.RUNNING:
        return used_up.at
    return None if last.does is Standing.STOPPED else _added(calendar, now, left)


def _added(calendar: WorkCalendar, begin: datetime, amount: timedelta) -> datetime | None:
    try:
        return calendar.add(begin, amount)
    except NoWorkingTime:
        return None

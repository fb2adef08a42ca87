"""Clocks from histories: the named cases, and what must hold for any history."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.worktime import WEEKDAYS, WorkCalendar
from collector.incidents.life import OPEN, State
from collector.incidents.sla import (
    Metric,
    Standing,
    Step,
    Target,
    Told,
    choose,
    in_queue,
    reaction,
    solution,
)

RIGA = ZoneInfo("Europe/Riga")
ALWAYS = WorkCalendar("Europe/Riga", dict.fromkeys(WEEKDAYS, ((0, 1440),)))
OFFICE = WorkCalendar(
    "Europe/Riga",
    dict.fromkeys(WEEKDAYS[:5], ((9 * 60, 13 * 60), (14 * 60, 18 * 60))),
    off=frozenset({date(2026, 6, 23), date(2026, 6, 24)}),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=RIGA).astimezone(UTC)


def ttr(hours: float) -> Target:
    return Target(metric=Metric.TTR, minutes=int(hours * 60))


def step(when: str, state: State, **more: object) -> Step:
    return Step(at=at(when), state=state, **more)  # type: ignore[arg-type]


def test_the_znuny_vector() -> None:
    """Created 08:00, two hours, pending at 09:00, still pending at 09:30: due 10:30."""
    history = [
        step("2026-03-02 08:00", State.NEW),
        step("2026-03-02 09:00", State.PENDING_CUSTOMER),
    ]
    clock = solution(history, ALWAYS, ttr(2), at("2026-03-02 09:30"))
    assert clock.due_at == at("2026-03-02 10:30")
    assert (clock.standing, clock.left) == (Standing.PAUSED, timedelta(hours=1))


def test_a_pause_over_a_holiday_owes_the_same() -> None:
    """Monday 22 June 16:00, 4 h; waits from 17:00 over both days off to Thursday 10:00: three hours are left."""
    history = [
        step("2026-06-22 16:00", State.ASSIGNED),
        step("2026-06-22 17:00", State.PENDING_CUSTOMER, until=at("2026-06-26 09:00")),
        step("2026-06-25 10:00", State.ASSIGNED),
    ]
    clock = solution(history, OFFICE, ttr(4), at("2026-06-25 10:00"))
    assert (clock.spent, clock.due_at) == (timedelta(hours=1), at("2026-06-25 13:00"))
    through = solution(history[:1], OFFICE, ttr(4), at("2026-06-25 10:00"))
    assert (through.spent, through.due_at) == (timedelta(hours=3), at("2026-06-25 11:00"))
    assert clock.sorts_at == clock.due_at


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-28 12:00", 23), ("2026-10-24 12:00", 25)],
)
def test_the_nights_in_which_the_clock_is_changed(day: str, hours: int) -> None:
    """From noon to noon over 29 March and 25 October 2026."""
    begin = at(day)
    noon = (begin.astimezone(RIGA) + timedelta(days=1)).astimezone(UTC)
    clock = solution([Step(at=begin, state=State.NEW)], ALWAYS, ttr(hours), noon)
    assert (clock.spent, clock.due_at) == (timedelta(hours=hours), noon)


def test_supplier_time_counts_and_is_shown() -> None:
    history = [
        step("2026-03-02 09:00", State.ASSIGNED),
        step("2026-03-02 10:00", State.PENDING_SUPPLIER),
    ]
    clock = solution(history, OFFICE, ttr(8), at("2026-03-02 12:00"))
    assert (clock.spent, clock.supplier) == (timedelta(hours=3), timedelta(hours=2))
    assert clock.standing is Standing.RUNNING


def test_a_visit_pauses_only_until_its_time() -> None:
    history = [
        step("2026-03-02 09:00", State.ASSIGNED),
        step("2026-03-02 10:00", State.SCHEDULED_VISIT, until=at("2026-03-02 15:00")),
    ]
    before = solution(history, OFFICE, ttr(2), at("2026-03-02 12:00"))
    after = solution(history, OFFICE, ttr(2), at("2026-03-02 15:30"))
    assert (before.standing, before.resumes_at) == (Standing.PAUSED, at("2026-03-02 15:00"))
    assert before.sorts_at == at("2026-03-02 16:00")
    assert (after.standing, after.spent) == (Standing.RUNNING, timedelta(hours=1.5))


def test_the_printer_that_prints_again_stops_the_clock() -> None:
    history = [
        step("2026-03-02 09:00", State.ASSIGNED, told=Told.DEVICE),
        step("2026-03-02 10:00", State.ASSIGNED, told=Told.DEVICE, good=True),
        step("2026-03-02 11:00", State.RESOLVED),
    ]
    held = solution(history[:2], OFFICE, ttr(4), at("2026-03-02 10:30"))
    assert (held.standing, held.spent) == (Standing.HELD, timedelta(hours=1))
    clock = solution(history, OFFICE, ttr(4), at("2026-03-05 10:30"))
    assert (clock.standing, clock.spent, clock.stopped_at) == (
        Standing.STOPPED,
        timedelta(hours=1),
        at("2026-03-02 10:00"),
    )
    assert (clock.started_by, clock.stopped_by) == (Told.DEVICE, Told.DEVICE)


def test_a_reopened_one_goes_on_where_it_stood() -> None:
    history = [
        step("2026-03-02 09:00", State.ASSIGNED),
        step("2026-03-02 11:00", State.RESOLVED),
        step("2026-03-04 09:00", State.ASSIGNED),
    ]
    clock = solution(history, OFFICE, ttr(4), at("2026-03-04 10:00"))
    assert (clock.spent, clock.due_at) == (timedelta(hours=3), at("2026-03-04 11:00"))


def test_reaction_waits_for_a_person_and_for_an_answer() -> None:
    history = [step("2026-03-02 09:00", State.NEW), step("2026-03-02 09:10", State.ASSIGNED)]
    target = Target(metric=Metric.TTO, minutes=30)
    now = at("2026-03-02 12:00")
    told = reaction(history, OFFICE, target, now, owes_answer=False)
    assert (told.standing, told.spent) == (Standing.STOPPED, timedelta(minutes=10))
    owed = reaction(history, OFFICE, target, now, owes_answer=True)
    assert (owed.standing, owed.late) == (Standing.RUNNING, True)
    answered = [*history, step("2026-03-02 09:20", State.ASSIGNED, answered=True)]
    done = reaction(answered, OFFICE, target, now, owes_answer=True)
    assert (done.spent, done.late, done.percent) == (timedelta(minutes=20), False, 66)


def test_an_approval_stops_reaction_and_solution() -> None:
    history = [
        step("2026-03-02 09:00", State.NEW),
        step("2026-03-02 09:10", State.PENDING_CUSTOMER),
        step("2026-03-03 09:00", State.NEW),
    ]
    target = Target(metric=Metric.TTO, minutes=30)
    clock = reaction(history, OFFICE, target, at("2026-03-03 09:05"), owes_answer=False)
    assert clock.spent == timedelta(minutes=15)


def test_each_queue_has_a_clock_of_its_own() -> None:
    history = [
        step("2026-03-02 09:00", State.ASSIGNED, queue="helpdesk"),
        step("2026-03-02 10:00", State.ASSIGNED, queue="technical"),
        step("2026-03-02 11:00", State.IN_PROGRESS, queue="technical"),
    ]
    target = Target(metric=Metric.OLA, minutes=120)
    clock = in_queue(history, OFFICE, target, at("2026-03-02 12:00"))
    assert (clock.started_at, clock.spent) == (at("2026-03-02 10:00"), timedelta(hours=2))


def test_the_shortest_target_that_fits_wins() -> None:
    targets = [
        Target(metric=Metric.TTR, minutes=480),
        Target(metric=Metric.TTR, minutes=120, priority=1),
        Target(metric=Metric.TTR, minutes=60, priority=1, kind="request"),
        Target(metric=Metric.TTO, minutes=10),
    ]
    assert choose(targets, Metric.TTR, priority=1) == targets[1]
    assert choose(targets, Metric.TTR, priority=2) == targets[0]
    assert choose(targets, Metric.TTR, priority=None) == targets[0]
    assert choose(targets, Metric.OLA, priority=1) is None


def test_marks_say_when_each_share_is_used_up() -> None:
    history = [step("2026-03-02 09:00", State.ASSIGNED)]
    clock = solution(history, OFFICE, ttr(8), at("2026-03-02 09:00"))
    assert [(mark.percent, mark.at) for mark in clock.marks] == [
        (50, at("2026-03-02 13:00")),
        (75, at("2026-03-02 16:00")),
        (100, at("2026-03-02 18:00")),
    ]


MONDAY = at("2026-03-23 00:00")
minutes = st.integers(0, 14 * 24 * 60)


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Any states in any order at any times within two weeks around the change of the clock, told in order or not."""
    found = [Step(at=MONDAY, state=State.NEW)]
    for _ in range(draw(st.integers(0, 6))):
        when = MONDAY + timedelta(minutes=draw(minutes))
        until = draw(st.none() | minutes.map(lambda m: MONDAY + timedelta(minutes=m)))
        state = draw(st.sampled_from(list(State)))
        found.append(
            Step(at=when, state=state, until=until, good=draw(st.booleans()), answered=draw(st.booleans()))
        )
    return found


@settings(max_examples=150, deadline=None)
@given(histories(), minutes, minutes, st.sampled_from([OFFICE, ALWAYS]), st.booleans())
def test_a_clock_never_runs_backwards(
    history: list[Step], one: int, other: int, calendar: WorkCalendar, owes: bool
) -> None:
    early, late = (MONDAY + timedelta(minutes=m) for m in sorted((one, other)))
    for watch in (
        lambda now: solution(history, calendar, ttr(8), now),
        lambda now: reaction(history, calendar, ttr(8), now, owes_answer=owes),
    ):
        before, after = watch(early), watch(late)
        assert timedelta() <= before.spent <= after.spent
        assert after.spent - before.spent <= late - early
        assert after.percent >= before.percent


@settings(max_examples=150, deadline=None)
@given(minutes, minutes, minutes, st.sampled_from([OFFICE, ALWAYS]), st.sampled_from([1, 5, 30]))
def test_pausing_never_shortens_what_is_owed(
    pause: int, wait: int, look: int, calendar: WorkCalendar, hours: int
) -> None:
    begin = [Step(at=MONDAY, state=State.ASSIGNED)]
    stops, goes_on = MONDAY + timedelta(minutes=pause), MONDAY + timedelta(minutes=pause + wait)
    paused = [*begin, Step(at=stops, state=State.PENDING_CUSTOMER), Step(at=goes_on, state=State.ASSIGNED)]
    now = MONDAY + timedelta(minutes=look)
    plain, waited = (solution(h, calendar, ttr(hours), now) for h in (begin, paused))
    assert waited.spent <= plain.spent
    assert waited.left >= plain.left
    assert waited.due_at is not None
    assert plain.due_at is not None
    assert waited.due_at >= plain.due_at
    owed = calendar.between(MONDAY, now) - waited.spent
    assert owed == calendar.between(min(stops, now), min(goes_on, now))


@settings(max_examples=100, deadline=None)
@given(histories(), st.sampled_from([OFFICE, ALWAYS]), st.sampled_from([1, 5, 30]))
def test_what_is_due_is_when_the_target_is_used_up(
    history: list[Step], calendar: WorkCalendar, hours: int
) -> None:
    now = MONDAY + timedelta(days=15)
    clock = solution(history, calendar, ttr(hours), now)
    if clock.standing is Standing.RUNNING:
        assert clock.due_at is not None
        at_due = solution(history, calendar, ttr(hours), clock.due_at)
        assert at_due.spent == clock.target


def test_the_states_are_those_of_the_database() -> None:
    from collector.incidents import models  # noqa: PLC0415 - models need Django's start

    assert list(models.State.values) == [state.value for state in State]
    assert list(models.OPEN) == list(OPEN)

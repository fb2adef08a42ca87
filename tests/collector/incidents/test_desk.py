"""The desk in the database: acts by the table, waits, priorities, contracts with their clocks, what time brings."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core import calendars
from collector.core.models import User
from collector.incidents import actions, apply, clocks, contracts, major, priority, ticks, undoing, wakes
from collector.incidents.acting import ActionRefused
from collector.incidents.contracts import ContractRefused, Draft
from collector.incidents.life import OPEN, TABLE, MoveRefused, State, Stimulus, can, move, undo
from collector.incidents.models import Incident, Kind
from collector.incidents.priority import PriorityRefused
from collector.incidents.sla import Metric, Standing, Told
from collector.incidents.steps import step
from collector.inventory.models import Customer, Site, Terminal
from protocols.errors import UsageError
from tests.collector.served import event
from tests.collector.still import START, StillClock

HOUR = timedelta(hours=1)
TARGETS = [
    {"metric": "tto", "minutes": 30},
    {"metric": "ttr", "minutes": 480},
    {"metric": "ttr", "minutes": 120, "priority": 1},
    {"metric": "ttr", "minutes": 240, "priority": 2},
]


def agree(customer: Customer | None = None, **more: object) -> contracts.Contract:
    fields = {"name": "Standarta", "valid_from": date(2026, 1, 1), "targets": TARGETS, **more}
    fields.setdefault("reaction_calendar", "always")
    fields.setdefault("solution_calendar", "always")
    return contracts.make(Draft(customer=customer.pk if customer else None, **fields), START)  # type: ignore[arg-type]


def tell(
    terminal: Terminal, still: StillClock, change: str, *, age_s: float = 0, code: str = "printer.paper_end"
) -> None:
    now = still.now()
    apply.record_event(
        terminal.pk, event(1, change, code, at=now - timedelta(seconds=age_s)), now, sent_at=now
    )


@pytest.fixture
def worker(db: None) -> User:
    return User.objects.create(username="anna", role="technician")


@pytest.fixture
def incident(terminal: Terminal, still: StillClock) -> Incident:
    agree(terminal.site.customer)
    tell(terminal, still, "raised")
    wakes.renew_changed(still.now())
    return Incident.objects.get()


def at(still: StillClock, hours: float) -> datetime:
    still.seconds = hours * 3600
    return still.now()


# --- the table ----------------------------------------------------------------------------------------------------


@given(st.sampled_from(list(State)), st.sampled_from(list(Stimulus)))
def test_what_is_not_in_the_table_is_refused(state: State, stimulus: Stimulus) -> None:
    if (state, stimulus) in TABLE:
        assert move(state, stimulus) == TABLE[state, stimulus]
    else:
        with pytest.raises(MoveRefused):
            move(state, stimulus)
    assert can(state, stimulus) == ((state, stimulus) in TABLE)


def test_nothing_leads_out_of_the_ends() -> None:
    for end in (State.CLOSED, State.CANCELLED, State.MERGED):
        assert not any(can(end, stimulus) for stimulus in Stimulus)
    assert {to for (state, _), to in TABLE.items() if state is State.RESOLVED} == {
        "new",
        "assigned",
        "closed",
    }


@given(st.sampled_from(list(State)), st.sampled_from(list(State)))
def test_only_a_step_that_a_hand_can_do_is_undone(before: State, after: State) -> None:
    final = {Stimulus.CLOSE, Stimulus.WAKE, Stimulus.APPROVAL}
    led = [by for (state, by), to in TABLE.items() if (state, to) == (before, after) and by not in final]
    if led:
        assert undo(after, before) == before
    else:
        with pytest.raises(MoveRefused):
            undo(after, before)


# --- acts ---------------------------------------------------------------------------------------------------------


def test_a_wait_needs_a_reason_and_an_end_and_wakes_by_itself(
    incident: Incident, worker: User, still: StillClock
) -> None:
    until = START + 5 * HOUR
    with pytest.raises(ActionRefused, match="the incident is new"):
        actions.wait(incident.pk, worker, State.PENDING_CUSTOMER, until, "no answer")
    actions.acknowledge(incident.pk, worker)
    for refused in (
        lambda: actions.wait(incident.pk, worker, State.PENDING_CUSTOMER, until, " "),
        lambda: actions.wait(incident.pk, worker, State.PENDING_CUSTOMER, START, "why"),
        lambda: actions.wait(incident.pk, worker, State.ASSIGNED, until, "why"),
    ):
        with pytest.raises(ActionRefused):
            refused()
    actions.wait(incident.pk, worker, State.PENDING_CUSTOMER, until, "they look for the key")
    assert wakes.wake_due(at(still, 4)) == 0
    assert wakes.wake_due(at(still, 7)) == 1
    incident.refresh_from_db()
    assert (incident.state, incident.pending_until, incident.pending_reason) == ("assigned", None, "")
    woken = incident.transitions.last()
    assert woken is not None
    assert (woken.kind, woken.at, woken.note) == ("woken", until, "they look for the key")
    clock = clocks.of(incident, still.now()).solution
    assert clock is not None
    assert clock.spent == 2 * HOUR, "late waking takes nothing from the customer"


def test_an_agreed_visit_pauses_until_its_time(incident: Incident, worker: User, still: StillClock) -> None:
    actions.start(incident.pk, worker)
    at(still, 1)
    actions.agree_visit(incident.pk, worker, START + 3 * HOUR)
    incident.refresh_from_db()
    before = clocks.of(incident, at(still, 2)).solution
    after = clocks.of(incident, at(still, 4)).solution
    assert before is not None
    assert after is not None
    assert (before.standing, before.spent) == (Standing.PAUSED, HOUR)
    assert (after.standing, after.spent) == (Standing.RUNNING, 2 * HOUR)
    assert incident.due_at == before.sorts_at == START + 6 * HOUR


def test_a_fault_that_comes_back_does_not_wait_for_ever(
    incident: Incident, terminal: Terminal, worker: User, still: StillClock
) -> None:
    """It waited, was gone long enough to resolve itself, and is back soon after."""
    actions.start(incident.pk, worker)
    actions.wait(incident.pk, worker, State.PENDING_CUSTOMER, START + 5 * HOUR, "the key")
    still.seconds = 60
    tell(terminal, still, "cleared")
    still.seconds = 200
    ticks.resolve_due(still.now())
    incident.refresh_from_db()
    assert (incident.state, incident.pending_until) == ("resolved", None)
    still.seconds = 210
    tell(terminal, still, "raised")
    newest = Incident.objects.order_by("-id")[0]
    assert newest.state in ("assigned", "new")
    assert newest.pending_until is None


def test_a_step_that_the_table_does_not_have_is_refused_whoever_writes_it(incident: Incident) -> None:
    with pytest.raises(MoveRefused):
        step(incident, Kind.CLOSED, START, START, to=State.CLOSED)
    assert incident.transitions.count() == 1


def test_reopening_resumes_and_counts_and_ends_after_its_days(
    incident: Incident, worker: User, still: StillClock
) -> None:
    actions.acknowledge(incident.pk, worker)
    at(still, 1)
    actions.resolve(incident.pk, worker, "new roll", "hardware_repair")
    at(still, 3)
    actions.reopen(incident.pk, worker, "empty again")
    incident.refresh_from_db()
    assert (incident.state, incident.reopen_count, incident.resolution_code) == ("assigned", 1, "")
    clock = clocks.of(incident, at(still, 4)).solution
    assert clock is not None
    assert clock.spent == 2 * HOUR
    actions.resolve(incident.pk, worker, "new roll")
    at(still, 24 * 8)
    with pytest.raises(ActionRefused) as late:
        actions.reopen(incident.pk, worker, "again")
    assert late.value.code == "incident.too_late"


def test_a_resolved_one_closes_itself_after_five_working_days(
    incident: Incident, worker: User, still: StillClock
) -> None:
    """Resolved on Monday 4 May 2026 (a day off): Tuesday to Monday are five working days."""
    actions.resolve(incident.pk, worker, "done")
    incident.refresh_from_db()
    end = datetime(2026, 5, 11, 21, tzinfo=UTC)
    assert incident.close_at == end
    assert wakes.close_due(end - timedelta(seconds=1)) == 0
    assert wakes.close_due(end) == 1
    incident.refresh_from_db()
    assert (incident.state, incident.close_at) == ("closed", None)


def test_merging_is_within_one_customer_and_told_on_both_sides(
    incident: Incident, worker: User, terminal: Terminal, still: StillClock
) -> None:
    tell(terminal, still, "raised", code="drawer.stuck")
    other = Incident.objects.get(code="drawer.stuck")
    foreign = Site.objects.create(customer=Customer.objects.create(name="Cits"), name="Cita vieta")
    till = Terminal.objects.create(site=foreign, name="K", public_key="B" * 43, enrolled_at=START)
    tell(till, still, "raised")
    strange = Incident.objects.get(terminal=till)
    for goal in (incident, strange):
        with pytest.raises(ActionRefused) as refused:
            actions.merge(incident.pk, worker, goal.pk)
        assert refused.value.code == "incident.merge"
    actions.merge(other.pk, worker, incident.pk)
    other.refresh_from_db()
    assert (other.state, other.merged_into) == ("merged", incident)
    assert incident.transitions.filter(kind="merged").get().detail == {"from": other.pk}
    undoing.undo(other.pk, worker)
    other.refresh_from_db()
    assert (other.state, other.merged_into) == ("new", None)
    assert incident.transitions.filter(kind="undone").exists()


def test_undo_puts_everything_back_and_the_clock_never_stood(
    incident: Incident, worker: User, still: StillClock
) -> None:
    actions.acknowledge(incident.pk, worker)
    at(still, 1)
    actions.resolve(incident.pk, worker, "wrong one", "other")
    still.seconds += 300
    undoing.undo(incident.pk, worker)
    incident.refresh_from_db()
    assert (incident.state, incident.resolved_at, incident.resolution) == ("assigned", None, "")
    clock = clocks.of(incident, at(still, 2)).solution
    assert clock is not None
    assert clock.spent == 2 * HOUR
    with pytest.raises(ActionRefused):
        undoing.undo(incident.pk, worker)


@pytest.mark.parametrize("spoils", ["time", "person", "step"])
def test_what_others_saw_or_built_upon_is_not_undone(
    incident: Incident, worker: User, still: StillClock, spoils: str
) -> None:
    actions.acknowledge(incident.pk, worker)
    other = User.objects.create(username="juris", role="technician")
    if spoils == "time":
        still.seconds = 601
    if spoils == "step":
        actions.start(incident.pk, other)
    with pytest.raises(ActionRefused) as refused:
        undoing.undo(incident.pk, other if spoils == "person" else worker)
    assert refused.value.code == "incident.undo"


def test_giving_back_leaves_it_to_all(incident: Incident, worker: User) -> None:
    actions.acknowledge(incident.pk, worker)
    actions.give_back(incident.pk, worker, "I am ill")
    incident.refresh_from_db()
    assert (incident.state, incident.assignee, incident.acknowledged_at) == ("new", None, None)
    undoing.undo(incident.pk, worker)
    incident.refresh_from_db()
    assert (incident.state, incident.assignee, incident.acknowledged_at) == ("assigned", worker, START)


def test_a_major_incident_has_a_checklist_that_goes_on(
    incident: Incident, worker: User, still: StillClock
) -> None:
    actions.acknowledge(incident.pk, worker)
    major.declare(incident.pk, worker, "two shops cannot sell")
    steps = {row.item: row for row in incident.major_steps.all()}
    assert steps["owner"].due_at == START + timedelta(minutes=15)
    assert steps["review"].due_at == datetime(2026, 5, 11, 21, tzinfo=UTC)
    at(still, 0.5)
    major.check(incident.pk, worker, steps["communication"].pk)
    again = incident.major_steps.get(item="communication", done_at=None)
    assert again.due_at == START + HOUR
    with pytest.raises(ActionRefused):
        major.check(incident.pk, worker, steps["communication"].pk)
    actions.resolve(incident.pk, worker, "done")
    left = set(incident.major_steps.filter(done_at=None).values_list("item", flat=True))
    assert left == {"owner", "manager", "workaround", "review"}
    assert wakes.close_due(at(still, 24 * 9)) == 1
    incident.refresh_from_db()
    assert incident.state == "resolved", "the review is still open"


def test_a_major_incident_is_offered_for_fiscal_data_and_for_two_shops(
    incident: Incident, terminal: Terminal, still: StillClock
) -> None:
    assert not major.offered(incident)
    tell(terminal, still, "raised", code="fiscal.memory_error")
    assert major.offered(Incident.objects.get(code="fiscal.memory_error"))
    Incident.objects.filter(pk=incident.pk).update(priority=1)
    second = Site.objects.create(customer=terminal.site.customer, name="Otrs")
    till = Terminal.objects.create(site=second, name="K", public_key="B" * 43, enrolled_at=START)
    tell(till, still, "raised")
    assert not major.offered(Incident.objects.get(pk=incident.pk))
    Incident.objects.filter(code="printer.paper_end").update(priority=1)
    assert major.offered(Incident.objects.get(pk=incident.pk))


# --- priorities ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_matrix_is_data_and_may_be_changed(worker: User) -> None:
    before = priority.matrix()
    assert before.rows == ((1, 1, 2, 4), (1, 2, 3, 4), (2, 3, 3, 4))
    rows = [[1, 2, 3, 4], [2, 3, 4, 4], [3, 4, 4, 4]]
    for wrong in (
        [[1, 2, 3, 4]],
        [[0, 1, 2, 3]] * 3,
        [[2, 1, 3, 4]] * 3,
        [[2, 3, 3, 4], [1, 2, 3, 4], [1, 1, 2, 4]],
    ):
        with pytest.raises(PriorityRefused):
            priority.change(wrong, "why", worker, START)
    with pytest.raises(PriorityRefused):
        priority.change(rows, " ", worker, START)
    priority.change(rows, "as agreed with everybody", worker, START)
    assert priority.matrix().priority(priority.Judgement(3, 4)) == 4
    assert priority.matrix().source == "as agreed with everybody"


def test_priority_follows_the_opening_hours_until_a_hand_sets_it(
    terminal: Terminal, worker: User, still: StillClock
) -> None:
    """Open 09:00-22:00 in Riga; the clock of the test begins at noon there."""
    Site.objects.update(hours={day: [["09:00", "22:00"]] for day in ("mon", "tue")})
    tell(terminal, still, "raised", code="printer.power_supply")
    wakes.renew_changed(still.now())
    found = Incident.objects.get()
    assert (found.impact, found.urgency, found.priority) == (2, 1, 1)
    assert found.judge_at == START + 10 * HOUR
    assert wakes.judge_due(at(still, 10)) == 1
    found.refresh_from_db()
    assert (found.urgency, found.priority) == (2, 2)
    assert found.transitions.filter(kind="prioritised").get().by is None
    actions.prioritise(found.pk, worker, 3, 4)
    assert wakes.judge_due(at(still, 24)) == 0
    found.refresh_from_db()
    assert (found.priority, found.judged_by, found.judge_at) == (4, "hand", None)
    actions.judge_again(found.pk, worker)
    found.refresh_from_db()
    assert (found.priority, found.judged_by) == (1, "")


def test_another_priority_takes_another_target_and_keeps_what_was_used(
    incident: Incident, worker: User, still: StillClock
) -> None:
    assert incident.priority == 2
    at(still, 1)
    actions.prioritise(incident.pk, worker, 1, 1)
    incident.refresh_from_db()
    clock = clocks.of(incident, still.now()).solution
    assert clock is not None
    assert (clock.target, clock.spent, clock.due_at) == (2 * HOUR, HOUR, START + 2 * HOUR)


# --- contracts and clocks -----------------------------------------------------------------------------------------


def test_contracts_are_pinned_and_later_versions_do_not_rewrite_the_past(
    incident: Incident, terminal: Terminal, still: StillClock
) -> None:
    first = contracts.current()[0]
    draft = contracts.draft_of(first)
    second = contracts.make(
        Draft(
            **{
                **{f: getattr(draft, f) for f in draft.__slots__},
                "targets": [{"metric": "ttr", "minutes": 5}],
            }
        ),
        still.now(),
    )
    calendars.make(
        calendars.Draft(key="always", name="24/7", hours={"mon": [["09:00", "10:00"]]}), still.now()
    )
    assert (second.key, second.number) == (first.key, 2)
    assert incident.contracts == [first.pk]
    clock = clocks.of(incident, at(still, 3)).solution
    assert clock is not None
    assert (clock.target, clock.spent) == (4 * HOUR, 3 * HOUR)
    tell(terminal, still, "raised", code="drawer.stuck")
    later = clocks.of(Incident.objects.get(code="drawer.stuck"), still.now()).solution
    assert later is not None
    assert later.target == timedelta(minutes=5)
    with pytest.raises(UsageError):
        first.save()


def test_the_shortest_target_of_all_contracts_wins_and_own_ones_come_first(
    terminal: Terminal, still: StillClock
) -> None:
    agree(None, name="Visiem", targets=[{"metric": "ttr", "minutes": 1}])
    assert contracts.valid_for(terminal.site.customer_id, START.date())[0].name == "Visiem"
    agree(terminal.site.customer, targets=[{"metric": "ttr", "minutes": 600}])
    agree(terminal.site.customer, name="Nakts", targets=[{"metric": "ttr", "minutes": 90}])
    agree(
        terminal.site.customer,
        name="Vecs",
        targets=[{"metric": "ttr", "minutes": 2}],
        valid_until=date(2026, 1, 2),
    )
    tell(terminal, still, "raised")
    clock = clocks.of(Incident.objects.get(), still.now()).solution
    assert clock is not None
    assert clock.target == timedelta(minutes=90)


def test_time_runs_by_the_opening_hours_of_the_shop_as_they_were(
    terminal: Terminal, still: StillClock
) -> None:
    """Noon of a Monday; the shop closes at 13:00 and opens again on Tuesday at 09:00."""
    Site.objects.update(hours={"mon": [["09:00", "13:00"]], "tue": [["09:00", "13:00"]]})
    agree(terminal.site.customer, solution_calendar="", reaction_calendar="")
    tell(terminal, still, "raised")
    wakes.renew_changed(still.now())
    Site.objects.update(hours={})
    found = Incident.objects.get()
    clock = clocks.of(found, at(still, 5)).solution
    assert clock is not None
    assert (clock.spent, clock.working) == (HOUR, False)
    assert clock.due_at == START + 24 * HOUR


def test_the_printer_that_prints_again_stops_the_clock_whenever_it_is_clicked(
    incident: Incident, terminal: Terminal, worker: User, still: StillClock
) -> None:
    actions.acknowledge(incident.pk, worker)
    at(still, 2)
    actions.start(incident.pk, worker)
    tell(terminal, still, "cleared", age_s=1800)
    incident.refresh_from_db()
    held = clocks.of(incident, still.now()).solution
    assert held is not None
    assert (held.standing, held.spent) == (Standing.HELD, 1.5 * HOUR)
    at(still, 9)
    actions.resolve(incident.pk, worker, "paper")
    incident.refresh_from_db()
    clock = clocks.of(incident, at(still, 20)).solution
    assert clock is not None
    assert (clock.spent, clock.stopped_by, clock.late) == (1.5 * HOUR, Told.DEVICE, False)


def test_without_device_facts_the_click_counts(terminal: Terminal, worker: User, still: StillClock) -> None:
    agree(terminal.site.customer, device_facts=False)
    tell(terminal, still, "raised", age_s=3600)
    found = Incident.objects.get()
    at(still, 2)
    tell(terminal, still, "cleared", age_s=1800)
    clock = clocks.of(found, still.now()).solution
    assert clock is not None
    assert (clock.standing, clock.spent, clock.started_by) == (Standing.RUNNING, 2 * HOUR, Told.DESK)


def test_a_till_with_a_wrong_clock_does_not_make_us_late(terminal: Terminal, still: StillClock) -> None:
    agree(terminal.site.customer)
    for code, age_s in (("printer.paper_end", -86_400.0), ("drawer.stuck", 86_400.0 * 400)):
        tell(terminal, still, "raised", age_s=age_s, code=code)
        clock = clocks.of(Incident.objects.get(code=code), still.now()).solution
        assert clock is not None
        assert clock.spent == timedelta()


def test_reaction_to_a_letter_needs_an_answer(incident: Incident, worker: User, still: StillClock) -> None:
    Incident.objects.update(source="mail")
    still.seconds = 300
    actions.acknowledge(incident.pk, worker)
    still.seconds = 600
    actions.note(incident.pk, worker, "for us")
    incident = Incident.objects.get()
    clock = clocks.of(incident, still.now()).reaction
    assert clock is not None
    assert clock.standing is Standing.RUNNING
    actions.answer(incident.pk, worker, "we come at two")
    incident = Incident.objects.get()
    clock = clocks.of(incident, at(still, 5)).reaction
    assert clock is not None
    assert (clock.standing, clock.spent) == (Standing.STOPPED, timedelta(minutes=10))


def test_each_share_is_warned_of_once(incident: Incident, worker: User, still: StillClock) -> None:
    """Reaction 30 min, solution 4 h."""
    actions.acknowledge(incident.pk, worker)
    incident.refresh_from_db()
    assert incident.warn_at == START + 2 * HOUR
    assert wakes.warn_due(at(still, 1.9)) == 0
    assert wakes.warn_due(at(still, 2)) == 1
    assert wakes.warn_due(at(still, 2.1)) == 0
    assert wakes.warn_due(at(still, 7)) == 1
    assert wakes.warn_due(at(still, 9)) == 0
    warned = [
        (row.detail["clock"], row.detail["percent"]) for row in incident.transitions.filter(kind="warned")
    ]
    assert warned == [("ttr", 50), ("ttr", 100)]


def test_a_new_incident_is_sorted_by_what_was_agreed_as_soon_as_it_is_looked_at(incident: Incident) -> None:
    """Reaction within 30 minutes comes first."""
    assert (incident.renewed, incident.due_at) == (True, START + timedelta(minutes=30))


def test_what_is_kept_to_sort_by_is_what_the_clocks_say(
    incident: Incident, worker: User, still: StillClock
) -> None:
    acts: list[Callable[[], object]] = [
        lambda: actions.acknowledge(incident.pk, worker),
        lambda: actions.wait(incident.pk, worker, State.PENDING_SUPPLIER, still.now() + HOUR, "a part"),
        lambda: actions.wait(incident.pk, worker, State.PENDING_LEGAL, still.now() + HOUR, "EDS"),
        lambda: actions.wake(incident.pk, worker),
        lambda: actions.resolve(incident.pk, worker, "done"),
    ]
    for number, act in enumerate(acts):
        still.seconds = number * 600
        act()
        found = Incident.objects.get()
        first = clocks.of(found, still.now()).first
        assert found.due_at == (first.sorts_at if first else None), number
        assert found.renewed
    assert found.due_at is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": " "}, "name"),
        ({"targets": []}, "targets"),
        ({"targets": [{"metric": "ttr", "minutes": 0}]}, "minutes"),
        ({"targets": [{"metric": "ttr", "minutes": 5, "priority": 5}]}, "priority"),
        ({"valid_until": date(2025, 1, 1)}, "ends before"),
        ({"solution_calendar": "legal"}, "counts days"),
        ({"solution_calendar": "nope"}, "no calendar"),
    ],
)
@pytest.mark.django_db
def test_what_is_no_contract_is_refused_with_the_reason(change: dict[str, object], says: str) -> None:
    with pytest.raises((ContractRefused, calendars.CalendarRefused), match=says):
        agree(None, **change)


def test_an_incident_without_a_contract_has_no_clocks(terminal: Terminal, still: StillClock) -> None:
    tell(terminal, still, "raised")
    wakes.renew_changed(still.now())
    found = Incident.objects.get()
    assert (found.contracts, found.due_at, found.priority) == ([], None, 2)
    assert clocks.of(found, still.now()) == clocks.Clocks()
    assert found.state in OPEN
    assert Metric.TTR not in found.contracts

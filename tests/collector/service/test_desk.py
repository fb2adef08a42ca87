"""Incidents come to the right queue and the right person, and the chain tells once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, connections
from hypothesis import given
from hypothesis import strategies as st

from collector.core import calendars
from collector.incidents import contracts
from collector.incidents.models import Incident
from collector.notify.models import Outgoing
from collector.service import assigning, chain, desk, escalating, routing, telling
from collector.service.assigning import Candidate, Need
from collector.service.chain import Chain, Due, Rung, Spent, Standing, Target, Trigger
from collector.service.desk_models import Escalation, Queue, Round, Watch
from collector.service.refusing import ServiceRefused
from collector.service.routing import Facts, Rule
from tests.collector.service import office
from tests.collector.service.office import HOUR, NOW

MINUTE = timedelta(minutes=1)
SEEDED = [
    ("software.uncertified", "monitoring", "service_admin"),
    ("fiscal.not_registered", "monitoring", "service_admin"),
    ("fiscal.memory_full", "monitoring", "technical"),
    ("printer.paper_end", "monitoring", "technical"),
    ("backup.overdue", "monitoring", "technical"),
    ("site.offline", "monitoring", "technical"),
    ("question", "phone", "helpdesk"),
    ("something", "monitoring", "helpdesk"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("code", "source", "queue"), SEEDED)
def test_the_seeded_rules_fill_the_three_queues(code: str, source: str, queue: str) -> None:
    assert list(Queue.objects.values_list("key", flat=True)) == ["helpdesk", "technical", "service_admin"]
    found = routing.route(Facts(code=code, source=source), desk.rules())
    assert found is not None
    assert found.queue == queue


RULES = [
    ({"codes": ("fiscal.*",)}, {"code": "fiscal.day_over_24h"}, True),
    ({"codes": ("fiscal.*",)}, {"code": "printer.offline"}, False),
    ({"priorities": (1, 2)}, {"priority": 3}, False),
    ({"priorities": (1, 2)}, {"priority": 0}, False),
    ({"customers": (7,)}, {"customer": 7}, True),
    ({"regions": ("Kurzeme",), "severities": ("critical",)}, {"region": "Kurzeme"}, False),
    ({"subjects": ("device",)}, {"subject": "device"}, True),
    ({}, {}, True),
]


@pytest.mark.parametrize(("rule", "facts", "fits"), RULES)
def test_a_rule_fits_what_it_names_and_nothing_else(
    rule: dict[str, object], facts: dict[str, object], fits: bool
) -> None:
    told = Facts(**{"code": "printer.offline", **facts})  # type: ignore[arg-type]
    assert Rule(queue="q", **rule).fits(told) is fits  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_new_incident_is_routed_once_and_an_effect_waits() -> None:
    found, effect = (
        office.incident(),
        office.incident(office.till(), suppressed_since=NOW, suppressed_why="cause"),
    )
    assert desk.route_new(NOW) == 1
    assert desk.route_new(NOW + timedelta(seconds=1)) == 0
    assert desk.route_new(NOW + timedelta(seconds=5)) == 0
    found.refresh_from_db()
    effect.refresh_from_db()
    assert (found.queue, effect.queue) == ("technical", "")
    assert [one.kind for one in found.transitions.all()] == ["opened", "queued"]


@pytest.mark.django_db
def test_an_automatic_queue_gives_work_to_whom_it_suits() -> None:
    Queue.objects.filter(pk="technical").update(automatic=True)
    fit, busy, unskilled = (office.person(skills=skills) for skills in (("printer",), ("printer",), ()))
    for _ in range(3):
        office.incident(office.till(), assignee=busy, queue="technical")
    found = office.incident()
    desk.route_new(NOW)
    found.refresh_from_db()
    assert (found.assignee, found.state) == (fit, "assigned")
    assert [one.person for one in desk.suggestions(found, NOW)] == [fit.pk, busy.pk, unskilled.pk]


@pytest.mark.django_db
def test_nobody_with_the_skill_means_that_a_person_decides() -> None:
    Queue.objects.filter(pk="technical").update(automatic=True)
    office.person()
    found = office.incident()
    desk.route_new(NOW)
    found.refresh_from_db()
    assert (found.assignee, found.queue) == (None, "technical")


@pytest.mark.django_db
def test_moving_by_hand_is_for_workers_and_known_queues() -> None:
    found, worker = office.incident(), office.person()
    assert desk.move(found.pk, "helpdesk", worker, NOW, "they only ask").queue == "helpdesk"
    for by, queue, code in (
        (office.person("reader"), "technical", "incident.not_allowed"),
        (worker, "attic", "queue.unknown"),
    ):
        with pytest.raises(ServiceRefused) as refused:
            desk.move(found.pk, queue, by, NOW)
        assert refused.value.code == code


CANDIDATE = st.builds(
    Candidate,
    person=st.integers(1, 9),
    skills=st.frozensets(st.sampled_from("abc")),
    load=st.floats(0, 30),
    capacity=st.floats(0, 20),
    away=st.booleans(),
    on_call=st.booleans(),
    in_hours=st.booleans(),
    town=st.sampled_from(["", "Rīga", "Cēsis"]),
)
NEED = st.builds(
    Need,
    skills=st.frozensets(st.sampled_from("abc")),
    town=st.sampled_from(["", "Rīga"]),
    urgent=st.booleans(),
)


@given(NEED, st.lists(CANDIDATE, unique_by=lambda one: one.person))
def test_work_goes_to_nobody_who_is_away_lacks_a_skill_cannot_be_reached_or_is_full(
    need: Need, candidates: list[Candidate]
) -> None:
    chosen = assigning.choose(need, candidates)
    able = [
        one for one in candidates
        if not one.away and need.skills <= one.skills and one.load < one.capacity and (one.in_hours or one.on_call)
    ]  # fmt: skip
    assert (chosen is None) == (not able)
    if chosen is not None:
        assert chosen.person in {one.person for one in able}
    assert {one.person for one in assigning.ranking(need, candidates)} == {
        one.person for one in candidates if not one.away
    }


LADDER = Chain(
    rungs=(
        Rung(id=1, trigger=Trigger.NOBODY, threshold=15, targets=(Target.ON_CALL,)),
        Rung(id=2, trigger=Trigger.SILENCE, threshold=30, targets=(Target.LEAD,)),
        Rung(id=3, trigger=Trigger.SOLUTION, threshold=75, targets=(Target.ASSIGNEE,)),
        Rung(id=4, trigger=Trigger.SOLUTION, threshold=100, targets=(Target.MANAGERS,)),
    )
)
QUIET = Standing(queue="technical", priority=2, assignee=None, opened_at=NOW, quiet_since=NOW)
CASES = [
    (QUIET, 14, []),
    (QUIET, 15, [1]),
    (QUIET, 30, [1, 2]),
    (replace(QUIET, assignee=5), 40, [2]),
    (replace(QUIET, waits=True, assignee=5), 400, []),
    (replace(QUIET, quiet_since=NOW + 20 * MINUTE, assignee=5), 40, []),
    (replace(QUIET, assignee=5, waits=True, solution=Spent(used=3 * HOUR, target=4 * HOUR)), 1, [3]),
    (replace(QUIET, assignee=5, waits=True, solution=Spent(used=5 * HOUR, target=4 * HOUR)), 1, [3, 4]),
    (
        replace(QUIET, assignee=5, waits=True, solution=Spent(used=5 * HOUR, target=4 * HOUR, running=False)),
        1,
        [],
    ),
]


@pytest.mark.parametrize(("standing", "minutes", "rungs"), CASES)
def test_the_chain_tells_by_time_and_by_silence(standing: Standing, minutes: int, rungs: list[int]) -> None:
    now = NOW + minutes * MINUTE
    due = chain.due(standing, LADDER, now)
    assert [one.rung.id for one in due] == rungs
    assert chain.due(standing, LADDER, now, [(one.rung.id, one.occurrence) for one in due]) == []


def test_a_new_word_begins_a_new_silence_and_a_reopening_a_new_life() -> None:
    later = NOW + 40 * MINUTE
    done = [(one.rung.id, one.occurrence) for one in chain.due(QUIET, LADDER, later)]
    spoken = replace(QUIET, quiet_since=later, last_step=9)
    assert [one.rung.id for one in chain.due(spoken, LADDER, later + 30 * MINUTE, done)] == [2]
    assert [one.rung.id for one in chain.due(replace(QUIET, again=1), LADDER, later, done)] == [1]


def test_the_chain_of_the_queue_and_of_the_graver_priority_goes_first() -> None:
    chains = [
        Chain(priority=4),
        Chain(priority=2),
        Chain(queue="technical", priority=3),
        Chain(queue="helpdesk"),
    ]
    assert chain.chain_of(QUIET, chains) == chains[2]
    assert chain.chain_of(replace(QUIET, queue="service_admin"), chains) == chains[1]
    assert chain.chain_of(replace(QUIET, queue="service_admin", priority=4), chains) == chains[0]
    assert chain.chain_of(replace(QUIET, queue="helpdesk"), chains[3:]) == chains[3]


@pytest.mark.django_db
def test_who_is_on_call_hears_and_where_nobody_is_the_managers_do() -> None:
    called, manager = office.person(), office.person("manager")
    row = office.rota(called, queue="technical")
    found = office.incident(queue="technical", priority=2)
    assert escalating.tell_due(NOW + 14 * MINUTE) == 0
    assert escalating.tell_due(NOW + 15 * MINUTE) == 1
    assert escalating.tell_due(NOW + 16 * MINUTE) == 0
    told = Escalation.objects.get()
    assert (told.told, told.occurrence) == ([called.pk], "nobody:0")
    letter = Outgoing.objects.get()
    assert (letter.address, letter.about) == (called.email, f"incident:{found.pk}")
    assert "Nobody has taken it for 15 minutes" in letter.text
    row.people.all().delete()
    other = office.incident(office.till(), queue="technical", priority=1)
    escalating.tell_due(NOW + 20 * MINUTE)
    assert Escalation.objects.get(incident=other).told == [manager.pk]


@pytest.mark.django_db
def test_a_person_who_acts_ends_the_silence() -> None:
    worker = office.person()
    found = office.incident(queue="technical", priority=2, assignee=worker)
    desk.move(found.pk, "helpdesk", worker, NOW + 25 * MINUTE)
    assert escalating.tell_due(NOW + 31 * MINUTE) == 0
    assert escalating.tell_due(NOW + 56 * MINUTE) == 1


@pytest.mark.django_db
def test_an_effect_of_a_known_cause_escalates_nothing() -> None:
    office.person("manager")
    office.incident(queue="technical", priority=1, suppressed_since=NOW, suppressed_why="cause")
    assert escalating.tell_due(NOW + 48 * HOUR) == 0


def in_two_workers(work: Callable[[], object]) -> list[object]:
    """Both begin at once, each with a connection of its own."""
    start = Barrier(2)

    def run() -> object:
        try:
            start.wait(30)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        return [one.result(60) for one in [pool.submit(run) for _ in range(2)]]


DUE = Due(Rung(id=0, trigger=Trigger.NOBODY, threshold=15, targets=(Target.MANAGERS,)), "nobody:0")


def due_for(found: Incident) -> Due:
    rung = next(one for one in escalating.chains_in_use() if one.priority == 2).rungs[0]
    return replace(DUE, rung=rung)


@pytest.mark.django_db(transaction=True)
def test_two_workers_escalate_once() -> None:
    manager = office.person("manager")
    found = office.incident(queue="technical", priority=2)
    due = due_for(found)
    results = in_two_workers(lambda: escalating.tell(found, due, NOW))
    assert sorted(map(bool, results)) == [False, True]
    assert [one.told for one in Escalation.objects.all()] == [[manager.pk]]
    assert Outgoing.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_claim_both_would_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a row that is not bound to its reason lets both through, and two letters go out."""
    office.person("manager")
    found = office.incident(queue="technical", priority=2)
    due = due_for(found)
    numbers = iter("ab")
    real = escalating.claim

    def unbound(incident: Incident, one: Due, now: object) -> Escalation:
        return real(incident, replace(one, occurrence=f"{one.occurrence}:{next(numbers)}"), NOW)

    monkeypatch.setattr(escalating, "claim", unbound)
    shorts = iter("xy")
    monkeypatch.setattr(telling, "short", lambda _address: next(shorts))
    assert in_two_workers(lambda: escalating.tell(found, due, NOW)) == [True, True]
    assert (Escalation.objects.count(), Outgoing.objects.count()) == (2, 2)


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_a_round() -> None:
    Round.objects.create(name="r", at=NOW)
    from collector.service import rounds  # noqa: PLC0415 - beside its test

    got = in_two_workers(lambda: rounds.mine("r", NOW + MINUTE, MINUTE))
    assert sorted(map(bool, got)) == [False, True]
    assert connection.vendor in ("sqlite", "postgresql")


SPENT = st.none() | st.builds(
    Spent,
    used=st.timedeltas(timedelta(), 9 * HOUR),
    target=st.timedeltas(MINUTE, 9 * HOUR),
    running=st.booleans(),
)
STANDING = st.builds(
    Standing,
    queue=st.just("technical"),
    priority=st.integers(1, 4),
    assignee=st.none() | st.just(5),
    opened_at=st.just(NOW),
    quiet_since=st.integers(0, 300).map(lambda n: NOW + n * MINUTE),
    waits=st.booleans(),
    reaction=SPENT,
    solution=SPENT,
)


@given(STANDING, st.integers(0, 600), st.integers(0, 600), st.floats(0, 1))
def test_nothing_falls_due_before_the_chain_looks_again(
    standing: Standing, minutes: int, more: int, share: float
) -> None:
    """While nothing happens to the incident; working time passes at most as fast as the wall clock (`share`)."""
    now = NOW + minutes * MINUTE
    done = [(one.rung.id, one.occurrence) for one in chain.due(standing, LADDER, now)]
    look_at = chain.look_again(standing, LADDER, now)
    later = now + more * MINUTE
    if look_at is not None and later >= look_at:
        return
    passed = (later - now) * share

    def aged(spent: Spent | None) -> Spent | None:
        return replace(spent, used=spent.used + passed) if spent and spent.running else spent

    aged_standing = replace(standing, reaction=aged(standing.reaction), solution=aged(standing.solution))
    assert chain.due(aged_standing, LADDER, later, done) == []


@pytest.mark.django_db
def test_a_clock_that_runs_out_reaches_the_assignee_then_the_managers() -> None:
    """The time left is that of the contract; nothing is worked out again before it can be due."""
    worker, manager = office.person(), office.person("manager")
    calendars.ensure(NOW)
    hours = {"metric": "ttr", "minutes": 120}
    agreed = contracts.make(
        contracts.Draft(name="24/7", valid_from=NOW.date(), solution_calendar=calendars.ALWAYS,
                        reaction_calendar=calendars.ALWAYS, targets=[hours]), NOW - HOUR,
    )  # fmt: skip
    found = office.incident(
        queue="technical",
        priority=4,
        assignee=worker,
        state="assigned",
        contracts=[agreed.pk],
        judged_by="hand",
    )
    for minutes, told in ((0, 0), (89, 0), (90, 1), (91, 0), (120, 1), (600, 0)):
        assert escalating.tell_due(NOW + minutes * MINUTE) == told, minutes
    rows = Escalation.objects.order_by("id")
    assert [(one.occurrence, one.percent, one.told) for one in rows] == [
        ("solution:0", 75.0, [worker.pk]),
        ("solution:0", 100.0, [worker.pk, manager.pk]),
    ]
    assert Watch.objects.get(incident=found).look_at == NOW + 1440 * MINUTE

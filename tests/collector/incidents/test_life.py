"""Incidents in the database: from events to rows, hold times, silence, and what people do."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from collector.core.models import Role, User
from collector.incidents import actions, apply, ticks
from collector.incidents.actions import ActionRefused
from collector.incidents.models import Incident, Kind, State
from collector.inventory.models import Terminal
from collector.settings import CONFIG
from protocols.wire import v1
from tests.collector.served import event
from tests.collector.still import START, StillClock

pytestmark = pytest.mark.django_db
HOLD_S = CONFIG.hold_s.device


def tell(
    terminal: Terminal, still: StillClock, change: str, *, age_s: float = 0, code: str = "printer.paper_end"
) -> None:
    now = still.now()
    apply.record_event(
        terminal.pk, event(1, change, code, at=now - timedelta(seconds=age_s)), now, sent_at=now
    )


def kinds(incident: Incident) -> list[str]:
    return [str(row.kind) for row in incident.transitions.all()]


def test_opens_repeats_clears_holds_and_resolves_itself(terminal: Terminal, still: StillClock) -> None:
    tell(terminal, still, "raised")
    still.seconds = 2
    tell(terminal, still, "raised")
    still.seconds = 10
    tell(terminal, still, "cleared")
    still.seconds = 10 + HOLD_S - 0.1
    assert ticks.resolve_due(still.now()) == 0
    still.seconds = 10 + HOLD_S
    assert ticks.resolve_due(still.now()) == 1
    assert ticks.resolve_due(still.now()) == 0
    incident = Incident.objects.get()
    assert (incident.state, incident.count, incident.resolution) == ("resolved", 2, "recovered")
    assert incident.device is not None
    assert incident.device.name == "printer"
    assert incident.resolved_at == START + timedelta(seconds=10 + HOLD_S)
    assert kinds(incident) == ["opened", "repeated", "cleared", "resolved"]
    assert [(row.from_state, row.to_state) for row in incident.transitions.all()] == [
        ("", "new"),
        ("new", "new"),
        ("new", "new"),
        ("new", "resolved"),
    ]


def test_back_within_the_hold_is_the_same_incident(terminal: Terminal, still: StillClock) -> None:
    for s, change in ((0, "raised"), (10, "cleared"), (13, "raised")):
        still.seconds = s
        tell(terminal, still, change)
    still.seconds = 100
    assert ticks.resolve_due(still.now()) == 0
    incident = Incident.objects.get()
    assert (incident.state, incident.count, incident.cleared_at) == ("new", 2, None)
    assert kinds(incident) == ["opened", "cleared", "reopened"]


def test_a_backlog_keeps_its_own_times(terminal: Terminal, still: StillClock) -> None:
    """Raised and cleared an hour ago, told now: history shows an hour ago, and it is over at once."""
    tell(terminal, still, "raised", age_s=3600)
    tell(terminal, still, "cleared", age_s=3000)
    assert ticks.resolve_due(still.now()) == 1
    incident = Incident.objects.get()
    assert incident.opened_at == START - timedelta(seconds=3600)
    assert incident.resolved_at == START - timedelta(seconds=3000 - HOLD_S)
    assert {row.recorded_at for row in incident.transitions.all()} == {START}


def test_a_till_whose_clock_is_ahead_still_resolves_in_time(terminal: Terminal, still: StillClock) -> None:
    ahead = timedelta(hours=3)
    for change in ("raised", "cleared"):
        now = still.now()
        apply.record_event(terminal.pk, event(1, change, at=now + ahead), now, sent_at=now + ahead)
    still.seconds = 5
    assert ticks.resolve_due(still.now()) == 1


def test_the_database_itself_refuses_a_second_open_incident(terminal: Terminal, still: StillClock) -> None:
    tell(terminal, still, "raised")
    twin = Incident.objects.get()
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


def test_a_bad_backup_opens_and_the_next_good_one_ends_it(terminal: Terminal, still: StillClock) -> None:
    def ended(ok: bool) -> v1.Backup:
        return v1.Backup(
            seq=1, at=still.now(), source="pos", engine="sqlite", ok=ok, started_at=still.now(), duration_s=1
        )

    apply.record_outcome(terminal.pk, "backup.failed", ended(ok=False), still.now(), still.now())
    assert Incident.objects.get().subject_id == "pos"
    still.seconds = 60
    apply.record_outcome(terminal.pk, "backup.failed", ended(ok=True), still.now(), still.now())
    ticks.resolve_due(still.now())
    assert Incident.objects.get().state == State.RESOLVED


def test_silence_opens_once_and_ends_with_the_next_report(terminal: Terminal, still: StillClock) -> None:
    still.seconds = 300
    assert ticks.judge_silence(still.now()) == 0
    still.seconds = 301
    assert ticks.judge_silence(still.now()) == 1
    still.seconds = 900
    assert ticks.judge_silence(still.now()) == 0
    incident = Incident.objects.get()
    assert (incident.code, incident.count, incident.since) == ("agent.silent", 1, START)
    Terminal.objects.update(last_seen_at=still.now())
    ticks.heard([terminal.pk], still.now())
    still.seconds = 930
    assert ticks.resolve_due(still.now()) == 1
    assert kinds(Incident.objects.get()) == ["opened", "cleared", "resolved"]


def test_a_retired_terminal_may_be_silent(terminal: Terminal, still: StillClock) -> None:
    Terminal.objects.update(retired_at=START)
    still.seconds = 10_000
    assert ticks.judge_silence(still.now()) == 0


def test_a_terminal_that_never_reported_counts_from_its_enrolment(
    terminal: Terminal, still: StillClock
) -> None:
    Terminal.objects.update(last_seen_at=None)
    still.seconds = 301
    assert ticks.judge_silence(still.now()) == 1


@pytest.fixture
def incident(terminal: Terminal, still: StillClock) -> Incident:
    tell(terminal, still, "raised")
    return Incident.objects.get()


def person(role: Role, name: str = "") -> User:
    return User.objects.create(username=name or role.value, role=role)


def test_acknowledge_takes_it_once(incident: Incident) -> None:
    technician, manager = person(Role.TECHNICIAN, "technician"), person(Role.MANAGER, "manager")
    actions.acknowledge(incident.pk, technician)
    actions.acknowledge(incident.pk, manager)
    incident.refresh_from_db()
    assert (incident.state, incident.assignee, incident.acknowledged_at) == ("assigned", technician, START)
    assert kinds(incident) == ["opened", "acknowledged"]


def test_assign_note_resolve_reopen(incident: Incident) -> None:
    technician, manager = person(Role.TECHNICIAN, "technician"), person(Role.MANAGER, "manager")
    actions.assign(incident.pk, manager, technician)
    actions.note(incident.pk, technician, " on my way ")
    actions.resolve(incident.pk, technician, "new roll")
    actions.reopen(incident.pk, manager, "empty again")
    incident.refresh_from_db()
    assert (incident.state, incident.assignee, incident.resolved_at) == ("assigned", technician, None)
    rows = list(incident.transitions.all())
    assert [row.kind for row in rows] == [
        Kind.OPENED,
        Kind.ASSIGNED,
        Kind.NOTED,
        Kind.RESOLVED,
        Kind.REOPENED,
    ]
    assert [row.note for row in rows] == ["", "technician", "on my way", "new roll", "empty again"]
    assert [row.by for row in rows] == [None, manager, technician, technician, manager]


@pytest.mark.parametrize("act", ["acknowledge", "assign", "note", "resolve", "reopen"])
def test_readers_only_read(incident: Incident, act: str) -> None:
    reader = person(Role.READER)
    rest = {"acknowledge": (), "assign": (person(Role.MANAGER),)}.get(act, ("words",))
    with pytest.raises(ActionRefused) as refused:
        getattr(actions, act)(incident.pk, reader, *rest)
    assert refused.value.code == "incident.not_allowed"
    assert kinds(incident) == ["opened"]


def test_what_the_state_does_not_allow(incident: Incident) -> None:
    technician = person(Role.TECHNICIAN)
    actions.resolve(incident.pk, technician, "done")
    for refused_act in (
        lambda: actions.resolve(incident.pk, technician, "again"),
        lambda: actions.acknowledge(incident.pk, technician),
    ):
        with pytest.raises(ActionRefused) as refused:
            refused_act()
        assert refused.value.code == "incident.state"


def test_reopen_is_refused_where_the_fault_has_a_newer_incident(
    incident: Incident, terminal: Terminal, still: StillClock
) -> None:
    technician = person(Role.TECHNICIAN)
    actions.resolve(incident.pk, technician, "done")
    still.seconds = 5
    tell(terminal, still, "raised")
    with pytest.raises(ActionRefused) as refused:
        actions.reopen(incident.pk, technician, "not done")
    assert refused.value.code == "incident.state"
    assert Incident.objects.count() == 2


@pytest.mark.parametrize(
    ("text", "code"), [("  ", "incident.note_missing"), ("x" * 4001, "incident.note_too_long")]
)
def test_notes_have_words(incident: Incident, text: str, code: str) -> None:
    with pytest.raises(ActionRefused) as refused:
        actions.note(incident.pk, person(Role.TECHNICIAN), text)
    assert refused.value.code == code


def test_assign_to_a_reader_is_refused(incident: Incident) -> None:
    with pytest.raises(ActionRefused):
        actions.assign(incident.pk, person(Role.MANAGER), person(Role.READER))


def test_unknown_incident() -> None:
    with pytest.raises(ActionRefused) as refused:
        actions.note(4711, person(Role.MANAGER), "words")
    assert refused.value.code == "incident.unknown"

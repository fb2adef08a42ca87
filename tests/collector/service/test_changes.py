"""Changes in the database: each kind goes its way, the guards hold, and what must follow is there."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.models import User
from collector.incidents.models import Incident
from collector.inventory.models import Terminal
from collector.service import catalogue, change_facts, changes, risk
from collector.service.change_models import CertifiedVersion, Change, ChangeTask, Freeze
from collector.service.changes import ChangeRefused, New, Said
from collector.service.flow import Kind
from collector.service.guards import Till
from collector.service.refusing import ServiceRefused
from collector.service.risk import Past, Proposed
from tests.collector.service import office
from tests.collector.service.office import HOUR, NOW

WINDOW = Said(starts_at=NOW + HOUR, ends_at=NOW + 3 * HOUR, back_out="restore", test_plan="one receipt")
SOON = NOW + HOUR


def proven(tills: Sequence[Terminal], _product: str) -> Mapping[str, Till]:
    return {one.pk: Till(one.pk, one.name, NOW, NOW, "7.1", "7.1") for one in tills}


def unproven(_tills: Sequence[Terminal], _product: str) -> Mapping[str, Till]:
    return {}


def refused(code: str) -> "pytest.RaisesExc[ServiceRefused]":
    return pytest.raises(ServiceRefused, check=lambda e: e.code == code)


class Desk:
    def __init__(self) -> None:
        self.asker, self.boss, self.other = (
            office.person(),
            office.person("manager"),
            office.person("manager"),
        )
        self.till = office.till()

    def certify(self, version: str = "7.2") -> CertifiedVersion:
        return CertifiedVersion.objects.create(product="Kase", version=version, at=NOW)

    def ask(self, kind: Kind = Kind.NORMAL, category: str = "version_rollout", **more: object) -> Change:
        fields: dict[str, object] = {
            "title": "New version",
            "reason": "three months",
            "terminals": [self.till],
        }
        if category == "version_rollout":
            fields |= {"product": "Kase", "version": "7.2"}
        return changes.ask(New(kind=kind, category=category, **{**fields, **more}), self.asker, NOW)  # type: ignore[arg-type]

    def do(self, row: Change, stimulus: str, by: User, said: Said | None = None, **more: object) -> Change:
        now, proofs = more.get("now", NOW), more.get("proofs", proven)
        found = changes.act(row.pk, stimulus, by, now, proofs, said=said)  # type: ignore[arg-type]
        row.refresh_from_db()
        return found

    def planned(self, **more: object) -> Change:
        row = self.ask(**more)  # type: ignore[arg-type]
        if row.kind == Kind.NORMAL:
            self.do(row, "validate", self.boss)
        self.do(row, "assign", self.asker, Said(assignee=self.asker))
        self.do(row, "plan", self.asker, WINDOW)
        return row


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


def test_a_certified_version_goes_all_the_way_and_leaves_its_tasks(desk: Desk) -> None:
    desk.certify()
    row = desk.planned()
    assert (row.state, row.round, row.risk) == ("planned", 1, "low")
    desk.do(row, "approve", desk.boss)
    assert row.state == "approved"
    with refused("change.too_early"):
        desk.do(row, "implement", desk.asker)
    desk.do(row, "implement", desk.asker, now=SOON)
    tasks = {one.kind: one for one in row.tasks.all()}
    assert set(tasks) == {"version_backup", "passport_entry", "eds_submission"}
    assert tasks["version_backup"].due_at == datetime(2026, 5, 11, 21, tzinfo=UTC)
    assert tasks["eds_submission"].due_at == datetime(2026, 5, 7, 21, tzinfo=UTC)
    assert "Regulation 95" in tasks["version_backup"].legal_basis
    with refused("change.tasks_open"):
        desk.do(row, "close", desk.asker, Said(review="good"), now=SOON)
    for one in tasks.values():
        changes.done(one.pk, desk.asker, SOON, "done in EDS")
    desk.do(row, "close", desk.asker, Said(review="good"), now=SOON)
    assert (row.state, row.failed) == ("closed", False)
    steps = ["asked", "validate", "assign", "plan", "approve", "implement", "task", "task", "task", "close"]
    assert [one.kind for one in row.steps.all()] == steps


def test_a_version_that_is_not_certified_is_refused_at_every_step(desk: Desk) -> None:
    row = desk.ask()
    desk.do(row, "validate", desk.boss)
    desk.do(row, "assign", desk.asker, Said(assignee=desk.asker))
    with refused("change.not_certified"):
        desk.do(row, "plan", desk.asker, WINDOW)
    listed = desk.certify()
    desk.do(row, "plan", desk.asker, WINDOW)
    listed.delete()
    with refused("change.not_certified"):
        desk.do(row, "approve", desk.boss)
    desk.certify("7.3")
    Change.objects.filter(pk=row.pk).update(state="approved", round=1)
    row.approvals.create(round=1, person=desk.boss, approved=True, at=NOW)
    with refused("change.not_certified"):
        desk.do(row, "implement", desk.asker, now=SOON)
    row.refresh_from_db()
    assert row.state == "approved"


def test_without_a_young_and_proven_backup_nothing_is_touched(desk: Desk) -> None:
    desk.certify()
    row = desk.planned()
    desk.do(row, "approve", desk.boss)
    with pytest.raises(ChangeRefused) as no:
        desk.do(row, "implement", desk.asker, now=SOON, proofs=unproven)
    assert {one.code for one in no.value.missing} == {"change.backup_too_old", "change.restore_not_proven"}
    assert {one.detail for one in no.value.missing} == {"Kase 1"}
    assert not ChangeTask.objects.exists()


def test_an_emergency_may_go_without_a_backup_where_a_manager_says_why(desk: Desk) -> None:
    row = desk.ask(Kind.EMERGENCY, "restore")
    desk.do(row, "assign", desk.asker, Said(assignee=desk.asker))
    desk.do(row, "plan", desk.asker, WINDOW)
    desk.do(row, "approve", desk.boss)
    with refused("change.manager"):
        desk.do(row, "implement", desk.asker, Said(waiver="dead"), now=SOON, proofs=unproven)
    desk.do(row, "implement", desk.boss, Said(waiver="the disk is dead"), now=SOON, proofs=unproven)
    assert (row.state, row.waiver) == ("implemented", "the disk is dead")


def test_a_standard_change_needs_no_approval_and_no_other_may_be_one(desk: Desk) -> None:
    row = desk.ask(Kind.STANDARD, "spooler_fix")
    desk.do(row, "assign", desk.asker, Said(assignee=desk.asker))
    desk.do(row, "plan", desk.asker, WINDOW)
    desk.do(row, "implement", desk.asker, now=SOON, proofs=unproven)
    assert row.state == "implemented"
    with refused("change.kind"):
        desk.ask(Kind.STANDARD, "version_rollout")
    with refused("change.category"):
        desk.ask(Kind.NORMAL, "dance")


def test_approvals_are_of_others_once_and_a_new_plan_asks_anew(desk: Desk) -> None:
    desk.certify()
    row = desk.planned()
    Change.objects.filter(pk=row.pk).update(risk="high")
    desk.do(row, "approve", desk.boss)
    assert row.state == "planned"
    with refused("change.voted"):
        desk.do(row, "approve", desk.boss)
    with refused("change.manager"):
        desk.do(row, "approve", desk.asker)
    desk.do(row, "plan", desk.asker, WINDOW)
    assert (row.round, changes.facts_of(row).approved_by) == (2, ())
    with refused("change.no_note"):
        desk.do(row, "refuse", desk.other)
    desk.do(row, "refuse", desk.other, Said(note="not before Christmas"))
    assert row.state == "not_approved"


def test_a_manager_does_not_approve_what_he_asked_for(desk: Desk) -> None:
    desk.asker = desk.boss
    desk.certify()
    row = desk.planned()
    with refused("change.own"):
        desk.do(row, "approve", desk.boss)


def test_freezes_other_changes_and_opening_hours_are_in_the_way(desk: Desk) -> None:
    desk.certify()
    row = desk.ask()
    desk.do(row, "validate", desk.boss)
    desk.do(row, "assign", desk.asker, Said(assignee=desk.asker))
    frozen = Freeze.objects.create(
        name="May", starts_at=NOW, ends_at=NOW + 2 * HOUR, customer=desk.till.site.customer
    )
    with refused("change.frozen"):
        desk.do(row, "plan", desk.asker, WINDOW)
    frozen.delete()
    site = desk.till.site
    site.hours = {"mon": [["08:00", "22:00"]]}
    site.save()
    with refused("change.shop_open"):
        desk.do(row, "plan", desk.asker, WINDOW)
    night = NOW.replace(hour=20)
    tonight = Said(starts_at=night, ends_at=night + 2 * HOUR, back_out="restore", test_plan="one receipt")
    desk.do(row, "plan", desk.asker, tonight)
    other = desk.ask(Kind.NORMAL, "server_update")
    desk.do(other, "validate", desk.boss)
    desk.do(other, "assign", desk.asker, Said(assignee=desk.asker))
    with refused("change.overlaps"):
        desk.do(other, "plan", desk.asker, tonight)


def test_history_and_what_is_seen_now_make_the_risk(desk: Desk) -> None:
    desk.certify()
    row = desk.planned()
    before = change_facts.risk_of(row, NOW, proven)
    for _ in range(3):
        Incident.objects.filter(pk=office.incident(desk.till, code=f"host.{_}").pk).update(opened_at=NOW)
        Change.objects.create(kind="normal", category="version_rollout", title="x", requester=desk.boss,
                              created_at=NOW, failed=True, implemented_at=NOW)  # fmt: skip
    after = change_facts.risk_of(row, NOW, unproven)
    assert after.score > before.score
    assert {"history", "incidents", "stale_backups", "programme", "outage"} <= {
        one.word for one in after.reasons
    }


def test_a_reader_asks_for_no_change(desk: Desk) -> None:
    desk.asker = office.person("reader")
    with refused("incident.not_allowed"):
        desk.ask()


def test_a_task_is_done_once_and_can_be_opened_again(desk: Desk) -> None:
    row = desk.ask(Kind.STANDARD, "agent_update")
    task = ChangeTask.objects.create(change=row, kind="seals", due_at=NOW)
    with refused("change.no_note"):
        changes.done(task.pk, desk.asker, NOW, " ")
    changes.done(task.pk, desk.asker, NOW, "fitted")
    with refused("change.task_done"):
        changes.done(task.pk, desk.asker, NOW, "fitted")
    assert changes.reopen_task(task.pk, desk.asker, NOW).done_at is None


def test_the_data_file_says_why_of_every_task() -> None:
    data = catalogue.changes()
    assert {kind for one in data.tasks for kind in one.after} <= set(data.categories)
    assert all(one.legal_basis and one.verified_on >= date(2026, 11, 26) for one in data.tasks)
    assert all(one.touches_programme is False for one in data.categories.values() if one.preapproved)


PAST = st.lists(st.builds(Past, st.booleans(), st.floats(0.1, 1)), max_size=30)
SHOWN = st.builds(
    Proposed, tills=st.integers(1, 50), sites=st.integers(1, 20), outage=st.booleans(), shop_open=st.booleans(),
    touches_programme=st.booleans(), back_out=st.booleans(), tested=st.booleans(),
    recent_incidents=st.integers(0, 20), stale_backups=st.integers(0, 9),
)  # fmt: skip


@given(SHOWN, PAST, st.floats(0.1, 1))
def test_a_failure_never_lowers_the_risk_and_a_success_never_raises_it(
    shown: Proposed, past: list[Past], alike: float
) -> None:
    now = risk.score(shown, past).score
    assert 0 <= now <= 100
    assert risk.score(shown, [*past, Past(True, alike)]).score >= now
    assert risk.score(shown, [*past, Past(False, alike)]).score <= now


def test_planned_times_may_be_long_without_end(desk: Desk) -> None:
    desk.till.site.hours = {"mon": [["00:00", "24:00"]]}
    desk.till.site.save()
    desk.certify()
    row = desk.ask(Kind.NORMAL, "server_update")
    row.starts_at, row.ends_at = NOW + timedelta(days=1), NOW + timedelta(days=400)
    assert len(change_facts.evidence_of(row, NOW, proven).trading) == change_facts.SHOWN


def test_nobody_is_called_for_a_till_while_its_change_may_be_under_way(desk: Desk) -> None:
    desk.certify()
    row = desk.planned()
    assert not row.windows.exists()
    desk.do(row, "approve", desk.boss)
    window = row.windows.get()
    assert (window.terminal, window.begins_at, window.ends_at) == (desk.till, row.starts_at, row.ends_at)
    later = Said(starts_at=NOW + 5 * HOUR, ends_at=NOW + 6 * HOUR)
    desk.do(row, "plan", desk.asker, later)
    assert [one.ended_at for one in row.windows.all()] == [NOW]
    desk.do(row, "approve", desk.other)
    desk.do(row, "implement", desk.asker, now=NOW + 5 * HOUR)
    assert all(one.ended_at is not None for one in row.windows.all())
    assert row.windows.count() == 2

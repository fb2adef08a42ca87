"""A backup that nobody has restored for too long is an incident with a reason, and closes itself when it is proven."""

from datetime import timedelta

import pytest

from collector.backups import proof_overdue
from collector.backups.catalogue import record_drill
from collector.backups.models import Drill, Trial
from collector.incidents.models import Incident
from protocols.wire import v1
from tests.collector.backups.drills import DAY, Office, office

__all__ = ["office"]
pytestmark = pytest.mark.django_db


def test_what_was_never_restored_is_late_after_its_time_and_a_drill_here_closes_it(office: Office) -> None:
    till = office.till()
    first = office.at
    till.backup()
    office.at = first + 8 * DAY
    assert proof_overdue.judge_all(office.at) == 0
    office.at += timedelta(minutes=1)
    assert proof_overdue.judge_all(office.at) == 1
    incident = Incident.objects.get()
    assert (incident.code, incident.subject_id, incident.terminal_id) == (
        "backup.overdue",
        "proof.pos",
        till.row.pk,
    )
    assert "nekad nav" in incident.reason  # the server's language
    assert f"{first:%Y-%m-%d}" in incident.reason
    assert proof_overdue.judge_all(office.at + DAY) == 0, "told once"
    office.drilled()
    assert proof_overdue.judge_all(office.at) == 1
    incident.refresh_from_db()
    assert incident.cleared_at is not None


def test_a_drill_at_the_till_closes_it_too(office: Office) -> None:
    till = office.till(locked=False)
    till.backup()
    office.at += 9 * DAY
    proof_overdue.judge_all(office.at)
    told = v1.Drill(
        seq=1, at=office.at, source="pos", snapshot="a" * 64, ok=True, started_at=office.at, duration_s=2
    )
    record_drill(till.row.pk, told, office.at)
    proof_overdue.judge_all(office.at)
    assert Incident.objects.get().cleared_at is not None


def test_a_failed_drill_is_no_proof_and_an_old_one_is_told_with_its_age(office: Office) -> None:
    till = office.till()
    till.backup()
    office.drilled()
    office.at += 10 * DAY
    Drill.objects.create(
        terminal=till.row, source="pos", ok=False, started_at=office.at, received_at=office.at, duration_s=1
    )
    reason = "no server to restore into can be started here"
    Trial.objects.update(outcome="unproven", reason=reason)
    proof_overdue.judge_all(office.at)
    incident = Incident.objects.get(code="backup.overdue")
    assert "10 dienām" in incident.reason
    assert reason in incident.reason


def test_a_till_that_is_retired_owes_nothing_any_more(office: Office) -> None:
    till = office.till()
    till.backup()
    office.at += 9 * DAY
    proof_overdue.judge_all(office.at)
    till.row.retired_at = office.at
    till.row.save()
    proof_overdue.judge_all(office.at)
    assert Incident.objects.get().cleared_at is not None

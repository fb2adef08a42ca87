"""What a till owes by law, from what it told and what lies here; late is an incident with the rule's text."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from collector.backups import duty, regimes
from collector.backups.models import Run, Snapshot
from collector.backups.store import Store
from collector.core import clock
from collector.incidents.models import Incident
from collector.inventory import holdings
from collector.inventory.models import Customer, Site, Terminal
from protocols.errors import ConfigError, RepositoryRefused
from protocols.regime.duty import Owed
from protocols.regime.told import Z_REPORTS, written
from protocols.wire import v1
from tests.collector.backups.test_keeping import Ours

pytestmark = pytest.mark.django_db
NOW = clock.now()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def till() -> Terminal:
    site = Site.objects.create(customer=Customer.objects.create(name="c"), name="s")
    return Terminal.objects.create(
        site=site, name="Kase 1", public_key="k", enrolled_at=NOW - 400 * DAY, last_seen_at=NOW
    )


@pytest.fixture
def law(monkeypatch: pytest.MonkeyPatch) -> "Law":
    return Law(monkeypatch)


class Law:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def set(self, **given: object) -> None:
        changed = settings.CONFIG.law.model_copy(update=given)
        self._monkeypatch.setattr(settings, "CONFIG", settings.CONFIG.model_copy(update={"law": changed}))


def z_report(till: Terminal, *ages: timedelta, seq: int = 1) -> None:
    subject = v1.Subject(kind=v1.SubjectKind.TERMINAL)
    seen = [NOW - age for age in ages]
    fact = v1.Fact(seq=seq, at=NOW, subject=subject, name=Z_REPORTS, detail=written(seen, 7))
    holdings.record(till.pk, 1, fact, NOW)


def backed_up(
    till: Terminal, age: timedelta, engine: str = "sqlite", *, took: timedelta = HOUR / 60
) -> Snapshot:
    number = Snapshot.objects.count() + 1
    return Snapshot.objects.create(
        terminal=till,
        source=engine,
        digest=f"{number:064x}",
        engine=engine,
        mode="wal",
        sequence=number,
        agent_started_at=NOW - 3 * DAY - took,
        agent_finished_at=NOW - 3 * DAY,
        received_at=NOW - age,
        source_bytes=1,
        stored_bytes=1,
        packs=1,
    )


def owed(till: Terminal) -> dict[str, Owed]:
    (standing,) = duty.standings(NOW, [till.pk])
    return {one.set_class.id: one.owed for one in standing.duties}


def test_a_set_after_the_z_report_is_all_that_is_owed(till: Terminal) -> None:
    z_report(till, 30 * HOUR, 6 * HOUR)
    backed_up(till, 5 * HOUR)
    assert owed(till) == {
        "daily": Owed.NOTHING,
        "version": Owed.UNKNOWN,
        "database": Owed.A_SET,
        "operational": Owed.NOTHING,
    }


def test_a_set_that_was_begun_before_the_z_report_does_not_count(till: Terminal) -> None:
    """It came after it; its content is older."""
    z_report(till, 5 * HOUR)
    backed_up(till, 4 * HOUR, took=2 * HOUR)
    assert owed(till)["daily"] is Owed.A_SET


def test_a_folder_is_no_daily_set_and_a_removed_one_is_none(till: Terminal) -> None:
    z_report(till, 30 * HOUR)
    backed_up(till, HOUR, "files")
    gone = backed_up(till, HOUR)
    Snapshot.objects.filter(pk=gone.pk).update(removed_at=NOW)
    assert owed(till)["daily"] is Owed.OVERDUE


def test_a_till_that_tells_of_no_z_report_is_unknown_and_one_without_backups_is_not_judged(
    till: Terminal,
) -> None:
    assert duty.standings(NOW) == []
    backed_up(till, HOUR)
    assert owed(till)["daily"] is Owed.UNKNOWN


def test_a_failed_run_alone_makes_a_till_one_that_owes(till: Terminal) -> None:
    Run.objects.create(
        terminal=till, source="pos", engine="sqlite", ok=False, started_at=NOW, duration_s=1, received_at=NOW
    )
    assert owed(till)["database"] is Owed.OVERDUE


def test_a_changed_program_wants_a_set_within_a_week(till: Terminal) -> None:
    backed_up(till, 9 * DAY, "files")
    Incident.objects.create(
        terminal=till,
        site=till.site,
        subject_kind="terminal",
        code="software.version_changed",
        severity="warning",
        rule="standard",
        since=NOW - 8 * DAY,
        opened_at=NOW - 8 * DAY,
        last_seen_at=NOW - 8 * DAY,
    )
    assert owed(till)["version"] is Owed.OVERDUE
    backed_up(till, HOUR, "files")
    assert owed(till)["version"] is Owed.NOTHING


def test_what_is_late_is_an_incident_with_the_rule_and_goes_with_the_next_set(till: Terminal) -> None:
    z_report(till, 25 * HOUR)
    backed_up(till, 26 * HOUR)
    assert duty.judge_all(NOW) == 1
    incident = Incident.objects.get(code="backup.overdue")
    assert (incident.terminal_id, incident.subject_id) == (till.pk, "law.daily")
    assert "24 stundās" in incident.reason
    assert "Nr. 95" in incident.reason
    assert duty.judge_all(NOW) == 0, "told once"
    backed_up(till, HOUR)
    assert duty.judge_all(NOW) == 1
    assert duty.judge_all(NOW) == 0
    incident.refresh_from_db()
    assert incident.cleared_at is not None or incident.resolved_at is not None


def test_control_nothing_is_raised_while_the_time_runs(till: Terminal) -> None:
    z_report(till, 23 * HOUR)
    backed_up(till, 24 * HOUR)
    assert duty.judge_all(NOW) == 0


def test_a_place_that_the_law_forbids_is_refused_where_it_is_named(law: Law) -> None:
    regimes.check_storage("sqlite")
    law.set(storage_country="LV")
    regimes.check_storage("sqlite")
    assert [regimes.place_problem(one) for one in regimes.current().classes.values()] == [""] * 4
    law.set(storage_country="DE")
    with pytest.raises(RepositoryRefused) as refused:
        regimes.check_storage("sqlite")
    assert refused.value.code == "backup.place_not_allowed"
    law.set(storage_country="")
    assert "nobody named" in regimes.place_problem(regimes.current().classes["daily"])


def test_a_regime_of_ones_own(law: Law, tmp_path: Path) -> None:
    law.set(file=tmp_path / "own.toml")
    with pytest.raises(ConfigError):
        regimes.current()
    shipped = Path(regimes.__file__).parents[2] / "protocols" / "regime" / "regimes" / "lv.toml"
    (tmp_path / "own.toml").write_text(
        shipped.read_text("utf-8").replace('"24 hours"', '"12 hours"'), "utf-8"
    )
    assert regimes.current().classes["daily"].within.hours == 12  # type: ignore[union-attr]
    law.set(regime="xx", file=None)
    with pytest.raises(ConfigError) as refused:
        regimes.current()
    assert "lv" in refused.value.allowed


def test_the_store_takes_no_set_that_may_not_lie_here(law: Law, tmp_path: Path) -> None:
    ours = Ours(tmp_path, Store(tmp_path / "store"))
    law.set(storage_country="DE")
    with pytest.raises(RepositoryRefused) as refused:
        ours.backup(b"x" * 4096)
    assert refused.value.code == "backup.place_not_allowed"
    assert not Snapshot.objects.exists()
    law.set(storage_country="LV")
    ours.backup(b"x" * 4096)
    assert Snapshot.objects.count() == 1

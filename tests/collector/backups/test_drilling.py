"""Weekly drills at the collector: what the agent's own program restores from the store is a proof; nothing else is."""

import json
from collections.abc import Callable

import pytest

from collector.backups import drilling
from collector.backups.drilling import Driller
from collector.backups.models import Drill, Reading, Trial
from collector.incidents.models import Incident
from protocols.errors import RepositoryRefused
from protocols.wire.key_text import SECRET_MARK
from protocols.wire.snapshot import SNAPSHOTS
from tests.collector.backups.drills import DAY, Office, command, office, rules

__all__ = ["office", "rules"]
pytestmark = pytest.mark.django_db


def test_a_set_that_restores_is_proven_with_its_evidence(office: Office) -> None:
    till = office.till()
    digest = till.backup()
    came = office.at
    office.at += DAY
    office.drilled()
    drill = Drill.objects.get()
    assert (drill.ok, drill.place, drill.snapshot, drill.error, drill.by) == (
        True,
        "collector",
        digest,
        "",
        "",
    )
    assert (drill.set_at, drill.received_at, drill.engine) == (came, office.at, "sqlite")
    assert drill.facts["rows.receipts"] == 501
    assert drill.facts["max_rowid.receipts"] == 501
    assert drill.evidence["key"] == office.key.id
    assert drill.evidence["compared"] == len(drill.facts)
    assert drill.duration_s > 0
    assert "memory and time limits" in drill.evidence["isolation"]
    assert Trial.objects.get().outcome == "proven"
    noted = Reading.objects.get()
    assert (noted.way, noted.snapshot, noted.objects_read > 1) == ("drill", digest, True)
    assert not Incident.objects.exists()
    assert list((office.root / "home" / "drills").iterdir()) == [office.root / "home" / "drills" / "lock"]


def test_a_damaged_pack_fails_with_its_name_and_the_next_good_set_closes_it(office: Office) -> None:
    till = office.till()
    pack = till.pack(till.backup())
    whole = pack.read_bytes()
    pack.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    office.drilled()
    drill = Drill.objects.get()
    assert not drill.ok
    assert pack.name[:12] in drill.error
    incident = Incident.objects.get(code="backup.restore_failed")
    assert incident.subject_id == "pos.drill"
    assert pack.name[:12] in incident.reason
    assert incident.cleared_at is None
    pack.write_bytes(whole)
    office.at += DAY
    office.drilled()
    incident.refresh_from_db()
    assert incident.cleared_at is not None
    assert [one.ok for one in Drill.objects.order_by("id")] == [False, True]


def test_by_hand_it_says_what_was_proven_and_what_could_not_be_tried(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, foreign = office.till("ours"), office.till("foreign", locked=False)
    digest = ours.backup()
    foreign.backup()
    assert command("drill", "--json", "--by", "Anna") == 75
    told = {row["till"]: row for row in json.loads(capsys.readouterr().out)["drills"]}
    assert (told["ours"]["outcome"], told["ours"]["snapshot"]) == ("proven", digest)
    assert (told["foreign"]["outcome"], told["foreign"]["code"]) == ("unproven", "drill.not_ours")
    assert Drill.objects.get().by == "Anna"
    assert command("drill", "--terminal", ours.row.pk, "--source", "pos") == 0
    assert "PROVEN" in capsys.readouterr().out
    with pytest.raises(RepositoryRefused):
        command("drill", "--source", "none")


def test_without_a_key_here_or_for_a_set_that_it_does_not_open_nothing_is_tried(office: Office) -> None:
    office.till(locked=False).backup()
    office.drilled()
    assert not Trial.objects.exists()
    office.till("t2").backup()
    office.key.file.unlink()
    office.drilled()
    assert not Trial.objects.exists()


def test_a_key_file_that_holds_none_is_told_once(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.till().backup()
    office.key.file.write_text("rubbish\n")
    driller = Driller()
    for _ in range(3):
        driller(office.at)
    assert [one.levelname for one in caplog.records] == ["ERROR"]


def test_the_key_is_made_once_and_only_its_public_half_is_shown(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("verify-key", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["id"], told["verify_public"]) == (office.key.id, office.key.line)
    assert command("verify-key") == 0
    shown = capsys.readouterr().out
    secret = next(line for line in office.key.file.read_text().splitlines() if line.startswith(SECRET_MARK))
    assert secret.partition(" ")[2] not in shown
    assert office.key.file.stat().st_mode & 0o077 == 0


def test_a_set_that_is_gone_or_damaged_itself_fails_without_a_child(office: Office) -> None:
    till = office.till()
    path = till.object(f"{SNAPSHOTS}/{till.backup()}")
    whole = path.read_bytes()
    path.unlink()
    office.drilled()
    assert path.name in Incident.objects.get().reason
    path.write_bytes(whole[:-1])
    office.at += DAY
    office.drilled()
    assert [one.ok for one in Drill.objects.all()] == [False, False]
    path.write_bytes(whole)
    office.at += DAY
    office.drilled()
    assert Incident.objects.get().cleared_at is not None


def test_what_could_not_be_tried_proves_nothing_either_way(
    office: Office, rules: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    office.till().backup()

    def outcome() -> tuple[str, str]:
        office.at += DAY
        office.drilled()
        trial = Trial.objects.get()
        return trial.outcome, trial.code

    rules(agent="/no/such/program")
    assert outcome() == ("unproven", "drill.no_agent")
    rules(agent="/bin/false")
    assert outcome() == ("unproven", "drill.broke_off")
    rules(agent="", memory_mib=1)
    assert outcome() == ("unproven", "drill.broke_off")
    rules(memory_mib=2048, limit_minutes=0)
    assert outcome() == ("unproven", "drill.too_long")
    rules(limit_minutes=120)
    with monkeypatch.context() as patch:
        patch.setattr(drilling, "ROOM_BYTES", 1 << 60)
        assert outcome() == ("unproven", "drill.no_room")
    assert not Drill.objects.exists()
    assert not Incident.objects.exists()
    assert outcome() == ("proven", "")

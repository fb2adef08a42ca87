"""The nightly look at what lies at the collector names everything that is missing, damaged or odd."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.backups import keeping
from collector.backups.checking import check, in_words
from collector.backups.models import Snapshot
from collector.backups.store import Store
from collector.incidents.models import Incident
from protocols.errors import RepositoryRefused, RepositoryUnreachable
from protocols.wire.audit import Finding
from protocols.wire.snapshot import PACKS, SNAPSHOTS
from tests.collector.backups.drills import DAY, Office, Ours, command, office

__all__ = ["office"]
pytestmark = pytest.mark.django_db


def found(till: Ours) -> set[tuple[str, str]]:
    return {(one.code, one.name.partition("/")[2]) for one in check(till.row, keeping.store()).findings}


def three(office: Office) -> tuple[Ours, list[str]]:
    till, made = office.till(), []
    for _ in range(3):
        office.at += DAY
        made.append(till.backup())
    return till, made


def test_what_is_whole_is_good(office: Office) -> None:
    till, _ = three(office)
    assert found(till) == set()
    keeping.check(till.row, office.at)
    assert not Snapshot.objects.filter(checked_at=None).exists()
    assert not Incident.objects.exists()


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "code", "kind"),
    [
        (damaged, "backup.integrity", PACKS),
        (damaged, "backup.integrity", SNAPSHOTS),
        (Path.unlink, "backup.pack_missing", PACKS),
        (Path.unlink, "backup.object_missing", SNAPSHOTS),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "backup.integrity", PACKS),
    ],
)
def test_each_harm_is_named_and_raises_one_incident_of_its_source(
    office: Office, harm: Callable[[Path], object], code: str, kind: str
) -> None:
    till, made = three(office)
    path = till.pack(made[-1]) if kind == PACKS else till.object(f"{SNAPSHOTS}/{made[-1]}")
    harm(path)
    assert (code, path.name) in found(till)
    keeping.check(till.row, office.at)
    incident = Incident.objects.get()
    assert (incident.code, incident.subject_id) == ("backup.restore_failed", "pos.stored")
    assert path.name[:12] in incident.reason
    assert Snapshot.objects.get(digest=made[-1]).checked_at is None
    assert Snapshot.objects.get(digest=made[0]).checked_at is not None


def test_every_object_that_is_wrong_is_named(office: Office) -> None:
    till, made = three(office)
    paths = [till.object(f"{SNAPSHOTS}/{digest}") for digest in made]
    for path in paths:
        damaged(path)
    assert {name for _, name in found(till)} == set(made)


def test_a_set_that_never_arrived_or_came_twice_breaks_the_chain(office: Office) -> None:
    till, made = three(office)
    Snapshot.objects.filter(digest=made[1]).delete()
    till.object(f"{SNAPSHOTS}/{made[1]}").unlink()
    assert found(till) == {("backup.sequence_gap", made[2])}
    Snapshot.objects.filter(digest=made[2]).update(sequence=1)
    assert ("backup.sequence_twice", made[2]) in found(till)


def test_a_set_that_was_let_go_is_no_gap(office: Office) -> None:
    till, made = three(office)
    Snapshot.objects.filter(digest=made[1]).update(removed_at=office.at)
    till.object(f"{SNAPSHOTS}/{made[1]}").unlink()
    assert found(till) == set()


def test_an_object_that_nobody_stored_is_named(office: Office) -> None:
    till, made = three(office)
    Snapshot.objects.filter(digest=made[2]).delete()
    assert ("backup.unlisted", made[2]) in found(till)


def test_what_comes_while_the_rest_is_read_is_neither_wrong_nor_good(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    till, _ = three(office)
    real, late = Store.get, list[str]()

    def get(self: Store, terminal: str, name: str) -> bytes:
        if not late:
            late.append("")
            late[0] = till.backup()
        return real(self, terminal, name)

    monkeypatch.setattr(Store, "get", get)
    keeping.check(till.row, office.at)
    assert not Incident.objects.exists()
    assert Snapshot.objects.get(digest=late[0]).checked_at is None


def test_one_object_that_cannot_be_read_is_named_and_the_others_are_looked_at(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    till, made = three(office)
    bad, real = f"{PACKS}/{till.pack(made[0]).name}", Store.get

    def get(self: Store, terminal: str, name: str) -> bytes:
        if name == bad:
            raise RepositoryUnreachable("the storage folder cannot be used: Input/output error")
        return real(self, terminal, name)

    monkeypatch.setattr(Store, "get", get)
    assert ("backup.unreadable", bad.partition("/")[2]) in found(till)


def test_a_long_list_says_how_many_more_there_are() -> None:
    text = in_words(Finding(f"{PACKS}/{n:064x}", "backup.integrity", "it is damaged") for n in range(50))
    assert len(text) <= 400
    assert text.endswith("more")
    assert in_words([]) == ""


def test_the_command_names_all_for_a_machine(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    till, made = three(office)
    path = till.pack(made[-1])
    damaged(path)
    assert command("drill", "--objects", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["objects"]) == (False, 6)
    assert {(row["terminal"], row["name"]) for row in told["findings"]} == {
        (till.row.pk, f"{PACKS}/{path.name}")
    }
    assert command("drill", "--objects") == 1
    assert path.name in capsys.readouterr().out
    with pytest.raises(RepositoryRefused):
        command("drill", "--objects", "--terminal", "none")

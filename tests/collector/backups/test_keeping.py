"""The storage folder is looked after: good sets are told from bad ones, old ones go in two steps, what is held stays,
and a process that dies in the middle does no harm."""

import argparse
import itertools
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from agent.backup.catalogue import Wanted
from agent.backup.engines import Cut
from agent.backup.repository.local import LocalRepository
from collector.backups import command, holds, keeping
from collector.backups.catalogue import accept
from collector.backups.models import Hold, Leaving, Snapshot
from collector.backups.store import Store, Stored
from collector.core import clock
from collector.incidents.models import Incident
from collector.inventory.models import Customer, Site, Terminal
from protocols.errors import RepositoryRefused
from protocols.wire.snapshot import PACKS, SNAPSHOTS, PackRef, encode_key, object_path, parse
from tests.agent.backup.plain import PlainFile
from tests.agent.backup.till import KEY, Till

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PAGES = PlainFile(Cut.PAGES)


class Ours:
    """A till that backs up straight into the store, at a time of the server that is moved by hand."""

    def __init__(self, root: Path, place: Store) -> None:
        site = Site.objects.create(customer=Customer.objects.create(name="c"), name="s")
        self.at = clock.now() - 2000 * DAY
        self.row = Terminal.objects.create(
            site=site, name="t", public_key=encode_key(KEY.public_key()), enrolled_at=self.at
        )
        self.till = Till(root, terminal=self.row.pk)
        self.place = place
        self.address = "the collector"
        self.streams, self.checks_packs = 1, True

    def put_new(self, name: str, data: bytes | memoryview) -> None:
        accept(self.row, name, bytes(data), self.at, self.place)

    def get(self, name: str) -> bytes:
        return self.place.get(self.row.pk, name)

    def list(self, kind: str) -> Iterator[Stored]:
        yield from self.place.list(self.row.pk, kind)

    def backup(self, change: bytes, at: int = 0) -> str:
        with self.till.database.open("r+b" if self.till.database.exists() else "wb") as file:
            file.seek(at)
            file.write(change)
        return self.till.backup(self, by=PAGES).snapshot  # type: ignore[arg-type]

    @property
    def folder(self) -> Path:
        return self.place._folder(self.row.pk)

    def days(self, count: int) -> "tuple[str, ...]":
        """A backup a day that changes one page, and the rest of the house every night."""
        made = []
        for day in range(count):
            self.at += DAY
            made.append(self.backup(b"%08d" % day, at=day % 10 * 8192))
            self.keep()
        return tuple(made)

    def keep(self) -> int:
        return keeping.keep_house(self.at)

    def stored(self, kind: str) -> set[str]:
        return {one.name.partition("/")[2] for one in self.place.list(self.row.pk, kind)}

    def restores(self, digest: str) -> bool:
        to = self.till.root / "back"
        self.till.restore(to, Wanted(snapshot=digest), repository=LocalRepository(self.folder), force=True)
        return to.exists()


def _lawless(file: Path) -> Path:
    """A country that asks for nothing: what the house does by its own numbers shows within days."""
    text = (files("protocols.regime") / "regimes" / "lv.toml").read_text(encoding="utf-8")
    file.write_text('regime = "xx"\n' + text[text.index('[[class]]\nid = "operational"') :], encoding="utf-8")
    return file


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object) -> Ours:
    place = Store(tmp_path / "backups")
    monkeypatch.setattr(keeping, "store", lambda: place)
    rules = settings.CONFIG.retention.model_copy(  # type: ignore[attr-defined]
        update={"all_days": 3, "daily_years": 0, "monthly_years": 0, "grace_days": 2}
    )
    law = settings.CONFIG.law.model_copy(update={"file": _lawless(tmp_path / "regime.toml")})  # type: ignore[attr-defined]
    settings.CONFIG = settings.CONFIG.model_copy(update={"retention": rules, "law": law})  # type: ignore[attr-defined]
    made = Ours(tmp_path, place)
    made.till.database.write_bytes(bytes(range(256)) * 400)
    return made


def test_old_sets_go_in_two_steps_and_what_is_left_restores(ours: Ours) -> None:
    made = ours.days(12)
    there = ours.stored(SNAPSHOTS)
    assert made[-1] in there
    assert made[0] not in there
    assert len(there) == 6  # three days, the day that is not over, and two of grace
    gone = Snapshot.objects.filter(digest=made[0]).get()
    assert gone.let_go_at is not None
    assert gone.removed_at is not None
    assert gone.removed_at - gone.let_go_at >= 2 * DAY
    named = {pack.digest for one in there for pack in header_packs(ours, one)}
    assert ours.stored(PACKS) - named <= set(Leaving.objects.values_list("digest", flat=True))
    for digest in sorted(there):
        assert ours.restores(digest)


def header_packs(ours: Ours, digest: str) -> list[PackRef]:
    return list(parse(ours.get(f"{SNAPSHOTS}/{digest}")).header.packs)


def test_a_till_that_is_silent_keeps_its_last_sets_for_good(ours: Ours) -> None:
    made = ours.days(4)
    for _ in range(8):
        ours.at += 100 * DAY
        ours.keep()
    assert ours.stored(SNAPSHOTS) == set(made[-3:])
    assert ours.restores(made[-1])


def test_what_is_held_stays_and_goes_after_its_days_of_grace(ours: Ours) -> None:
    made = ours.days(3)
    one = holds.hold(ours.row, "", why="legal", reason="Police, letter 12", by="A manager", now=ours.at)
    made += ours.days(10)
    assert ours.stored(SNAPSHOTS) == set(made)
    holds.release(one, "A manager", ours.at)
    ours.keep()
    assert made[0] not in ours.stored(SNAPSHOTS)
    assert Hold.objects.get().ended_by == "A manager"


def test_a_till_that_was_encrypted_freezes_and_raises_an_incident(ours: Ours) -> None:
    ours.till.database.write_bytes(bytes(range(256)) * 40_000)
    made = ours.days(6)
    before = ours.stored(SNAPSHOTS)
    ours.at += DAY
    ours.backup(random.Random(1).randbytes(256 * 40_000))
    (found,) = Hold.objects.filter(ended_at=None)
    assert found.why == "suspicious"
    assert "does not compress" in found.reason
    incident = Incident.objects.get(code="backup.suspicious")
    assert incident.cleared_at is None
    ours.at += 30 * DAY
    ours.keep()
    assert before <= ours.stored(SNAPSHOTS)
    assert ours.restores(made[-1])
    holds.release(found, "A technician", ours.at)
    incident.refresh_from_db()
    assert incident.cleared_at is not None


def test_a_damaged_object_is_found_told_and_takes_no_good_sets_place(ours: Ours) -> None:
    made = ours.days(2)
    ours.at += DAY
    made += (ours.backup(b"!", at=1),)
    pack = ours.folder / object_path(f"{PACKS}/{header_packs(ours, made[-1])[-1].digest}")  # type: ignore[attr-defined]
    whole = pack.read_bytes()
    pack.write_bytes(whole[:-1] + b"!")
    ours.keep()
    assert Snapshot.objects.get(digest=made[-1]).checked_at is None
    incident = Incident.objects.get(code="backup.restore_failed")
    assert pack.name[:12] in incident.reason
    pack.write_bytes(whole)
    ours.at += DAY
    ours.keep()
    incident.refresh_from_db()
    assert incident.cleared_at is not None
    assert Snapshot.objects.get(digest=made[-1]).checked_at is not None


def test_a_snapshot_that_cannot_be_read_ends_the_sweep(ours: Ours) -> None:
    """Nobody knows which packs it needs."""
    made = ours.days(6)
    packs = ours.stored(PACKS)
    path = ours.folder / object_path(f"{SNAPSHOTS}/{made[-1]}")
    path.write_bytes(b"rubbish")
    for _ in range(20):
        ours.at += DAY
        ours.keep()
    assert ours.stored(PACKS) == packs


class Killed(BaseException):
    """Stands for the end of the process at this step."""


@pytest.mark.parametrize("after", range(7))
def test_killed_at_any_removal_it_goes_on(ours: Ours, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(6):
        ours.at += DAY
        last = ours.backup(b"%08d" % _, at=0)
    keeping.check(ours.row, ours.at)
    keeping.judge(ours.row, "pos", ours.at)
    ours.at += 3 * DAY
    steps = itertools.count()

    def dying(real: Callable[..., None]) -> Callable[..., None]:
        def call(*args: object) -> None:
            if next(steps) == after:
                raise Killed
            real(*args)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Store, "remove", dying(Store.remove))
        try:
            for _ in range(3):
                keeping.sweep(ours.row, ours.at)
                ours.at += 3 * DAY
        except Killed:
            pass
    named = {pack.digest for one in ours.stored(SNAPSHOTS) for pack in header_packs(ours, one)}
    assert named <= ours.stored(PACKS)
    for _ in range(3):
        keeping.sweep(ours.row, ours.at)
        ours.at += 3 * DAY
    assert ours.restores(last)
    named = {pack.digest for one in ours.stored(SNAPSHOTS) for pack in header_packs(ours, one)}  # type: ignore[attr-defined]
    assert ours.stored(PACKS) == named
    assert set(Snapshot.objects.filter(removed_at=None).values_list("digest", flat=True)) == ours.stored(
        SNAPSHOTS
    )


def test_a_pack_that_is_named_again_stays(ours: Ours) -> None:
    """A run that broke off left it; the next one goes on with it."""
    ours.days(1)
    digest = min(ours.stored(PACKS))
    Leaving.objects.create(terminal=ours.row, digest=digest, since=ours.at - 30 * DAY)
    ours.keep()
    assert digest in ours.stored(PACKS)
    assert not Leaving.objects.filter(digest=digest).exists()


def test_a_snapshot_whose_pack_has_gone_is_refused_and_the_till_begins_anew(ours: Ours) -> None:
    ours.days(1)
    for digest in ours.stored(PACKS):
        ours.place.remove(ours.row.pk, f"{PACKS}/{digest}")
    ours.at += DAY
    done = ours.backup(b"new", at=4096)
    assert ours.restores(done)


def test_the_command_holds_lists_and_ends(ours: Ours, capsys: pytest.CaptureFixture[str]) -> None:
    begin = argparse.Namespace(terminal=ours.row.pk, source="", reason="Court", by="Me")
    assert command._begin(begin) == 0
    (one,) = Hold.objects.all()
    assert command._list(argparse.Namespace(json=False)) == 0
    assert "Court" in capsys.readouterr().out
    assert command._end(argparse.Namespace(number=one.pk, by="Me", reason="Over")) == 0
    with pytest.raises(RepositoryRefused):
        command._end(argparse.Namespace(number=one.pk, by="Me", reason="Over"))
    assert command._list(argparse.Namespace(json=True)) == 0
    assert '{"holds": []}' in capsys.readouterr().out

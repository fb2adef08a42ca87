"""The next backup sends what has changed, comes back byte for byte whatever happened to the file, and never leans on
what is no longer there."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agent.backup import letting_go, writer
from agent.backup.engines import Cut
from agent.backup.key import KeyRing
from agent.backup.pack import DELTA, DEPTH, PACK_BYTES, PackReader
from agent.backup.repository import Repository
from agent.backup.restore import open_snapshot
from agent.backup.run import Done
from agent.backup.state import KnownPack, locked
from protocols.errors import RepositoryUnreachable
from protocols.wire.snapshot import PackRef, object_path
from tests.agent.backup.plain import PlainFile
from tests.agent.backup.till import OTHER_SECRET, SECRET, TERMINAL, Till

PAGES = PlainFile(Cut.PAGES)


def same(till: Till, **how: object) -> Done:
    """Back up, restore, compare."""
    done = till.backup(**how)  # type: ignore[arg-type]
    till.restore(till.root / "back.db", force=True)
    assert (till.root / "back.db").read_bytes() == till.database.read_bytes()
    return done


def write(till: Till, data: bytes, at: int = 0) -> None:
    with till.database.open("r+b" if till.database.exists() else "wb") as file:
        file.seek(at)
        file.write(data)


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("page", [512, 4096, 65536])
def test_one_changed_page_sends_one_page(till: Till, page: int) -> None:
    by = PlainFile(Cut.PAGES, page)
    write(till, noise(1, 3_000_000))
    full = same(till, by=by)
    assert full.header.changed_bytes == 3_000_000
    write(till, b"!", at=page * 3 + 5)
    done = same(till, by=by)
    assert done.header.changed_bytes == page
    assert done.header.new_packs == 1
    assert same(till, by=by).header.packs == done.header.packs
    assert same(till, by=by).header.new_packs == 0


def sql(till: Till, *commands: str) -> None:
    with closing(sqlite3.connect(till.database, isolation_level=None)) as database:
        for command in commands:
            database.execute(command)


@pytest.mark.parametrize(
    "change",
    [
        ("VACUUM",),
        ("PRAGMA journal_mode=WAL", "INSERT INTO receipts (total) VALUES (1)", "PRAGMA journal_mode=DELETE"),
        ("DELETE FROM receipts WHERE id > 2000", "VACUUM"),
        ("DELETE FROM receipts WHERE id % 3 = 0",),
        ("PRAGMA page_size=1024", "VACUUM"),
        ("PRAGMA page_size=65536", "VACUUM"),
        ("CREATE INDEX by_total ON receipts (total)", "DROP TABLE receipts", "CREATE TABLE t (x)"),
    ],
)
def test_whatever_the_program_does_to_its_file_and_never_worse_than_a_full_one(
    till: Till, change: tuple[str, ...]
) -> None:
    till.make_database(rows=6000, journal="delete", noise=300)
    full = same(till)
    sql(till, *change)
    done = same(till)
    fresh = done.header.stored_bytes
    assert fresh <= full.header.stored_bytes * 1.02 + 20_000
    assert till.drill().ok


def test_it_grows_shrinks_and_grows_again(till: Till) -> None:
    sizes = (0, 1, 4096, 1_000_001, 300_000, 262_144, 2_000_003, 0, 5)
    for number, size in enumerate(sizes):
        till.database.write_bytes(noise(3, size)[: size // 2] + noise(number, size - size // 2))
        same(till, by=PAGES)
    assert till.find().header.sequence == len(sizes)


def test_holes_are_not_stored_and_a_gigabyte_is_no_limit(till: Till) -> None:
    """1 GiB is where SQLite's lock page lies; the file here is longer, and nearly all of it zeros."""
    write(till, noise(1, 5000))
    write(till, noise(2, 5000), at=(1 << 30) + 12_345)
    done = till.backup(by=PAGES)
    assert done.header.source_bytes > 1 << 30
    assert done.header.stored_bytes < 50_000
    till.restore(till.root / "back.db")
    with (till.root / "back.db").open("rb") as back:
        assert back.read(5000) == noise(1, 5000)
        back.seek((1 << 30) + 12_345)
        assert back.read() == noise(2, 5000)
    assert (till.root / "back.db").stat().st_blocks * 512 < 50 << 20


def test_in_delta_mode_less_is_sent_and_the_chain_is_bounded(till: Till) -> None:
    write(till, noise(1, 400_000))
    depths = []
    for day in range(DEPTH + 4):
        write(till, b"%08d" % day, at=4096 * 7 + 100)
        done = same(till, by=PAGES, delta=True)
        if day:
            assert done.header.changed_bytes == 4096
        depths.append(newest_depth(till, done))
    assert depths[: DEPTH + 1] == list(range(DEPTH + 1))
    assert depths[DEPTH + 1] == 0  # stands alone again


def newest_depth(till: Till, done: Done) -> int:
    data = (till.folder / object_path(f"packs/{done.header.packs[-1].digest}")).read_bytes()
    (frame, *_) = PackReader(data, KeyRing(SECRET)).frames
    assert (frame.codec == DELTA) == bool(frame.depth)
    return frame.depth


def test_a_delta_is_small_and_a_copy_that_is_not_the_last_is_not_leant_on(till: Till) -> None:
    write(till, noise(1, 400_000))
    till.backup(by=PAGES, delta=True)
    write(till, b"small change", at=50_000)
    assert same(till, by=PAGES, delta=True).header.stored_bytes < 3000
    (copy,) = (till.root / "state" / "copies" / "pos").iterdir()
    copy.write_bytes(noise(9, 400_000))
    write(till, b"another small one", at=50_000)
    assert same(till, by=PAGES, delta=True).header.stored_bytes > 4096


def test_old_packs_of_little_use_are_let_go(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many days: a restore never needs much more than a full backup."""
    monkeypatch.setattr(letting_go, "SPARE_PACKS", 6)
    write(till, noise(0, 1_000_000))
    for day in range(25):
        write(till, noise(day, 4096), at=(day * 7 % 240) * 4096)
        done = till.backup(by=PAGES)
    same(till, by=PAGES)
    assert len(done.header.packs) <= letting_go.SPARE_PACKS + 5
    kept = sum(pack.size for pack in done.header.packs)
    assert kept < 4 * done.header.source_bytes


class Breaking:
    """A repository whose line breaks after so many objects."""

    def __init__(self, inner: Repository, after: int) -> None:
        self.inner, self.left = inner, after
        self.put: list[str] = []
        self.address = inner.address

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def put_new(self, name: str, data: bytes) -> None:
        if not self.left:
            raise RepositoryUnreachable("the line is down")
        self.left -= 1
        self.inner.put_new(name, data)
        self.put.append(name)


@pytest.mark.parametrize("count", [60, 2000])
def test_full_packs_that_do_not_compress_are_not_too_many(count: int) -> None:
    """A folder of pictures: each pack is as full as it can be, and none is worth storing anew."""
    full = [
        KnownPack(number, PackRef(digest="0" * 64, size=1), PACK_BYTES, PACK_BYTES, ())
        for number in range(count)
    ]
    assert not letting_go.dying(full)
    thin = [replace(one, plain=PACK_BYTES // 2, live=PACK_BYTES // 2) for one in full]
    assert bool(letting_go.dying(thin)) is (count > letting_go.SPARE_PACKS)


def test_a_run_that_broke_off_goes_on_where_it_was(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.backup.pack.PACK_BYTES", 300_000)
    write(till, noise(1, 3_000_000))
    broken = Breaking(till.repository, 6)
    with pytest.raises(RepositoryUnreachable):
        till.backup(broken, by=PAGES)  # type: ignore[arg-type]
    assert not list(till.repository.list("snapshots"))
    again = Breaking(till.repository, 1000)
    done = till.backup(again, by=PAGES)  # type: ignore[arg-type]
    assert len(again.put) < 8
    assert done.header.changed_bytes < 2_000_000
    till.restore(till.root / "back.db")
    assert (till.root / "back.db").read_bytes() == till.database.read_bytes()


def test_the_file_changed_while_the_line_was_down(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.backup.pack.PACK_BYTES", 300_000)
    write(till, noise(1, 2_000_000))
    same(till, by=PAGES)
    for step in range(3):
        write(till, noise(10 + step, 1_000_000), at=step * 400_000)
        with pytest.raises(RepositoryUnreachable):
            till.backup(Breaking(till.repository, 1), by=PAGES)  # type: ignore[arg-type]
    same(till, by=PAGES)


def lose_snapshot(till: Till) -> None:
    digest = till.find().digest
    (till.folder / object_path(f"snapshots/{digest}")).unlink()


def lose_pack(till: Till) -> None:
    (till.folder / object_path(f"packs/{till.find().header.packs[0].digest}")).unlink()


def cut_pack(till: Till) -> None:
    path = till.folder / object_path(f"packs/{till.find().header.packs[0].digest}")
    path.write_bytes(path.read_bytes()[:-1])


def another_disk(till: Till) -> None:
    till.folder.rename(till.root / "first-disk")
    till.folder.mkdir()


def new_key(till: Till) -> None:
    till.recipients = [OTHER_SECRET.public, SECRET.public]


def spoil_state(till: Till) -> None:
    (state,) = (till.root / "state").glob("pos.*.db")
    state.write_bytes(b"no database" * 1000)


@pytest.mark.parametrize("harm", [lose_snapshot, lose_pack, cut_pack, another_disk, new_key, spoil_state])
def test_what_the_repository_does_not_confirm_is_not_leant_on(
    till: Till, harm: Callable[[Till], None]
) -> None:
    write(till, noise(1, 500_000))
    first = same(till, by=PAGES)
    harm(till)
    write(till, b"!", at=9)
    done = same(till, by=PAGES)
    assert done.header.changed_bytes == 500_000
    assert not {pack.digest for pack in done.header.packs} & {pack.digest for pack in first.header.packs}
    assert done.header.sequence == 2


def test_a_till_whose_disk_was_put_back_goes_on_from_what_the_repository_has(
    till: Till, tmp_path: Path
) -> None:
    write(till, noise(1, 500_000))
    till.backup(by=PAGES)
    old = {path.name: path.read_bytes() for path in (till.root / "state").glob("pos.*")}
    write(till, b"!", at=9)
    newest = till.backup(by=PAGES)
    for name, data in old.items():
        (till.root / "state" / name).write_bytes(data)
    done = same(till, by=PAGES)
    assert (done.header.sequence, done.header.previous) == (3, newest.snapshot)
    assert done.header.changed_bytes == 500_000


def test_a_damaged_row_of_the_state_is_noticed(till: Till) -> None:
    """A bit that flips in what is remembered must not become a wrong map: the group is read as new."""
    write(till, noise(1, 500_000))
    till.backup(by=PAGES)
    (file,) = (till.root / "state").glob("pos.*.db")
    with closing(sqlite3.connect(file)) as database:
        (record,) = database.execute("SELECT record FROM page_group WHERE number = 0").fetchone()
        damaged = bytearray(record)
        damaged[-12] ^= 1
        database.execute("UPDATE page_group SET record = ? WHERE number = 0", (bytes(damaged),))
        database.commit()
    done = same(till, by=PAGES)
    assert done.header.changed_bytes == 256 << 10


def test_no_page_is_kept_in_memory_of_a_file_that_has_not_changed(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(till, noise(1, 2_000_000))
    till.backup(by=PAGES)
    monkeypatch.setattr(writer.PackWriter, "submit", None)  # nothing may be stored
    assert till.backup(by=PAGES).header.new_packs == 0


def test_the_map_holds_no_more_runs_than_it_must(till: Till) -> None:
    write(till, noise(1, 1_000_000))
    till.backup(by=PAGES)
    write(till, b"!", at=500_000)
    till.backup(by=PAGES)
    (runs,) = open_snapshot(till.find(), KeyRing(SECRET)).runs
    assert len(runs) == 3


def test_state_keeps_what_it_was_told_only_for_its_place(till: Till) -> None:
    write(till, noise(1, 100_000))
    till.backup(by=PAGES)
    with locked(till.root / "state", "elsewhere", TERMINAL, "pos") as state:
        assert state.last() is None
        assert state.packs() == {}

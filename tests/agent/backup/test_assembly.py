"""A file is put together from several packs at once: in an order in which its beginning is finished early, and
compared with what really is in it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backup import assembly
from agent.backup.assembly import Assembly, Load, loads
from agent.backup.engines import Cut
from agent.backup.manifest import HOLE, Run, Runs
from protocols.errors import IntegrityError
from protocols.wire import snapshot
from tests.agent.backup.plain import Folder, PlainFile
from tests.agent.backup.till import Till

PAGES = PlainFile(Cut.PAGES)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40)), max_size=60))
def test_what_is_called_finished_is_finished_and_nothing_is_written_twice(
    drawn: list[tuple[int, int]],
) -> None:
    runs, ends = Runs(), dict[int, int]()
    for pack, length in drawn:
        runs.append(Run(pack, 0 if pack == HOLE else ends.get(pack, 0), length))
        ends[pack] = ends.get(pack, 0) + length + 1
    written = bytearray(runs.size)
    for load in loads(runs):
        for _, offset, length in load.places:
            assert not any(written[offset : offset + length])
            written[offset : offset + length] = b"\x01" * length
        assert all(written[: load.ready])
    assert all(written)


def test_packs_from_all_over_the_file_come_first_and_a_long_one_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assembly, "LOAD_BYTES", 1000)
    old = [Run(1, at, 900) for at in range(0, 9000, 1000)]
    new = [Run(2, at, 100) for at in range(0, 900, 100)]
    runs = Runs([one for both in zip(old, new, strict=True) for one in both])
    found = loads(runs)
    assert [load.pack for load in found] == [2, *[1] * 9]
    assert max(load.length for load in found) <= 1000
    assert [load.ready for load in found][-1] == runs.size
    assert found[1].ready > 0


def spoilt(real: Callable[[Assembly, Load, Path], None]) -> Callable[[Assembly, Load, Path], None]:
    """Writes, and then one byte of it is another: as a disk or a memory that lies does."""

    def write(self: Assembly, load: Load, to: Path) -> None:
        real(self, load, to)
        if load.pack != HOLE:
            with to.open("r+b") as file:
                file.seek(load.begin)
                byte = file.read(1)
                file.seek(load.begin)
                file.write(bytes([byte[0] ^ 1]))

    return write


@pytest.mark.parametrize("size", [100_000, 9_000_000])
def test_what_is_compared_is_what_is_in_the_file(
    till: Till, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.database.write_bytes(os.urandom(size))
    till.backup(by=PAGES)
    assert till.restore(till.root / "back").path.read_bytes() == till.database.read_bytes()
    monkeypatch.setattr(Assembly, "_write", spoilt(Assembly._write))
    with pytest.raises(IntegrityError):
        till.restore(till.root / "other")
    assert not (till.root / "other").exists()
    assert not list(till.root.glob("*.part"))


def test_many_backups_of_one_file_are_put_together_from_all_of_them(till: Till) -> None:
    content = bytearray(os.urandom(8_000_000))
    for day in range(4):
        for page in range(day, len(content) // 4096, 97):
            content[page * 4096 : page * 4096 + 10] = os.urandom(10)
        till.database.write_bytes(content)
        till.backup(by=PAGES)
    assert till.restore(till.root / "back").path.read_bytes() == content


def test_a_folder_is_on_the_disk_when_its_restore_returns(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = till.root / "folder"
    source.mkdir()
    for number in range(3):
        (source / f"{number}").write_bytes(os.urandom(5000))
    flushed = list[int]()
    monkeypatch.setattr(os, "sync", lambda: flushed.append(len(list(till.root.glob("back*/*")))))
    monkeypatch.setattr(till.__class__, "database", property(lambda self: source))
    till.backup(by=Folder())
    till.restore(till.root / "back")
    assert flushed == [3]


def test_a_name_made_from_other_bytes_is_still_compared() -> None:
    one, same, other = bytes(9), bytes(bytearray(9)), b"x" * 9
    name = snapshot.object_name("packs", one)
    snapshot.check_digest(name, one)
    snapshot.check_digest(name, same)
    with pytest.raises(IntegrityError):
        snapshot.check_digest(name, other)

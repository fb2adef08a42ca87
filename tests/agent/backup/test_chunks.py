"""Dumps and folders: what moves is found again, and many small files are one backup."""

import os
import random
from pathlib import Path

import pyfastcdc
import pytest

from agent.backup import cutting
from agent.backup.catalogue import Wanted
from agent.backup.engines import Cut
from agent.backup.manifest import FileEntry
from agent.backup.restore import _steps
from protocols.errors import IntegrityError
from tests.agent.backup.plain import Folder, PlainFile
from tests.agent.backup.till import Till

DUMP = PlainFile(Cut.CHUNKS)


def lines(seed: int, count: int) -> list[bytes]:
    chance = random.Random(seed)
    return [
        b"INSERT INTO receipt VALUES (%d, '%s');\n" % (n, chance.randbytes(40).hex().encode())
        for n in range(count)
    ]


def test_an_insertion_moves_everything_and_sends_little(till: Till) -> None:
    rows = lines(1, 40_000)
    till.database.write_bytes(b"".join(rows))
    full = till.backup(by=DUMP)
    rows.insert(3, b"INSERT INTO receipt VALUES (0, 'new');\n")
    till.database.write_bytes(b"".join(rows))
    done = till.backup(by=DUMP)
    assert done.header.changed_bytes < 600_000 < full.header.changed_bytes
    till.restore(till.root / "back.db")
    assert (till.root / "back.db").read_bytes() == till.database.read_bytes()


def test_control_pages_send_all_of_it(till: Till) -> None:
    rows = lines(1, 10_000)
    till.database.write_bytes(b"".join(rows))
    by = PlainFile(Cut.PAGES)
    till.backup(by=by)
    till.database.write_bytes(b"!" + b"".join(rows))
    assert till.backup(by=by).header.changed_bytes > 800_000


def test_the_same_twice_is_stored_once(till: Till) -> None:
    part = random.Random(1).randbytes(1_000_000)
    till.database.write_bytes(part * 3)
    done = till.backup(by=DUMP)
    assert done.header.changed_bytes < 1_600_000
    till.restore(till.root / "back.db")
    assert (till.root / "back.db").read_bytes() == till.database.read_bytes()


def test_cut_points_are_the_compiled_ones_and_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other cut points would store everything anew; the build in Python would take a hundred times as long."""
    data = random.Random(20261126).randbytes(2_000_000)
    ends = [chunk.offset + chunk.length for chunk in cutting._chunker().cut_buf(data)]
    assert len(ends) > 20
    assert ends[:3] == CUTS
    monkeypatch.setattr(pyfastcdc, "FastCDC", object)
    with pytest.raises(ImportError):
        cutting._chunker()


CUTS = [74070, 101486, 182261]


@pytest.fixture
def program(till: Till) -> Path:
    root = till.database
    (root / "bin" / "deep").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "bin" / "pos").write_bytes(random.Random(1).randbytes(700_000))
    (root / "bin" / "pos").chmod(0o755)
    (root / "bin" / "deep" / "ķēde.dat").write_bytes(b"latviski")
    (root / "nothing").write_bytes(b"")
    (root / "link").symlink_to("bin/pos")
    for number in range(300):
        (root / f"file{number:03}.txt").write_bytes(b"%d" % number * 50)
    os.utime(root / "nothing", ns=(1_600_000_000_000_000_000, 1_600_000_000_000_000_000))
    return root


def tree(root: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        name, info = path.relative_to(root).as_posix(), path.lstat()
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = ("folder", info.st_mode, info.st_mtime_ns)
        else:
            found[name] = ("file", info.st_mode, info.st_mtime_ns, path.read_bytes())
    return found


def test_a_folder_comes_back_with_all_that_is_in_it(till: Till, program: Path) -> None:
    done = till.backup(by=Folder())
    assert len(done.header.packs) == 1
    till.restore(till.root / "back")
    assert tree(till.root / "back") == tree(program)


def test_what_has_not_changed_is_not_even_read(till: Till, program: Path) -> None:
    by = Folder()
    till.backup(by=by)
    assert len(by.read) == 303
    by.read.clear()
    (program / "file007.txt").write_bytes(b"changed and longer than it was before, to be sure of it")
    (program / "file008.txt").unlink()
    till.backup(by=by)
    assert by.read == ["file007.txt"]
    till.restore(till.root / "back")
    assert tree(till.root / "back") == tree(program)
    assert till.find(Wanted()).header.changed_bytes < 1000


def test_an_older_folder_can_be_had_and_a_new_one_replaces_the_old(till: Till, program: Path) -> None:
    first = till.backup(by=Folder())
    before = tree(program)
    (program / "file007.txt").unlink()
    till.backup(by=Folder())
    till.restore(till.root / "back")
    till.restore(till.root / "back", Wanted(snapshot=first.snapshot), force=True)
    assert tree(till.root / "back") == before
    assert not list(till.root.glob("back.*"))


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/../../x", "a\\b", "C:x", "./a", "a//b", "a/", "link/x", "a\0b"]
)
def test_no_file_is_written_outside_of_the_folder(name: str) -> None:
    """The signer may be a stolen till."""
    link = FileEntry(name="link", kind="link", meta={"target": "/etc"})
    file = FileEntry(name=name)
    with pytest.raises(IntegrityError):
        _steps(file, (link, file))

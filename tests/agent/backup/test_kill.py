"""Killed at any step, a run leaves the old state or the new one, and the next run does not mind."""

import itertools
import os
import random
import shutil
import signal
from collections.abc import Callable

import pytest

from agent.backup import pack
from agent.backup.cutting import Cutter
from agent.backup.engines import Cut
from agent.backup.last_copy import LastCopy
from agent.backup.repository.local import LocalRepository
from agent.backup.state import State
from agent.backup.writer import PackWriter
from tests.agent.backup.plain import Folder, PlainFile
from tests.agent.backup.till import Till

DURABLE = ("fsync", "link", "unlink", "mkdir", "replace", "rename")


def child(till: Till, at: int, what: Callable[[Till], object]) -> int:
    """Run in a child that is killed before its n-th call that changes the disk for good. The signal, 0 if it
    ended."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            _die_before(at)
            what(till)
            status = 0
        finally:
            # whatever happens, the parent's test runner must not run on in here
            os._exit(status)
    _, status = os.waitpid(process, 0)
    assert status in (0, signal.SIGKILL)
    return status


def _die_before(at: int) -> None:
    calls = itertools.count(1)

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            if next(calls) == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return call

    for name in DURABLE:
        setattr(os, name, dying(getattr(os, name)))


def test_a_backup_killed_at_any_step(till: Till) -> None:
    till.make_database(rows=4500, journal="delete", noise=1000)
    till.backup()
    old = till.database.read_bytes()
    till.add(1)
    new = till.database.read_bytes()
    killed = 0
    for at in range(1, 100):
        ended = child(till, at, Till.backup)
        if ended == 0:
            break
        killed += 1
        till.restore(till.root / "back.db", force=True)
        assert (till.root / "back.db").read_bytes() in (old, new)
    assert ended == 0
    assert killed >= 12
    till.restore(till.root / "back.db", force=True)
    assert (till.root / "back.db").read_bytes() == new
    assert till.drill().ok
    assert not list((till.root / "state" / "staging").iterdir())


STEPS: dict[str, tuple[object, str]] = {
    "before the source is read": (Cutter, "cut"),
    "before a frame is sealed": (PackWriter, "_seal"),
    "before a pack is closed": (PackWriter, "_close_pack"),
    "before a pack is stored": (LocalRepository, "put_new"),
    "before a pack is acknowledged": (Cutter, "acknowledged"),
    "before a pack is remembered": (State, "add_pack"),
    "before a group is remembered": (State, "keep_group"),
    "before the snapshot is settled": (State, "settle"),
    "before the last copy is written": (LastCopy.File, "write"),
    "before the last copy is cut": (LastCopy.File, "truncate"),
}


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("step", STEPS)
def test_an_increment_killed_at_any_step(
    till: Till, step: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In delta mode, where the most is at stake: the copy on the till is ahead of what is stored."""
    monkeypatch.setattr(pack, "PACK_BYTES", 200_000)
    by = PlainFile(Cut.PAGES)
    old = random.Random(1).randbytes(900_000)
    till.database.write_bytes(old)
    till.backup(by=by, delta=True)
    new = random.Random(2).randbytes(400_000) + old[400_000:700_000] + b"!" + old[700_001:] + b"longer"
    till.database.write_bytes(new)
    ended = child_at(till, STEPS[step], nth, by)
    till.restore(till.root / "back.db")
    assert (till.root / "back.db").read_bytes() in ((new,) if ended == 0 else (old, new))
    last = new[:600_000] + b"?" + new[600_001:]
    till.database.write_bytes(last)
    till.backup(by=by, delta=True)
    till.restore(till.root / "back.db", force=True)
    assert (till.root / "back.db").read_bytes() == last


def child_at(till: Till, step: tuple[object, str], nth: int, by: PlainFile) -> int:
    process = os.fork()
    if process == 0:
        status = 1
        try:
            owner, name = step
            real, calls = getattr(owner, name), itertools.count(1)

            def dying(*args: object, **kwargs: object) -> object:
                if next(calls) == nth:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **kwargs)

            setattr(owner, name, dying)
            till.backup(by=by, delta=True)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(process, 0)
    assert status in (0, signal.SIGKILL)
    return status


def test_a_restore_of_a_folder_killed_at_any_step(till: Till) -> None:
    """The folder that was there, or the new one; of what was not finished nothing that looks like either."""
    (till.database / "deep").mkdir(parents=True)
    for number in range(5):
        (till.database / "deep" / f"{number}").write_bytes(b"%d" % number * 1000)
    till.backup(by=Folder())
    target = till.root / "back"
    for at in range(1, 40):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        (target / "old").write_text("old")
        ended = child(till, at, lambda one: one.restore(target, force=True))
        names = sorted(path.name for path in target.rglob("*")) if target.exists() else ["moved aside"]
        assert names in (["old"], ["0", "1", "2", "3", "4", "deep"], ["moved aside"])
        if names == ["moved aside"]:
            assert len(list(till.root.glob("back.*.old"))) == 1
        for left in till.root.glob("back.*"):
            shutil.rmtree(left)
        if ended == 0:
            break
    assert ended == 0
    assert at >= 3


def test_a_restore_killed_at_any_step(till: Till) -> None:
    till.make_database(journal="delete")
    till.backup()
    target = till.root / "back.db"
    for at in range(1, 20):
        ended = child(till, at, lambda one: one.restore(target))
        if target.exists():
            assert target.read_bytes() == till.database.read_bytes()
        if ended == 0:
            break
        target.unlink(missing_ok=True)
    assert ended == 0
    assert at >= 3
    assert target.read_bytes() == till.database.read_bytes()


def test_the_lock_dies_with_its_holder(till: Till) -> None:
    till.make_database()
    assert child(till, 3, Till.backup) == signal.SIGKILL
    assert till.backup().header.sequence == 1

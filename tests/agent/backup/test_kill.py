"""Killed at any step, a run leaves the old state or the new one, and the next run does not mind."""

import itertools
import os
import signal
from collections.abc import Callable

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
    till.make_database(rows=9000, journal="delete", noise=1000)
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

"""However a drill ends, the proof of before stands or the new one does, and no second drill runs beside it."""

import asyncio
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest
from django.db import transaction

from collector.backups import drilling, drilling_child, drilling_told
from collector.backups.drilling import Driller
from collector.backups.models import Drill, Trial
from collector.incidents import apply
from tests.collector.backups.drills import DAY, Office, office, rules

__all__ = ["office", "rules"]
pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """Stands for the end of the process at this step."""


def killed(*_args: object, **_given: object) -> None:
    raise Killed


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (drilling, "_copy"),
        (drilling, "kept"),
        (subprocess, "Popen"),
        (drilling, "judged"),
        (drilling_told, "_prove"),
        (Drill.objects, "create"),
        (apply, "follow"),
    ],
)
def test_killed_at_any_step_the_next_one_proves_and_nothing_is_left(
    office: Office, monkeypatch: pytest.MonkeyPatch, module: object, step: str
) -> None:
    till = office.till()
    till.backup()
    with monkeypatch.context() as patch:
        patch.setattr(module, step, killed)
        dead = Driller()
        with pytest.raises(Killed):
            office.drilled(dead)
    assert not Drill.objects.exists()
    if dead._lock:  # the system lets go of it when a process ends
        dead._lock.close()
    office.at += DAY
    office.drilled()
    office.at += DAY
    office.drilled()
    assert [one.ok for one in Drill.objects.all()] == [True]
    assert Trial.objects.get().outcome == "proven"
    assert [path.name for path in (office.root / "home" / "drills").iterdir()] == ["lock"]


def test_control_without_one_transaction_a_kill_leaves_half_of_a_result(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.till().backup()
    monkeypatch.setattr(transaction, "atomic", nullcontext)
    monkeypatch.setattr(apply, "follow", killed)
    with pytest.raises(Killed):
        office.drilled()
    assert Drill.objects.exists()


def asleep(office: Office, rules: Callable[..., None]) -> Path:
    program = office.root / "asleep"
    program.write_text("#!/bin/sh\nexec sleep 300\n")
    program.chmod(0o755)
    rules(agent=str(program))
    return program


def test_one_drill_at_a_time_and_a_stop_ends_the_child(office: Office, rules: Callable[..., None]) -> None:
    for name in ("a", "b"):
        office.till(name).backup()
    asleep(office, rules)
    first, second = Driller(), Driller()
    first(office.at)
    assert first.is_busy
    office.at += DAY
    second(office.at)
    assert not second.is_busy
    assert first._going
    child = psutil.Process(first._going.child.pid)
    mine = [child, *child.children(recursive=True)]
    first.stop()
    psutil.wait_procs(mine, timeout=20)
    assert not any(one.is_running() for one in mine)
    trial = Trial.objects.get()
    assert (trial.outcome, trial.code) == ("unproven", "drill.stopped")
    rules(agent="")
    office.drilled()
    assert Drill.objects.get().ok, "the other one's turn"


def test_a_process_that_ends_breaks_off_without_the_database(
    office: Office, rules: Callable[..., None]
) -> None:
    """It ends on the event loop, where Django forbids the database."""
    office.till().backup()
    asleep(office, rules)
    driller = Driller()
    driller(office.at)
    assert driller._going
    child = psutil.Process(driller._going.child.pid)

    async def leave() -> None:
        driller.abandon()

    asyncio.run(leave())
    assert not child.is_running()
    assert [path.name for path in (office.root / "home" / "drills").iterdir()] == ["lock"]
    rules(agent="")
    office.at += DAY
    office.drilled()
    assert Drill.objects.get().ok


def test_a_claim_that_was_lost_keeps_nothing(office: Office, rules: Callable[..., None]) -> None:
    """The clock of this computer was set on, and another node took the source over."""
    office.till().backup()
    asleep(office, rules)
    driller = Driller()
    driller(office.at)
    Trial.objects.update(started_at=office.at + DAY)
    assert driller._going
    drilling_child.end(driller._going.child)
    office.finish(driller)
    assert Trial.objects.get().ended_at is None
    assert not Drill.objects.exists()


def test_the_same_source_is_not_proven_twice_at_once_on_two_computers(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = office.till()
    digest = till.backup()
    row = {"source": "pos", "snapshot": digest, "node": "another"}
    Trial.objects.create(terminal=till.row, started_at=office.at, **row)
    office.at += DAY / 48
    office.drilled()
    assert not Drill.objects.exists()
    office.at += DAY  # that computer is gone
    office.drilled()
    assert Drill.objects.get().ok

"""A decision and its event are on the disk together or not at all, and no restart tells it twice."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.health import RULES, Rule
from agent.runtime.clock import SystemClock
from agent.runtime.judging import Judging
from agent.runtime.outgoing import Outgoing
from agent.spool import Spool, SpoolFull
from protocols.wire import v1

TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)
UNCLEAN = "host.unclean_shutdown"
ONCE = {**RULES, UNCLEAN: Rule()}
CLOCK = SystemClock()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.db", CLOCK, owner=True) as made:
        yield made


def judging(spool: Spool, wakes: list[int] | None = None) -> Judging:
    woken = wakes if wakes is not None else []
    return Judging(TILL, ONCE, spool, Outgoing(spool, lambda: woken.append(1)), CLOCK)


def changes(spool: Spool) -> list[str]:
    rows = spool.next_batch(100, 1 << 20).rows
    return [json.loads(row.body)["change"] for row in rows if row.kind == "event"]


def test_an_event_wakes_the_sender_and_a_restart_does_not_tell_it_again(spool: Spool) -> None:
    wakes: list[int] = []
    judging(spool, wakes).hear({UNCLEAN: True}, CLOCK.now())
    assert wakes == [1]
    judging(spool).hear({UNCLEAN: True}, CLOCK.now())
    assert changes(spool) == ["raised"]
    judging(spool).hear({UNCLEAN: False}, CLOCK.now())
    assert changes(spool) == ["raised", "cleared"]


def test_without_the_kept_state_the_restart_would_tell_it_again(spool: Spool) -> None:
    judging(spool).hear({UNCLEAN: True}, CLOCK.now())
    spool.put_all(state={"health.terminal.": None})
    judging(spool).hear({UNCLEAN: True}, CLOCK.now())
    assert changes(spool) == ["raised", "raised"]


def test_what_the_disk_did_not_take_is_decided_again(spool: Spool) -> None:
    judge = judging(spool)
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count={pages}")
    filler = [v1.Fact(seq=1, at=CLOCK.now(), subject=TILL, name="x" * 80) for _ in range(300)]
    with pytest.raises(SpoolFull):
        judge.hear({UNCLEAN: True}, CLOCK.now(), beside=filler)
    spool._db.execute("PRAGMA max_page_count=1000000")
    judge.hear({UNCLEAN: True}, CLOCK.now())
    assert changes(spool) == ["raised"]
    assert spool.pending().messages == 1


def test_figures_wait_in_memory_and_are_kept_while_the_disk_is_full(spool: Spool) -> None:
    outgoing = Outgoing(spool, lambda: None)
    samples = [
        v1.Sample(seq=1, at=CLOCK.now(), subject=TILL, values={"x" * 80: float(i)}) for i in range(300)
    ]
    outgoing.later(samples[:1])
    assert spool.pending().messages == 0
    outgoing.flush()
    assert spool.pending().messages == 1
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count={pages}")
    outgoing.later(samples[1:], {"device.a": "ok"})
    with pytest.raises(SpoolFull):
        outgoing.flush()
    spool._db.execute("PRAGMA max_page_count=1000000")
    outgoing.flush()
    assert spool.pending().messages == 300
    assert spool.read_state("device.a") == "ok"

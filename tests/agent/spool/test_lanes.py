"""The two lanes: what goes first, what gives way, and that nothing gives way in silence."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from agent.spool import Caps, Class, Gap, Spool, SpoolFull
from protocols.wire import v1
from tests.agent.spool.conftest import StillClock
from tests.agent.spool.reading import told

TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)
MANY = 1 << 30


def sample(clock: StillClock, mark: int) -> v1.Sample:
    return v1.Sample(seq=1, at=clock.now(), subject=TILL, values={"mark": float(mark)})


def state(clock: StillClock, mark: int) -> v1.State:
    return v1.State(seq=1, at=clock.now(), device="p", contact=v1.Contact.OK, reason=str(mark))


def fact(clock: StillClock, name: str) -> v1.Fact:
    return v1.Fact(seq=1, at=clock.now(), subject=TILL, name=name)


def names(spool: Spool) -> list[str]:
    return [json.loads(row.body)["name"] for row in spool.next_batch(MANY, MANY).rows]


def gaps(spool: Spool) -> list[tuple[str, int | None]]:
    facts = told(spool.path, "fact")
    return [(f["detail"]["class"], f["detail"]["count"]) for f in facts if f["name"] == "agent.gap"]


def test_each_class_goes_on_its_lane(spool: Spool, clock: StillClock) -> None:
    given = spool.put_all([fact(clock, "a"), sample(clock, 1), state(clock, 1), fact(clock, "b")])
    assert given == [1, 1, 2, 2]
    assert (spool.pending().ordered, spool.pending().loose) == (2, 2)
    assert names(spool) == ["a", "b"]


def test_the_newest_state_goes_first_then_the_newest_figures(spool: Spool, clock: StillClock) -> None:
    for mark in range(6):
        spool.put_all([state(clock, mark), sample(clock, mark)])
    seen: list[list[str]] = []
    while (batch := spool.next_batch(2, MANY, v1.Lane.LOOSE)).rows:
        bodies = [json.loads(row.body) for row in batch.rows]
        seen.append([body.get("reason") or f"s{body['values']['mark']:.0f}" for body in bodies])
        assert [row.seq for row in batch.rows] == sorted(row.seq for row in batch.rows)
        spool.stored(batch, None)
    assert seen == [["4", "5"], ["2", "3"], ["0", "1"], ["s4", "s5"], ["s2", "s3"], ["s0", "s1"]]
    assert spool.pending().messages == 0


def test_without_figures_only_states_go(spool: Spool, clock: StillClock) -> None:
    spool.put_all([state(clock, 1), sample(clock, 1)])
    spool.stored(spool.next_batch(9, MANY, v1.Lane.LOOSE, figures=False), None)
    assert not spool.next_batch(9, MANY, v1.Lane.LOOSE, figures=False).rows
    assert len(spool.next_batch(9, MANY, v1.Lane.LOOSE).rows) == 1


def test_each_run_numbers_the_loose_lane_anew_and_what_waited_still_goes(
    spool: Spool, clock: StillClock, tmp_path: Path
) -> None:
    spool.put(state(clock, 1))
    first = spool.next_batch(9, MANY, v1.Lane.LOOSE).epoch
    with Spool(tmp_path / "spool.db", clock, owner=True) as again:
        assert again.put(state(clock, 2)) == 1
        newest = again.next_batch(9, MANY, v1.Lane.LOOSE)
        assert newest.epoch > first
        again.stored(newest, None)
        assert again.next_batch(9, MANY, v1.Lane.LOOSE).epoch == first


def test_over_the_cap_figures_give_way_before_states_and_nothing_else_does(
    tmp_path: Path, clock: StillClock
) -> None:
    with Spool(tmp_path / "small.db", clock, owner=True, limits=Caps(rows=100)) as spool:
        spool.put_all([fact(clock, f"n{i}") for i in range(30)])
        spool.put_all([state(clock, i) for i in range(30)])
        for i in range(60):
            spool.put(sample(clock, i))
        assert len(told(spool.path, "state")) == 30
        left = len(told(spool.path, "sample"))
        assert gaps(spool) == [("sample", 60 - left)] or sum(c or 0 for _, c in gaps(spool)) == 60 - left
        for i in range(200):
            spool.put(fact(clock, f"m{i}"))
        assert not told(spool.path, "sample")
        assert not told(spool.path, "state")
        lost = {kind: sum(c or 0 for k, c in gaps(spool) if k == kind) for kind, _ in gaps(spool)}
        assert lost == {"sample": 60, "state": 30}
        assert [name for name in names(spool) if name[0] in "nm"] == [
            *(f"n{i}" for i in range(30)), *(f"m{i}" for i in range(200)),
        ]  # fmt: skip


def test_what_the_collector_has_gives_way_first(tmp_path: Path, clock: StillClock) -> None:
    with Spool(tmp_path / "small.db", clock, owner=True, limits=Caps(rows=100)) as spool:
        spool.put_all([state(clock, i) for i in range(50)])
        spool.stored(spool.next_batch(MANY, MANY, v1.Lane.LOOSE), 50)
        spool.put_all([sample(clock, i) for i in range(60)])
        assert len(told(spool.path, "sample")) == 60
        assert gaps(spool) == []


def test_on_a_full_disk_figures_make_room_for_an_incident(spool: Spool, clock: StillClock) -> None:
    spool.put_all([sample(clock, i) for i in range(3000)])
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count={pages}")
    spool.put_all([fact(clock, "x" * 70) for _ in range(200)])
    assert len([name for name in names(spool) if name[0] == "x"]) == 200
    assert gaps(spool) == [("sample", 2000)]


def test_control_where_nothing_can_give_way_a_full_disk_is_told(spool: Spool, clock: StillClock) -> None:
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(SpoolFull):
        spool.put_all([fact(clock, "x" * 70) for _ in range(2000)])


def test_tidying_lets_go_of_what_is_old_enough_and_tells_the_gap(tmp_path: Path, clock: StillClock) -> None:
    limits = Caps(keep=timedelta(days=7), loose_age=timedelta(days=35))
    with Spool(tmp_path / "old.db", clock, owner=True, limits=limits) as spool:
        spool.put_all([fact(clock, "stored"), sample(clock, 1)])
        spool.acknowledge(spool.next_batch(9, MANY), 1)
        spool.put_all([fact(clock, "waits"), sample(clock, 2)])
        spool.tidy()
        assert len(told(spool.path, "fact")) == 2
        clock.at += timedelta(days=8)
        spool.tidy()
        assert names(spool) == ["waits"]
        assert [f["name"] for f in told(spool.path, "fact")] == ["waits"]
        clock.at += timedelta(days=30)
        spool.tidy()
        assert names(spool) == ["waits", "agent.gap"]
        assert gaps(spool) == [("sample", 2)]
        assert spool.verify("t", {}).problems == ()


def test_filling_is_told_by_the_nearest_cap(tmp_path: Path, clock: StillClock) -> None:
    limits = Caps(rows=100, loose_age=timedelta(days=10))
    with Spool(tmp_path / "f.db", clock, owner=True, limits=limits) as spool:
        spool.put_all([fact(clock, "a") for _ in range(40)])
        assert spool.pending().filling_percent == pytest.approx(40)
        spool.put(sample(clock, 1))
        clock.at += timedelta(days=9)
        assert spool.pending().filling_percent == pytest.approx(90, abs=0.1)
        spool.acknowledge(spool.next_batch(MANY, MANY), 40)
        spool.stored(spool.next_batch(9, MANY, v1.Lane.LOOSE), 1)
        assert spool.pending().filling_percent == 0


def test_a_gap_of_unknown_size_is_told_as_unknown(spool: Spool) -> None:
    spool.tell_gap(Gap(Class.SAMPLE, 0, "2026-11-22T12:00:00+00:00", "2026-11-22T12:01:00+00:00"))
    assert gaps(spool) == [("sample", None)]


def test_a_collector_that_holds_fewer_than_before_gets_the_loose_lane_again(
    spool: Spool, clock: StillClock
) -> None:
    spool.put_all([state(clock, i) for i in range(5)])
    spool.stored(spool.next_batch(9, MANY, v1.Lane.LOOSE), 5)
    spool.acknowledge(spool.next_batch(9, MANY), 0, held=5)
    assert spool.pending().loose == 0
    spool.acknowledge(spool.next_batch(9, MANY), 0, held=2)
    assert spool.pending().loose == 5

"""What the spool promises while nothing breaks: numbers without holes, order, bytes, state beside
messages."""

import sqlite3
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.spool import Batch, Spool, SpoolDamaged, SpoolError, SpoolFull
from protocols.errors import UsageError
from protocols.wire import v1
from tests.agent.spool.conftest import StillClock

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)


def fact(name: str) -> v1.Fact:
    return v1.Fact(seq=1, at=AT, subject=TILL, name=name)


def waiting(spool: Spool) -> list[tuple[int, str]]:
    rows = spool.next_batch(10_000, 1 << 30).rows
    return [(row.seq, v1.MESSAGE.validate_json(row.body).name) for row in rows]  # type: ignore[union-attr]


class Queue(RuleBasedStateMachine):
    """Against a list: whatever the order of puts, receipts, restarts and renewals, nothing is lost, doubled
    or reordered."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = StillClock()
        self.path = Path(self.folder.name) / "spool.db"
        self.spool = Spool(self.path, self.clock, owner=True)
        self.names: list[str] = []  # of this epoch, by number
        self.complete = 0
        self.count = 0

    def batch(self) -> Batch:
        return self.spool.next_batch(10_000, 1 << 30)

    @rule(many=st.integers(0, 5))
    def put(self, many: int) -> None:
        names = [f"n{self.count + i}" for i in range(many)]
        self.count += many
        seqs = self.spool.put_all([fact(name) for name in names], {"count": self.count})
        assert seqs == list(range(len(self.names) + 1, len(self.names) + many + 1))
        self.names += names

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        self.complete = data.draw(st.integers(self.complete, len(self.names)))
        self.spool.acknowledge(self.batch(), self.complete)

    @rule(data=st.data())
    def put_back_collector(self, data: st.DataObject) -> None:
        self.complete = data.draw(st.integers(0, self.complete))
        self.spool.acknowledge(self.batch(), self.complete)

    @rule()
    def another_epochs_receipt(self) -> None:
        self.spool.acknowledge(replace(self.batch(), epoch=self.spool.epoch - 1), len(self.names))

    @rule()
    def put_back_disk(self) -> None:
        """The collector has taken what waits, and knows later numbers of this epoch."""
        before = self.spool.epoch
        self.spool.acknowledge(self.batch(), len(self.names) + 3)
        assert self.spool.epoch > before
        self.names, self.complete = ["agent.spool_renewed"], 0

    @rule()
    def reopen(self) -> None:
        self.spool.close()
        self.spool = Spool(self.path, self.clock, owner=True)

    @precondition(lambda self: self.names)
    @rule()
    def renew(self) -> None:
        before = self.spool.epoch
        self.spool.renew("test")
        assert self.spool.epoch > before
        self.names = ["agent.spool_renewed", *self.names[self.complete :]]
        self.complete = 0

    @invariant()
    def nothing_is_lost_doubled_or_reordered(self) -> None:
        expected = list(enumerate(self.names, 1))[self.complete :]
        assert waiting(self.spool) == expected
        assert self.spool.pending().messages == len(expected)
        assert (self.spool.read_state("count") or 0) == self.count

    def teardown(self) -> None:
        self.spool.close()
        self.folder.cleanup()


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_a_batch_keeps_to_its_limits_and_still_gives_a_message_that_is_too_large_alone(spool: Spool) -> None:
    spool.put_all([fact(f"n{i}") for i in range(10)])
    size = len(spool.next_batch(1, 1 << 20).rows[0].body)
    assert [row.seq for row in spool.next_batch(3, 1 << 20).rows] == [1, 2, 3]
    assert len(spool.next_batch(10, 4 * (size + 1)).rows) == 4
    assert len(spool.next_batch(10, 1).rows) == 1
    assert spool.next_batch(9, 1 << 20).more
    assert not spool.next_batch(10, 1 << 20).more


def test_what_is_sent_again_is_the_same_byte_for_byte(
    spool: Spool, tmp_path: Path, clock: StillClock
) -> None:
    spool.put(v1.Sample(seq=1, at=AT, subject=TILL, values={"temperature_celsius": 0.1 + 0.2, "ā": 1e300}))
    before = spool.next_batch(1, 1 << 20)
    with Spool(tmp_path / "spool.db", clock) as other:
        assert other.next_batch(1, 1 << 20) == before


def test_messages_and_state_are_stored_together_or_not_at_all(spool: Spool) -> None:
    class Unprintable:
        pass

    with pytest.raises(TypeError):
        spool.put_all([fact("a")], {"health": Unprintable()})  # type: ignore[dict-item]
    assert waiting(spool) == []
    assert spool.put(fact("b")) == 1


def test_a_second_process_may_put_while_the_first_one_does(
    spool: Spool, tmp_path: Path, clock: StillClock
) -> None:
    with Spool(tmp_path / "spool.db", clock) as other:
        assert [spool.put(fact("a")), other.put(fact("b")), spool.put(fact("c"))] == [1, 2, 3]
        assert other.epoch == spool.epoch
    assert waiting(spool) == [(1, "a"), (2, "b"), (3, "c")]


def test_a_quarantined_message_keeps_its_bytes_and_its_number_has_no_hole(
    spool: Spool, tmp_path: Path
) -> None:
    spool.put_all([fact("a"), fact("bad"), fact("c")])
    body = spool.next_batch(3, 1 << 20).rows[1].body
    spool.quarantine(2, "report.malformed")
    assert [name for _, name in waiting(spool)] == ["a", "agent.message_quarantined", "c"]
    assert spool.pending().quarantined == 1
    with pytest.raises(UsageError):
        spool.quarantine(2, "again")
    db = sqlite3.connect(tmp_path / "spool.db")
    assert db.execute("SELECT seq, body FROM quarantine").fetchall() == [(2, body)]
    db.close()


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0 and then nothing of the kind" * 200])
def test_a_damaged_file_is_set_aside_and_a_new_epoch_says_so(
    damage: bytes, tmp_path: Path, clock: StillClock
) -> None:
    path = tmp_path / "spool.db"
    with Spool(path, clock, owner=True) as spool:
        spool.put_all([fact("x" * 70) for _ in range(200)])
        before = spool.epoch
    content = path.read_bytes()
    path.write_bytes(damage or content[:8192] + b"\xff" * (len(content) - 8192))
    clock.at = datetime(1970, 1, 1, tzinfo=UTC)
    with pytest.raises(SpoolDamaged):
        Spool(path, clock)
    with Spool(path, clock, owner=True) as spool:
        assert waiting(spool) == [(1, "agent.spool_renewed")]
        first = spool.epoch
        assert first != before
    [aside] = tmp_path.glob("spool.db.damaged-*")
    assert aside.stat().st_size > 8192
    path.write_bytes(b"damaged again, and the clock stands in 1970 again" * 100)
    clock.at = datetime(1970, 1, 1, tzinfo=UTC)
    with Spool(path, clock, owner=True) as spool:
        assert spool.epoch > first


def test_a_full_disk_is_an_error_of_its_own_and_stores_nothing_of_the_call(spool: Spool) -> None:
    spool.put(fact("before"))
    pages = spool._db.execute("PRAGMA page_count").fetchone()[0]
    spool._db.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(SpoolFull):
        spool.put_all([fact("x" * 80) for _ in range(500)], {"health": "after"})
    assert waiting(spool) == [(1, "before")]
    assert spool.read_state("health") is None
    spool._db.execute("PRAGMA max_page_count=1000000")
    assert spool.put(fact("room again")) == 2


def test_a_locked_file_is_told_and_not_mistaken_for_damage(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool._db.execute("PRAGMA busy_timeout=1")
    other = sqlite3.connect(tmp_path / "spool.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SpoolError) as raised:
        spool.put(fact("a"))
    assert not isinstance(raised.value, SpoolDamaged | SpoolFull)
    other.execute("ROLLBACK")
    other.close()
    assert spool.put(fact("a")) == 1


def test_the_disk_is_asked_to_be_sure_at_every_commit(spool: Spool) -> None:
    assert spool._db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert spool._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"

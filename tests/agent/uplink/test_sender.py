"""The queue is emptied in order, exactly once in effect, whatever the collector does."""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.runtime.clock import SystemClock
from agent.spool import Caps, Spool
from agent.uplink.client import Client
from agent.uplink.sender import STATE, Sender
from protocols.wire import v1
from tests.agent.uplink.collector import TERMINAL, Answer, Collector, Lost, problem

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TILL = v1.Subject(kind=v1.SubjectKind.TERMINAL)


def fact(name: str) -> v1.Fact:
    return v1.Fact(seq=1, at=AT, subject=TILL, name=name)


@pytest.fixture
def sender(spool: Spool, client: Client) -> Sender:
    return Sender(spool, client, TERMINAL, SystemClock(), report_s=60, chance=lambda: 0.01)


@contextmanager
def running(sender: Sender) -> Iterator[None]:
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        yield
    finally:
        sender.stop()
        thread.join(30)
        assert not thread.is_alive()


def names(collector: Collector) -> list[str]:
    return [collector.stored[key]["name"] for key in sorted(collector.stored)]


def test_everything_arrives_once_and_in_order_and_leaves_the_queue(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    spool.put_all([fact(f"n{i}") for i in range(1200)])
    assert [sender.turn() for _ in range(8)] == [0, 0, 0, 0, 0, 0, 0, 60]
    assert [len(report["messages"]) for report in collector.reports] == [10, 20, 40, 80, 160, 320, 500, 70]
    assert collector.order == [(spool.epoch, seq) for seq in range(1, 1201)]
    assert spool.pending().messages == 0
    assert collector.connections == 1
    assert len(set(collector.nonces)) == 8


def test_silence_is_reported_as_silence(spool: Spool, sender: Sender, collector: Collector) -> None:
    sender.turn()
    [report] = collector.reports
    assert report["messages"] == []
    assert report["queue"] == {"messages": 0, "oldest_at": None}
    v1.Report.model_validate_json(collector.bodies[0])


def test_silence_is_not_written_down_each_time(spool: Spool, sender: Sender, tmp_path: Path) -> None:
    sender.turn()
    with contextlib.closing(sqlite3.connect(tmp_path / "spool.db")) as db:
        before = db.execute("PRAGMA data_version").fetchone()
        sender.turn()
        assert db.execute("PRAGMA data_version").fetchone() == before
        spool.put(fact("a"))
        sender.turn()
        assert db.execute("PRAGMA data_version").fetchone() != before
        assert db.execute("SELECT rows FROM lane WHERE name = 'ordered'").fetchone() == (0,)


def test_an_answer_that_is_lost_brings_the_same_bytes_again(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    def lose(*_: object) -> Answer | None:
        raise Lost

    collector.plan.append(lose)
    spool.put(fact("kept"))
    sender.turn()
    assert sender.failing
    spool.put(fact("later"))
    sender.turn()
    assert collector.order == [(spool.epoch, 1), (spool.epoch, 1), (spool.epoch, 2)]
    assert names(collector) == ["kept", "later"]
    first, second = (body.split(b'"messages":[')[1] for body in collector.bodies)
    assert second.startswith(first.removesuffix(b"]}"))


def test_what_waited_while_nobody_answered_arrives_in_order(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    collector.plan.extend([lambda *_: problem(503, "busy")] * 3)
    spool.put(fact("a"))
    with running(sender):
        spool.put(fact("b"))
        sender.wake()
        collector.wait_for(lambda: len(collector.stored) == 2)
    assert names(collector) == ["a", "b"]
    assert spool.pending().messages == 0


def test_after_a_failure_reports_get_smaller_and_grow_again(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    collector.plan.extend([lambda *_: problem(503, "busy")] * 9)
    spool.put_all([fact(f"n{i}") for i in range(1000)])
    for _ in range(16):
        sender.turn()
    assert [len(report["messages"]) for report in collector.reports] == [10, 20, 40, 80, 160, 320, 370]
    assert names(collector) == [f"n{i}" for i in range(1000)]


def test_a_message_that_makes_the_collector_fail_holds_up_none_before_it(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    def fail(_: Collector, report: dict[str, Any]) -> Answer | None:
        bad = any(message["name"] == "bad" for message in report["messages"])
        return problem(500, "report.failed") if bad else None

    collector.always = fail
    spool.put_all([fact("bad" if i == 60 else f"n{i}") for i in range(80)])
    for _ in range(30):
        sender.turn()
    assert names(collector) == [f"n{i}" for i in range(60)]
    assert spool.pending().messages == 20
    assert spool.pending().quarantined == 0


def test_an_incident_does_not_wait_for_the_next_report(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    with running(sender):
        collector.wait_for(lambda: len(collector.reports) == 1)
        spool.put(fact("incident"))
        sender.wake()
        collector.wait_for(lambda: len(collector.stored) == 1, timeout_s=5)


def test_retry_after_is_obeyed_even_when_something_urgent_comes(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    later = problem(429, "slow.down")
    later.headers["Retry-After"] = "1"
    collector.plan.append(lambda *_: later)
    spool.put(fact("a"))
    clock = SystemClock()
    began = clock.monotonic()
    with running(sender):
        collector.wait_for(lambda: bool(collector.bodies) or bool(collector.reports))
        for _ in range(5):
            sender.wake()
        collector.wait_for(lambda: len(collector.stored) == 1)
    assert clock.monotonic() - began >= 1.0


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_is_at_least_what_was_asked_for(
    status: int, spool: Spool, sender: Sender, collector: Collector
) -> None:
    asked = problem(status, "busy")
    asked.headers["Retry-After"] = "120"
    collector.plan.append(lambda *_: asked)
    assert 120 <= sender.turn() <= 121


def test_a_refusal_keeps_everything_and_says_why(spool: Spool, sender: Sender, collector: Collector) -> None:
    collector.plan.append(lambda *_: problem(403, "terminal.revoked", detail="given up"))
    spool.put(fact("a"))
    sender.turn()
    assert spool.pending().messages == 1
    said = spool.read_state(STATE)
    assert isinstance(said, dict)
    assert isinstance(said["problem"], dict)
    assert said["problem"]["code"] == "terminal.revoked"
    assert said["problem"]["text"] == "terminal.revoked: given up"
    sender.turn()
    after = spool.read_state(STATE)
    assert isinstance(after, dict)
    assert "problem" not in after
    assert names(collector) == ["a"]


def test_the_receipt_of_another_epoch_forgets_nothing(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    collector.plan.append(lambda c, report: c.receipt(report["epoch"] - 1, 5))
    spool.put(fact("a"))
    sender.turn()
    assert spool.pending().messages == 1
    sender.turn()
    assert names(collector) == ["a"]


def test_an_old_receipt_given_again_loses_and_doubles_nothing(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    spool.put_all([fact("a"), fact("b")])
    sender.turn()
    collector.plan.append(lambda c, report: c.receipt(report["epoch"], 1))
    spool.put(fact("c"))
    sender.turn()
    sender.turn()
    assert names(collector) == ["a", "b", "c"]
    assert spool.pending().messages == 0


def test_a_collector_put_back_from_a_backup_gets_again_what_it_lost(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    spool.put_all([fact(f"n{i}") for i in range(10)])
    sender.turn()
    for seq in range(4, 11):
        del collector.stored[spool.epoch, seq]
    sender.turn()
    sender.turn()
    assert names(collector) == [f"n{i}" for i in range(10)]


def refuse_gaps(collector: Collector, report: dict[str, Any]) -> Answer | None:
    """As a collector does that takes no report behind a hole."""
    complete = collector.complete_to(report["epoch"])
    if report["messages"] and report["messages"][0]["seq"] > complete + 1:
        return problem(409, "report.gap", complete_to=complete)
    return None


def test_a_hole_at_the_collector_is_filled_from_what_is_kept(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    collector.always = refuse_gaps
    spool.put_all([fact(f"n{i}") for i in range(10)])
    sender.turn()
    for seq in range(4, 11):
        del collector.stored[spool.epoch, seq]
    spool.put(fact("n10"))
    sender.turn()
    sender.turn()
    assert names(collector) == [f"n{i}" for i in range(11)]
    assert not sender.failing


def test_a_hole_that_nothing_can_fill_does_not_hold_up_the_rest_for_ever(
    tmp_path: Path, client: Client, collector: Collector
) -> None:
    collector.always = refuse_gaps
    with Spool(tmp_path / "short.db", SystemClock(), owner=True, limits=Caps(keep_rows=2)) as spool:
        sender = Sender(spool, client, TERMINAL, SystemClock(), report_s=60, chance=lambda: 0.01)
        spool.put_all([fact(f"n{i}") for i in range(10)])
        sender.turn()
        spool.tidy()
        before = spool.epoch
        collector.stored.clear()
        spool.put(fact("n10"))
        for _ in range(6):
            sender.turn()
        assert spool.epoch > before
        assert names(collector) == ["agent.spool_renewed", "n8", "n9", "n10"]


def test_one_unreadable_message_is_kept_aside_and_the_queue_goes_on(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    def unreadable(_: Collector, report: dict[str, Any]) -> Answer | None:
        bad = any(message.get("name") == "bad" for message in report["messages"])
        return problem(400, "report.malformed") if bad else None

    collector.always = unreadable
    spool.put_all([fact("bad" if i == 37 else f"n{i}") for i in range(100)])
    for _ in range(40):
        if not spool.pending().messages:
            break
        sender.turn()
    assert len(collector.stored) == 100
    stand_in = collector.stored[spool.epoch, 38]
    assert stand_in["name"] == "agent.message_quarantined"
    assert stand_in["detail"]["problem"] == "report.malformed: report.malformed"
    assert spool.pending().quarantined == 1
    assert [m["name"] for m in collector.stored.values() if m["name"].startswith("n")] == [
        f"n{i}" for i in range(100) if i != 37
    ]


def test_a_collector_that_can_read_nothing_makes_nobody_throw_messages_out(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    collector.always = lambda *_: problem(400, "report.malformed")
    spool.put_all([fact("a"), fact("b")])
    for _ in range(8):
        sender.turn()
    assert spool.pending().quarantined == 0
    assert spool.pending().messages == 2


def test_a_disk_that_was_put_back_goes_on_under_a_new_epoch(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    """The collector holds other messages under the numbers that this disk gives anew."""
    before = spool.epoch
    collector.always = lambda _, report: (
        problem(409, "report.chain") if report["epoch"] == before and report["messages"] else None
    )
    spool.put(fact("a"))
    sender.turn()
    sender.turn()
    assert spool.epoch > before
    assert names(collector) == ["agent.spool_renewed", "a"]


def test_of_a_disk_that_was_put_back_only_what_differs_goes_under_a_new_epoch(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    before = spool.epoch
    collector.always = lambda _, report: (
        problem(409, "report.chain", complete_to=2)
        if report["epoch"] == before and report["messages"]
        else None
    )
    spool.put_all([fact(name) for name in ("a", "b", "c")])
    sender.turn()
    sender.turn()
    assert names(collector) == ["agent.spool_renewed", "c"]


def test_what_a_disk_that_was_put_back_had_sent_before_is_not_doubled(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    """The collector holds these very messages, and later ones."""
    before = spool.epoch
    for seq in range(2, 100):
        collector.stored[before, seq] = {"name": "from before the disk was put back"}
    spool.put(fact("a"))
    sender.turn()
    spool.put(fact("b"))
    sender.turn()
    assert spool.epoch > before
    assert collector.stored[before, 1]["name"] == "a"
    news = [m["name"] for (epoch, _), m in sorted(collector.stored.items()) if epoch == spool.epoch]
    assert news == ["agent.spool_renewed", "b"]


def test_a_wrong_clock_is_corrected_from_the_answer(
    spool: Spool, sender: Sender, client: Client, collector: Collector
) -> None:
    collector.ahead = -timedelta(days=400)
    spool.put(fact("a"))
    sender.turn()
    assert names(collector) == ["a"]
    assert client.offset is not None
    assert abs(client.offset.seconds + 400 * 86400) < 5
    assert len(collector.bodies) == 2
    sender.turn()
    assert len(collector.bodies) == 3


def test_a_clock_that_stays_wrong_is_tried_once_more_and_no_more(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    collector.always = lambda c, _: problem(401, "signature.expired", server_time=c.now().isoformat())
    spool.put(fact("a"))
    sender.turn()
    assert len(collector.bodies) == 2
    assert spool.pending().messages == 1


def test_a_server_that_never_ends_its_answer_is_given_up(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    hold = threading.Event()

    def hang(*_: object) -> Answer | None:
        hold.wait(20)
        raise Lost

    collector.plan.append(hang)
    spool.put(fact("a"))
    sender.turn()
    assert sender.failing
    hold.set()
    sender.turn()
    assert names(collector) == ["a"]


def test_an_answer_of_somebody_else_acknowledges_nothing(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    portal = Answer(200, {"welcome": "to the hotel"})
    collector.plan.append(lambda *_: portal)
    collector.plan.append(lambda *_: Answer(302, {}, {"Location": "https://127.0.0.1:1/"}))
    spool.put(fact("a"))
    sender.turn()
    sender.turn()
    assert spool.pending().messages == 1
    sender.turn()
    assert names(collector) == ["a"]


def test_the_collector_chooses_the_rhythm_within_reason(
    spool: Spool, sender: Sender, collector: Collector
) -> None:
    collector.next_s = 17
    assert sender.turn() == 17
    collector.next_s = 1e9
    assert sender.turn() == 900


def test_a_report_is_never_larger_than_allowed(spool: Spool, sender: Sender, collector: Collector) -> None:
    detail: dict[str, v1.Scalar] = {f"k{i}": "x" * 400 for i in range(60)}
    spool.put_all([v1.Fact(seq=1, at=AT, subject=TILL, name=f"n{i}", detail=detail) for i in range(100)])
    while spool.pending().messages:
        sender.turn()
    assert max(map(len, collector.bodies)) <= v1.REPORT_BYTES
    assert len(collector.bodies) < 5
    assert names(collector) == [f"n{i}" for i in range(100)]
    assert json.loads(collector.bodies[0])["queue"]["messages"] > 0

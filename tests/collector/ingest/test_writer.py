"""Group commit in this process: groups, bugs, and too much at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from collector.core import clock
from collector.incidents.batch import Batch
from collector.ingest import handing, writer
from collector.ingest.models import Message
from collector.ingest.parsing import Parsed, parse
from collector.ingest.problem import Refused
from collector.ingest.writer import Outcome, Writer
from collector.inventory.models import Terminal
from protocols.errors import UsageError
from protocols.wire import v1
from tests.collector.served import fact

pytestmark = pytest.mark.django_db(transaction=True)


def parsed(terminal: Terminal, *messages: v1.AnyMessage) -> Parsed:
    report = v1.Report(terminal=terminal.pk, epoch=1, sent_at=clock.now(), messages=messages)
    return parse(report.model_dump_json().encode(), terminal.pk)


def run(job: Callable[[Writer], Awaitable[list[Outcome]]]) -> list[Outcome]:
    async def all_of_it() -> list[Outcome]:
        subject = Writer()
        subject.start()
        try:
            return await job(subject)
        finally:
            await asyncio.to_thread(subject.stop)

    return asyncio.run(all_of_it())


def others(terminal: Terminal, count: int) -> list[Terminal]:
    made = [
        Terminal(site=terminal.site, name=f"Kase {n}", public_key=f"{n:043}", enrolled_at=clock.now())
        for n in range(count)
    ]
    return Terminal.objects.bulk_create(made)


def test_reports_that_wait_share_a_transaction(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    commit = Writer.commit

    def counted(self: Writer, group: list[writer.Delivery]) -> list[Outcome]:
        sizes.append(len(group))
        return commit(self, group)

    monkeypatch.setattr(Writer, "commit", counted)
    tills = others(terminal, 40)

    async def job(subject: Writer) -> list[Outcome]:
        return await asyncio.gather(*[subject.put(parsed(till, fact(1)), 100) for till in tills])

    outcomes = run(job)
    assert all(isinstance(outcome, v1.Receipt) for outcome in outcomes)
    assert Message.objects.count() == 40
    assert max(sizes) > 1


def test_a_bug_met_by_one_report_leaves_the_others_alone(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = others(terminal, 2)
    careful = handing.hand_on

    def buggy(message: v1.AnyMessage, sender: handing.Sender, batch: Batch) -> None:
        if sender.terminal == bad.pk:
            raise UsageError("a bug")
        careful(message, sender, batch)

    monkeypatch.setattr(handing, "hand_on", buggy)

    async def job(subject: Writer) -> list[Outcome]:
        return await asyncio.gather(
            subject.put(parsed(bad, fact(1)), 1), subject.put(parsed(good, fact(1)), 1)
        )

    with caplog.at_level(logging.ERROR):
        failed, stored = run(job)
    assert isinstance(failed, Refused)
    assert failed.code == "report.failed"
    assert isinstance(stored, v1.Receipt)
    assert list(Message.objects.values_list("terminal", flat=True)) == [good.pk]
    assert "met a bug" in caplog.text


def test_a_terminal_that_vanished_takes_no_other_with_it(
    terminal: Terminal, caplog: pytest.LogCaptureFixture
) -> None:
    """The broken reference comes to light at the commit of the whole group."""
    gone, good = others(terminal, 2)
    Terminal.objects.filter(pk=gone.pk).delete()

    async def job(subject: Writer) -> list[Outcome]:
        return await asyncio.gather(
            subject.put(parsed(gone, fact(1)), 1), subject.put(parsed(good, fact(1)), 1)
        )

    lost, stored = run(job)
    assert isinstance(lost, Refused)
    assert isinstance(stored, v1.Receipt)
    assert list(Message.objects.values_list("terminal", flat=True)) == [good.pk]


def test_two_reports_of_one_terminal_in_one_group_keep_their_order(terminal: Terminal) -> None:
    async def job(subject: Writer) -> list[Outcome]:
        return await asyncio.gather(
            *[subject.put(parsed(terminal, fact(n), fact(n + 1)), 1) for n in range(1, 20)]
        )

    outcomes = run(job)
    assert [o.complete_to for o in outcomes if isinstance(o, v1.Receipt)] == list(range(2, 21))
    stored = list(Message.objects.order_by("id").values_list("seq", flat=True))
    assert stored == list(range(1, 21))


def test_too_much_at_once_is_put_off(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "WAITING_REPORTS", 3)

    async def job(subject: Writer) -> list[Outcome]:
        outcomes: list[Outcome] = []
        futures = []
        with subject._change:  # the writer's thread cannot take anything meanwhile
            for n in range(5):
                try:
                    futures.append(subject.put(parsed(terminal, fact(n + 1)), 1))
                except Refused as e:
                    outcomes.append(e)
        return [*outcomes, *await asyncio.gather(*futures)]

    outcomes = run(job)
    busy = [o for o in outcomes if isinstance(o, Refused)]
    assert [(o.code, o.status, o.retry_after_s) for o in busy] == [("collector.busy", 503, 5)] * 2
    assert Message.objects.count() == 3

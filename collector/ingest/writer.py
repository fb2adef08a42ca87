"""Group commit: one thread takes every report that waits, stores all in one transaction, and only then are
they answered. A report that fails takes no other with it."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Condition, Thread

from django.db import InterfaceError, OperationalError, connections, transaction

from collector.core import clock
from collector.core.kept import on_kept_connection
from collector.incidents import ticks
from collector.incidents.batch import Batch
from collector.ingest import credit, store
from collector.ingest.parsing import Parsed
from collector.ingest.problem import Refused
from collector.ingest.receipts import Signer
from collector.ingest.waiting import waiting
from protocols.wire import v1

GROUP_REPORTS = 64
GROUP_MESSAGES = 500
"""An event that opens an incident takes some milliseconds, and while a group is written nobody else writes to
SQLite."""
WAITING_REPORTS = 512
WAITING_BYTES = 64 << 20
RETRY_AFTER_S = 5

log = logging.getLogger(__name__)

Outcome = v1.Receipt | Refused


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """One report on its way into the database."""

    parsed: Parsed
    received_at: datetime
    size: int
    future: asyncio.Future[Outcome]

    @property
    def terminal(self) -> str:
        return self.parsed.report.terminal


class Writer:
    """`put` from the event loop that `start` ran in. `signer` None: receipts are not signed."""

    def __init__(self, signer: Signer | None = None) -> None:
        self._signer = signer
        self._catching_up: dict[str, float] = {}
        self._waiting: deque[Delivery] = deque()
        self._bytes = 0
        self._change = Condition()
        self._stopping = False
        self._thread = Thread(target=self._run, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Store what waits, then end."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self._thread.join(30)

    def put(self, parsed: Parsed, size: int) -> asyncio.Future[Outcome]:
        """The future is set after commit. Refused with `collector.busy` where too much waits already."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        with self._change:
            if self._stopping or len(self._waiting) >= WAITING_REPORTS or self._bytes + size > WAITING_BYTES:
                raise Refused("collector.busy", terminal=parsed.report.terminal, retry_after_s=RETRY_AFTER_S)
            self._waiting.append(Delivery(parsed, clock.now(), size, future))
            self._bytes += size
            self._change.notify()
        return future

    def _run(self) -> None:
        while group := self._take():
            began_s = clock.monotonic()
            try:
                outcomes = self.finished(group, self.commit(group), began_s)
            except Exception:  # the writer must outlive every group; the agents keep their reports
                log.exception("a group of %d reports was not stored", len(group))
                outcomes = [_busy(delivery) for delivery in group]
            self.answer(group, outcomes)
        connections.close_all()

    def _take(self) -> list[Delivery]:
        """The next group, in the order of arrival; empty at the end."""
        with self._change:
            while not self._waiting and not self._stopping:
                self._change.wait()
            group: list[Delivery] = []
            messages = 0
            while self._waiting and len(group) < GROUP_REPORTS and messages < GROUP_MESSAGES:
                delivery = self._waiting.popleft()
                self._bytes -= delivery.size
                messages += len(delivery.parsed.bodies)
                group.append(delivery)
            return group

    def commit(self, group: Sequence[Delivery]) -> list[Outcome]:
        """Store the group; where one of it fails, each by itself."""
        try:
            return on_kept_connection(lambda: _commit(group))
        except Exception as e:  # noqa: BLE001 - whose fault it is shows when each goes alone
            log.warning("a group of %d reports goes one by one: %s", len(group), e)
        return [_alone(delivery) for delivery in group]

    def finished(
        self, group: Sequence[Delivery], outcomes: Sequence[Outcome], began_s: float
    ) -> list[Outcome]:
        """Receipts with their signature, and with a credit where a terminal catches up."""
        now_s = clock.monotonic()
        whole = max(sum(len(delivery.parsed.bodies) for delivery in group), 1)
        return [
            outcome
            if isinstance(outcome, Refused)
            else self._finished(
                delivery, outcome, (now_s - began_s) * len(delivery.parsed.bodies) / whole, now_s
            )
            for delivery, outcome in zip(group, outcomes, strict=True)
        ]

    def _finished(self, delivery: Delivery, receipt: v1.Receipt, spent_s: float, now_s: float) -> v1.Receipt:
        queue = delivery.parsed.report.queue
        if queue and queue.messages > credit.BACKLOG:
            self._catching_up[delivery.terminal] = now_s
            busy = {t: at for t, at in self._catching_up.items() if now_s - at < credit.LONGEST_S}
            self._catching_up = busy
            next_s = round(credit.pause_s(spent_s, len(busy)), 3)
            fit = credit.messages(spent_s, max(len(delivery.parsed.bodies), 1))
            receipt = receipt.model_copy(update={"credit": fit, "next_s": next_s})
        if self._signer and delivery.parsed.bodies:
            return self._signer.signed(delivery.terminal, receipt)
        return receipt

    def answer(self, group: Sequence[Delivery], outcomes: Sequence[Outcome]) -> None:
        assert self._loop is not None  # noqa: S101 - started
        self._loop.call_soon_threadsafe(_settle, group, outcomes)


def _settle(group: Sequence[Delivery], outcomes: Sequence[Outcome]) -> None:
    for delivery, outcome in zip(group, outcomes, strict=True):
        if not delivery.future.done():
            delivery.future.set_result(outcome)


def _alone(delivery: Delivery) -> Outcome:
    """`report.failed` only where it is the report's doing; else the agent may come again soon."""
    try:
        return on_kept_connection(lambda: _commit([delivery]))[0]
    except (OperationalError, InterfaceError):
        log.exception("a report of %s was not stored", delivery.terminal)
        return _busy(delivery)
    except Exception:  # a bug met by one report must not take the others down
        log.exception("a report of %s met a bug; the agent keeps it", delivery.terminal)
        return Refused("report.failed", terminal=delivery.terminal, retry_after_s=60)


def _commit(group: Sequence[Delivery]) -> list[Outcome]:
    """Rows are locked in the order of the terminals' names, so that two processes never wait for each other
    in a circle; within one terminal the order of arrival stays."""
    order = sorted(range(len(group)), key=lambda i: group[i].terminal)
    outcomes: dict[int, Outcome] = {}
    with transaction.atomic():
        reports = [group[i].parsed.report for i in order]
        streams, batch = store.lock_streams(reports, clock.now()), store.batch_of(reports)
        for i in order:
            outcomes[i] = _one(group[i], streams, batch)
        batch.end()
        heard = {group[i].terminal for i in order if isinstance(outcomes[i], v1.Receipt)}
        ticks.heard(sorted(heard), clock.now())
        waits = waiting(heard)
    return [_with_waiting(outcomes[i], waits.get(group[i].terminal, ())) for i in range(len(group))]


def _with_waiting(outcome: Outcome, names: tuple[str, ...]) -> Outcome:
    if not names or isinstance(outcome, Refused):
        return outcome
    return outcome.model_copy(update={"waiting": names})


def _one(delivery: Delivery, streams: store.Streams, batch: Batch) -> Outcome:
    try:
        return store.store(delivery.parsed, delivery.received_at, streams, batch)
    except Refused as e:  # before anything was written
        return e


def _busy(delivery: Delivery) -> Refused:
    return Refused("collector.busy", terminal=delivery.terminal, retry_after_s=RETRY_AFTER_S)

"""The loop that empties the spool to the collector: in order, at least once, and calm when nobody answers.
It never drops a message and judges none."""

import logging
import random
from collections.abc import Callable, Mapping
from threading import Event
from typing import Protocol

from agent.clock import Clock
from agent.spool import STAND_IN_KIND, Batch, Json, Spool, SpoolDamaged, SpoolError
from agent.uplink.client import Gap, Unreadable
from agent.uplink.pace import back_off
from protocols.errors import CollectorUnreachable, ReportRefused
from protocols.wire import v1

NEXT_MAX_S = 900.0
"""A collector cannot ask for a longer silence than this."""
SMALL = 50
STUCK_TURNS = 3
WRITE_S = 60.0
"""So old may the time of the last receipt be that `status` shows."""
STATE = "uplink"
_ENVELOPE_BYTES = 1024
_MISSING = "the collector misses earlier messages"

log = logging.getLogger(__name__)


class Reporter(Protocol):
    def report(self, body: bytes) -> v1.Receipt:
        """See agent.uplink.client.Client.report."""


class Sender:
    """One thread calls `run`; any thread may call `wake` and `stop`."""

    def __init__(
        self,
        spool: Spool,
        client: Reporter,
        terminal: str,
        clock: Clock,
        *,
        report_s: float,
        chance: Callable[[], float] = random.random,
        heard: Callable[[v1.Receipt], None] = lambda _: None,
    ) -> None:
        """`heard` is called in the sender's thread after each receipt."""
        self._spool = spool
        self._client = client
        self._terminal = terminal
        self._clock = clock
        self._report_s = report_s
        self._chance = chance
        self._heard = heard
        self._wake = Event()
        self._stop = False
        self._failures = 0
        self._stuck = 0
        self._limit = v1.MESSAGES
        self._said: Json = None
        self._written = (0, -1)
        self._written_s = clock.monotonic()

    @property
    def failing(self) -> bool:
        return self._failures > 0

    def wake(self) -> None:
        """Something urgent is in the spool: send it now, unless the collector is being waited for."""
        self._wake.set()

    def stop(self) -> None:
        self._stop = True
        self._wake.set()

    def run(self) -> None:
        """Until `stop`. SpoolDamaged ends it: only a new start can set the file aside."""
        while not self._stop:
            try:
                wait_s = self.turn()
            except SpoolDamaged:
                raise
            except SpoolError as e:
                log.warning("%s; nothing is lost, it goes again", e)
                wait_s = self._later()
            self._rest(wait_s)

    def turn(self) -> float:
        """Send one report, empty where nothing waits so that silence means silence. Seconds until the
        next."""
        batch = self._spool.next_batch(self._limit, v1.REPORT_BYTES - _ENVELOPE_BYTES)
        try:
            receipt = self._client.report(self._body(batch))
        except CollectorUnreachable as e:
            # A thin line may carry a small report where a large one times out. Where one message makes the
            # collector fail, those before it still get through.
            self._limit = max(1 if e.code == "report.failed" else SMALL, self._limit // 2)
            return (e.retry_after_s or 0.0) + self._failed("unreachable", e)
        except Unreadable as e:
            return self._unreadable(batch, e)
        except Gap as e:
            self._spool.acknowledge(batch.epoch, e.complete_to)
            return self._no_progress(e)
        except ReportRefused as e:
            return self._failed("refused", e)
        wait_s = self._stored(batch, receipt)
        self._heard(receipt)
        return wait_s

    def _rest(self, wait_s: float) -> None:
        """Wait; a wake-up ends it early only when the last turn went well."""
        end = self._clock.monotonic() + wait_s
        while not self._stop and (left := end - self._clock.monotonic()) > 0:
            if self._clock.wait(self._wake, left):
                self._wake.clear()
                if not self.failing:
                    return

    def _stored(self, batch: Batch, receipt: v1.Receipt) -> float:
        if batch.rows or self.failing or self._is_news(receipt):
            state: Json = {
                "receipt_at": self._clock.now().isoformat(),
                "complete_to": receipt.complete_to,
                "epoch": receipt.epoch,
            }
            self._spool.acknowledge(receipt.epoch, receipt.complete_to, {STATE: state})
            self._written = receipt.epoch, receipt.complete_to
            self._written_s = self._clock.monotonic()
        self._failures = 0
        self._said = None
        if batch.rows and receipt.epoch == batch.epoch and receipt.complete_to < batch.rows[0].seq:
            return self._no_progress(Gap(_MISSING, receipt.complete_to, code=Gap.code))
        self._stuck = 0
        self._limit = min(v1.MESSAGES, self._limit * 2)
        if batch.more:
            return 0.0
        return min(receipt.next_s or self._report_s, NEXT_MAX_S)

    def _is_news(self, receipt: v1.Receipt) -> bool:
        """A receipt that says nothing new is not worth a write to the disk each time."""
        told = receipt.epoch, receipt.complete_to
        return told != self._written or self._clock.monotonic() - self._written_s >= WRITE_S

    def _no_progress(self, gap: Gap) -> float:
        """What is missing there and still here goes next, by itself. What is not here any more would be
        waited for for ever: after a few turns the rest goes under a new epoch."""
        self._stuck += 1
        if self._stuck > STUCK_TURNS:
            self._stuck = 0
            self._spool.renew(
                f"{gap.code}: the collector has only up to {gap.complete_to}, the rest is gone here"
            )
        return self._failed("refused", gap)

    def _unreadable(self, batch: Batch, error: Unreadable) -> float:
        """Find the one message that cannot be read by halving; keep it aside only if an empty report is
        taken."""
        if len(batch.rows) > 1:
            self._limit = len(batch.rows) // 2
            return 0.0
        if not batch.rows or batch.rows[0].kind == STAND_IN_KIND or not self._empty_is_taken(batch.epoch):
            return self._failed("refused", error)
        seq = batch.rows[0].seq
        log.error("the collector cannot read message %d (%s): kept aside", seq, error)
        self._spool.quarantine(seq, f"{error.code}: {error}")
        return 0.0

    def _empty_is_taken(self, epoch: int) -> bool:
        try:
            self._client.report(self._body(Batch(epoch, (), more=False)))
        except (CollectorUnreachable, ReportRefused):
            return False
        return True

    def _failed(self, what: str, error: CollectorUnreachable | ReportRefused) -> float:
        said: dict[str, Json] = {"what": what, "code": error.code, "text": str(error)[:400]}
        if said != self._said:
            self._said = said
            log.warning("%s (%s); everything is kept", error, error.code)
            before = self._spool.read_state(STATE)
            kept = dict(before) if isinstance(before, Mapping) else {}
            problem: Json = {**said, "since": self._clock.now().isoformat()}
            self._spool.put_all(state={STATE: {**kept, "problem": problem}})
        return self._later()

    def _later(self) -> float:
        self._failures += 1
        return back_off(self._failures, self._chance)

    def _body(self, batch: Batch) -> bytes:
        """The report around the stored bytes: a message that goes again is the same, byte for byte."""
        pending = self._spool.pending()
        left = max(pending.messages - len(batch.rows), 0)
        queue = v1.Queue(messages=left, oldest_at=pending.oldest_at if left else None)
        envelope = v1.Report(
            terminal=self._terminal, epoch=batch.epoch, sent_at=self._clock.now(), queue=queue, messages=()
        )
        head = envelope.model_dump_json(exclude={"messages"})[:-1].encode()
        return head + b',"messages":[' + b",".join(row.body for row in batch.rows) + b"]}"

"""The loop that empties the spool to the collector: at least once, the ordered lane in order, the loose lane with
the newest first, and calm when nobody answers. It never drops a message and judges none."""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Event
from typing import Protocol

from agent.clock import Clock
from agent.spool import STAND_IN_KIND, Batch, Json, Pending, Spool, SpoolDamaged, SpoolError
from agent.uplink.client import Forked, Gap, Unreadable
from agent.uplink.pace import back_off
from agent.uplink.report import AROUND_BYTES, NOTHING, Beside, body_of
from agent.uplink.traffic import STATE as TRAFFIC
from agent.uplink.traffic import Traffic
from protocols.errors import CollectorUnreachable, ReportRefused
from protocols.wire import v1

NEXT_MAX_S = 900.0
"""A collector cannot ask for a longer silence than this."""
SMALL = 10
"""A run begins with reports of this size and doubles them: a collector that wants a slower pace can say so before it
got a large one. Each lane has a size of its own: events cost a collector far more than readings."""
STUCK_TURNS = 3
WRITE_S = 60.0
"""So old may the time of the last receipt be that `status` shows."""
STATE = "uplink"
_BATCH_BYTES = v1.REPORT_BYTES - AROUND_BYTES
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
        traffic: Traffic | None = None,
        session: str = "",
        beside: Callable[[], Beside] = lambda: NOTHING,
    ) -> None:
        """`heard` is called in the sender's thread after each receipt. `traffic` None: there is no limit. `beside` is
        asked for each report."""
        self._spool = spool
        self._client = client
        self._terminal = terminal
        self._clock = clock
        self._report_s = report_s
        self._chance = chance
        self._heard = heard
        self._traffic = traffic
        self._session = session
        self._beside = beside
        self._last_lane: v1.Lane | None = None
        self._wake = Event()
        self._stop = False
        self._failures = 0
        self._stuck = 0
        self._limits = dict.fromkeys(v1.Lane, SMALL)
        self._said: Json = None
        self._written: tuple[int, int, int | None] = (0, -1, None)
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
        pending = self._spool.pending()
        batch = self._next_batch(pending)
        try:
            receipt = self._client.report(self._body(batch, pending))
        except CollectorUnreachable as e:
            # A thin line may carry a small report where a large one times out. Where one message makes the
            # collector fail, those before it still get through.
            least = 1 if e.code == "report.failed" else SMALL
            self._limits[batch.lane] = max(least, self._limits[batch.lane] // 2)
            self._last_lane = (
                v1.Lane.ORDERED
            )  # so that the newest state goes first when somebody answers again
            return (e.retry_after_s or 0.0) + self._failed("unreachable", e)
        except Unreadable as e:
            return self._unreadable(batch, e)
        except Gap as e:
            self._spool.acknowledge(replace(batch, rows=()), e.complete_to)
            return self._no_progress(e)
        except Forked as e:
            self._spool.part(batch, e.agrees_to, f"{e.code}: {e}")
            return self._failed("refused", e)
        except ReportRefused as e:
            return self._failed("refused", e)
        wait_s = self._stored(batch, receipt)
        self._heard(receipt)
        return wait_s

    def _next_batch(self, pending: Pending) -> Batch:
        """The lanes take turns where both wait; a run begins with the ordered one, whose receipt tells whether this
        disk was put back."""
        figures = self._traffic is None or self._traffic.figures
        loose_first = not pending.ordered or self._last_lane is v1.Lane.ORDERED
        if pending.loose and self._last_lane is not None and loose_first:
            batch = self._spool.next_batch(
                self._limits[v1.Lane.LOOSE], _BATCH_BYTES, v1.Lane.LOOSE, figures=figures
            )
            if batch.rows:
                self._last_lane = v1.Lane.LOOSE
                return batch
        self._last_lane = v1.Lane.ORDERED
        return self._spool.next_batch(self._limits[v1.Lane.ORDERED], _BATCH_BYTES)

    def _rest(self, wait_s: float) -> None:
        """Wait; a wake-up ends it early only when the last turn went well."""
        end = self._clock.monotonic() + wait_s
        while not self._stop and (left := end - self._clock.monotonic()) > 0:
            if self._clock.wait(self._wake, left):
                self._wake.clear()
                if not self.failing:
                    return

    def _stored(self, batch: Batch, receipt: v1.Receipt) -> float:
        self._limits[batch.lane] = min(
            v1.MESSAGES, self._limits[batch.lane] * 2, receipt.credit or v1.MESSAGES
        )
        if batch.lane is v1.Lane.LOOSE:
            self._spool.stored(batch, receipt.held, self._traffic_state())
            self._written = *self._written[:2], receipt.held
        else:
            self._acknowledge(batch, receipt)
        self._failures = 0
        self._said = None
        if batch.lane is v1.Lane.LOOSE:
            return self._pause_s(receipt)
        if batch.rows and receipt.epoch == batch.epoch and receipt.complete_to < batch.rows[0].seq:
            return self._no_progress(Gap(_MISSING, receipt.complete_to, code=Gap.code))
        self._stuck = 0
        return self._pause_s(receipt)

    def _acknowledge(self, batch: Batch, receipt: v1.Receipt) -> None:
        if not (batch.rows or self.failing or self._is_news(receipt)):
            return
        state: Json = {
            "receipt_at": self._clock.now().isoformat(),
            "complete_to": receipt.complete_to,
            "epoch": receipt.epoch,
            "chain": receipt.chain,
            "signer": receipt.signer,
            "signature": receipt.signature,
            "carry_key": receipt.carry_key,
            "server_time": receipt.server_time.isoformat(),
        }
        states = {STATE: state, **self._traffic_state()}
        if receipt.epoch == batch.epoch:
            self._spool.acknowledge(batch, receipt.complete_to, states, receipt.held)
        self._written = receipt.epoch, receipt.complete_to, receipt.held
        self._written_s = self._clock.monotonic()

    def _pause_s(self, receipt: v1.Receipt) -> float:
        """At once while something waits, but for a collector that asks for a slower pace."""
        pending = self._spool.pending()
        figures = self._traffic is None or self._traffic.figures
        if pending.ordered or (pending.loose and figures):
            return min(receipt.next_s or 0.0, NEXT_MAX_S) if receipt.credit is not None else 0.0
        slower = self._traffic.slower if self._traffic else 1.0
        return min((receipt.next_s or self._report_s) * slower, NEXT_MAX_S)

    def _traffic_state(self) -> dict[str, Json]:
        return {TRAFFIC: self._traffic.export()} if self._traffic else {}

    def _is_news(self, receipt: v1.Receipt) -> bool:
        """A receipt that says nothing new is not worth a write to the disk each time."""
        told = receipt.epoch, receipt.complete_to, receipt.held
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
            self._limits[batch.lane] = len(batch.rows) // 2
            return 0.0
        if not batch.rows or batch.rows[0].kind == STAND_IN_KIND or not self._empty_is_taken(batch):
            return self._failed("refused", error)
        seq = batch.rows[0].seq
        log.error("the collector cannot read message %d (%s): kept aside", seq, error)
        self._spool.quarantine(seq, f"{error.code}: {error}", batch)
        return 0.0

    def _empty_is_taken(self, batch: Batch) -> bool:
        try:
            self._client.report(self._body(replace(batch, rows=(), chain=b""), self._spool.pending()))
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

    def _body(self, batch: Batch, pending: Pending) -> bytes:
        left = max(pending.messages - len(batch.rows), 0)
        queue = v1.Queue(messages=left, oldest_at=pending.oldest_at if left else None)
        body = body_of(batch, self._terminal, self._clock.now(), queue, self._session, beside=self._beside())
        if self._traffic:
            self._traffic.sent(len(body), self._clock.now())
        return body

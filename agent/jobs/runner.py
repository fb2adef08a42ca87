"""Takes what the collector offers, believes none of it, and does what operators signed: one job at a time, each once.

A job is written down as begun before it is begun, and as ended in one transaction with its result. So whatever kills
the agent in between, the job is reported as broken off and never done a second time."""

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from agent.clock import Clock
from agent.config import Config
from agent.jobs import memory, quiet
from agent.jobs.memory import Memory, Running
from agent.jobs.registry import WORKS
from agent.jobs.work import Context, Exit, Mask, Outcome, Till, Work
from agent.masking import personal
from agent.spool import Spool
from protocols.errors import JobError, PlombaError
from protocols.wire import job_signing, v1
from protocols.wire.job import JOBS, Job, SignedJob, SignedOperators, Type, read_job, read_offer

OUTPUT_CHARS = 40_000
EVIDENCE = 256
AGAIN_S = 5.0
TOLD = 64
"""So many refusals of what nobody is proven to have signed are told in one run of the agent: more would fill the queue
with what a stranger sent."""
UNREADABLE = "unreadable-"

log = logging.getLogger(__name__)


class Runner:
    """`take` and `stop` may be called by any thread. `offset_s`: how far the collector's clock is ahead, None where
    that is not known. `told`: a message went into the spool."""

    def __init__(
        self,
        config: Config,
        config_file: Path,
        spool: Spool,
        clock: Clock,
        till: Till,
        *,
        terminal: str,
        agent: tuple[str, ...],
        offset_s: Callable[[], float | None],
        told: Callable[[], None],
        mask: Mask,
        works: Mapping[Type, Work[Any]] = WORKS,
    ) -> None:
        self._config = config
        self._config_file = config_file
        self._spool = spool
        self._clock = clock
        self._till = till
        self._terminal = terminal
        self._agent = agent
        self._offset_s = offset_s
        self._told = told
        self._mask = mask
        self._works = works
        self._lock = Lock()
        self._waiting: deque[tuple[SignedJob, SignedOperators | None]] = deque()
        self._thread: Thread | None = None
        self._stop = Event()
        self._refused: set[tuple[str, str]] = set()
        self._memory = self._remembered()

    def take(self, body: bytes) -> None:
        """What the collector offers. JobError where it is no offer; else everything about it is told by results."""
        offer = read_offer(body)
        with self._lock:
            for signed in offer.jobs:
                known = any(signed.text == waits.text for waits, _ in self._waiting)
                if not known and len(self._waiting) < JOBS:
                    self._waiting.append((signed, offer.operators))
            if self._waiting and self._thread is None and not self._stop.is_set():
                self._thread = Thread(target=self._work, name="job", daemon=True)
                self._thread.start()

    @property
    def busy(self) -> bool:
        """A job runs or waits."""
        with self._lock:
            return self._thread is not None

    def stop(self, wait_s: float) -> None:
        """The job that runs is told to end. One that does not is reported as broken off at the next start."""
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(wait_s)

    def wait(self) -> None:
        """Until everything that was taken is settled."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting or self._stop.is_set():
                    self._thread = None
                    return
                signed, operators = self._waiting[0]
            try:
                self._settle(signed, operators)
            except Exception:  # the next job must not wait for this one for ever
                log.exception("a job could not be settled; it goes again when the collector offers it")
            with self._lock:
                self._waiting.popleft()

    def _settle(self, signed: SignedJob, operators: SignedOperators | None) -> None:
        proven: Job | None = None
        try:
            now = self._memory.at(self._clock.now(), self._offset_s())
            root = self._root()
            listed = _there(operators)
            job = self._verified(signed, listed, root, now)
            self._memory.must_be_new(job)
            proven = job
            if job.type not in self._works:
                raise JobError(f"this agent does not know how to {job.type}", code="job.not_available")
            quiet.must_be(self._till, job.kind.refuse, self._stop)
        except JobError as e:
            self._refuse(signed, proven, e)
            return
        self._do(job, now, signed, listed)

    def _root(self) -> str:
        root = self._config.jobs.company_root
        if not root:
            raise JobError("this till names no [jobs] company_root, so it does no jobs", code="job.no_root")
        return root

    def _verified(self, signed: SignedJob, operators: SignedOperators, root: str, now: datetime) -> Job:
        listed = job_signing.verify_operators(operators, job_signing.public_key(root), now)
        digest = hashlib.sha256(operators.text.encode()).hexdigest()
        known = self._memory.listed(listed, root, digest)
        if known != self._memory:
            self._remember(known)
        return job_signing.verify(signed, listed, self._terminal, now)

    def _do(self, job: Job, now: datetime, signed: SignedJob, operators: SignedOperators) -> None:
        work = self._works[job.type]
        log.info("job %s: %s%s", job.id, work.describe(job.parameters), " (dry run)" if job.dry_run else "")
        started_at, started_s = self._clock.now(), self._clock.monotonic()
        running = Running(job.id, job.type.value, job.nonce, job.dry_run, started_at)
        self._remember(self._memory.settled(job, now, running))
        outcome = self._outcome(work, job, signed, operators)
        result = self._result(job.id, job.type.value, outcome, started_at, dry_run=job.dry_run)
        spent_s = round(max(self._clock.monotonic() - started_s, 0.001), 3)
        self._remember(replace(self._memory, running=None), result.model_copy(update={"duration_s": spent_s}))
        log.info("job %s ended with %d %s", job.id, outcome.exit, outcome.code)

    def _outcome(self, work: Work[Any], job: Job, signed: SignedJob, operators: SignedOperators) -> Outcome:
        context = Context(
            parameters=job.parameters,
            config=self._config,
            config_file=self._config_file,
            clock=self._clock,
            stop=self._stop,
            till=self._till,
            agent=self._agent,
            ends_s=job.kind.ends_s,
            heavy=job.kind.heavy,
            signed=signed,
            operators=operators,
        )
        try:
            return work.dry_run(context) if job.dry_run else work.run(context)
        except PlombaError as e:
            exit_ = Exit.LATER if e.retriable else Exit.REFUSED if isinstance(e, JobError) else Exit.FAILED
            return Outcome(exit_, e.code, str(e))
        except OSError as e:
            return Outcome(Exit.FAILED, "job.system", f"{e.filename or 'the system'}: {e.strerror or e}")
        except Exception as e:  # a job that meets a bug has failed, and that must be told
            log.exception("job %s met a bug", job.id)
            return Outcome(Exit.FAILED, "job.failed", f"{type(e).__name__}: {e}")

    def _refuse(self, signed: SignedJob, proven: Job | None, why: JobError) -> None:
        """A job that an operator signed and that cannot be done now is settled: nobody else may choose a later
        moment for it."""
        log.warning("a job was refused: %s (%s)", why, why.code)
        now = self._clock.now()
        outcome = Outcome(Exit.LATER if why.retriable else Exit.REFUSED, why.code, str(why))
        if proven is not None:
            result = self._result(proven.id, proven.type.value, outcome, now, dry_run=proven.dry_run)
            self._remember(self._memory.settled(proven, now), result)
            return
        mark = hashlib.sha256(signed.text.encode("utf-8", "replace")).hexdigest()[:16]
        if (mark, why.code) in self._refused or len(self._refused) >= TOLD:
            return
        self._refused.add((mark, why.code))
        job, type_, dry_run = _said(signed, mark)
        self._spool.put_all([self._result(job, type_, outcome, now, dry_run=dry_run)])
        self._told()

    def _result(
        self, job: str, type_: str, outcome: Outcome, started_at: datetime, *, dry_run: bool
    ) -> v1.JobResult:
        evidence = {
            key[:80]: self._masked(value)[:400] if isinstance(value, str) else value
            for key, value in [*outcome.evidence.items()][:EVIDENCE]
        }
        return v1.JobResult(
            seq=1,
            at=self._clock.now(),
            job=job,
            type=type_,
            exit=int(outcome.exit),
            code=outcome.code[:80],
            dry_run=dry_run,
            started_at=started_at,
            output=self._masked(outcome.output)[-OUTPUT_CHARS:],
            evidence=evidence,
        )

    def _masked(self, text: str) -> str:
        return personal.mask(self._mask(text))

    def _remembered(self) -> Memory:
        """What was begun and never ended is told now."""
        found = memory.read(self._spool.read_state(memory.KEY))
        if found is None:
            self._memory = memory.born(self._clock.now())
            self._remember(self._memory)
            return self._memory
        broken = found.running
        self._memory = found
        if broken is not None:
            why = "the agent ended before the job did; how far it came is not known, and it is not done again"
            outcome = Outcome(Exit.FAILED, "job.broken_off", why)
            result = self._result(broken.job, broken.type, outcome, broken.started_at, dry_run=broken.dry_run)
            self._remember(replace(found, running=None), result)
        return self._memory

    def _remember(self, known: Memory, result: v1.JobResult | None = None) -> None:
        """On the disk when it returns."""
        self._spool.put_all([result] if result else [], {memory.KEY: memory.kept(known)})
        self._memory = known
        if result:
            self._told()


def _there(operators: SignedOperators | None) -> SignedOperators:
    if operators is None:
        raise JobError("the collector has no list of operators", code="operators.missing")
    return operators


def _said(signed: SignedJob, mark: str) -> tuple[str, str, bool]:
    """What an unproven job says of itself, for people."""
    try:
        job = read_job(signed.text)
    except JobError:
        return UNREADABLE + mark, "", False
    return job.id, job.type.value, job.dry_run

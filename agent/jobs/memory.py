"""What a till must not forget of jobs: what was done, what is being done, and how new the newest list of operators was.
Kept in the spool's state, in one transaction with what is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from agent.spool import Json
from protocols.errors import JobError
from protocols.wire.job import SKEW, Job, OperatorList, moment, written

KEY = "jobs"
_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Running:
    """A job that was begun. What it needs to be told if it never ends."""

    job: str
    type: str
    nonce: str
    dry_run: bool
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """`born`: nothing is remembered of before, so what was signed before cannot be told from a repetition. `newest`:
    time has been at least this late; it never goes back. `root`, `number`, `digest`: of the newest list of operators.
    `done`: the nonce of each job that was begun or settled -> when it expires."""

    born: datetime
    newest: datetime
    root: str = ""
    number: int = 0
    digest: str = ""
    done: Mapping[str, datetime] = field(default_factory=dict)
    running: Running | None = None

    def at(self, local: datetime, offset_s: float | None) -> datetime:
        """The time by which a job is judged: the till's own, if nothing speaks against it. The collector can make
        jobs be refused by a wrong time, and none be done. JobError job.clock."""
        if offset_s is None:
            raise JobError("the till's clock was not compared with another yet", code="job.clock")
        if abs(offset_s) > SKEW.total_seconds():
            raise JobError(
                f"the clocks of till and collector are {offset_s:.0f} s apart; set the wrong one",
                code="job.clock",
            )
        if local < self.newest - SKEW:
            raise JobError("the till's clock was set back", code="job.clock")
        return max(local, self.newest)

    def listed(self, operators: OperatorList, root: str, digest: str) -> "Memory":
        """With this list as the newest. JobError operators.rolled_back."""
        if root == self.root:
            if operators.number < self.number:
                raise JobError(
                    f"a list of operators number {self.number} was here already, this one is {operators.number}",
                    code="operators.rolled_back",
                )
            if operators.number == self.number and digest != self.digest:
                raise JobError("there are two lists of operators of one number", code="operators.rolled_back")
        newest = max(self.newest, moment(operators.issued))
        return replace(self, root=root, number=operators.number, digest=digest, newest=newest)

    def must_be_new(self, job: Job) -> None:
        """JobError job.replayed, job.before_memory."""
        if job.nonce in self.done:
            raise JobError("this very job was here before", code="job.replayed")
        if moment(job.not_before) < self.born:
            raise JobError(
                "it was signed before this till began to remember jobs; sign it anew",
                code="job.before_memory",
            )

    def settled(self, job: Job, now: datetime, running: Running | None = None) -> "Memory":
        """With this job as one that is never begun again. A nonce is forgotten when its job has long expired."""
        done = {nonce: expires for nonce, expires in self.done.items() if expires > now - _KEPT}
        done[job.nonce] = moment(job.expires)
        return replace(self, done=done, running=running, newest=max(self.newest, now))


def born(now: datetime) -> Memory:
    whole = now.replace(microsecond=0)
    return Memory(whole, whole)


def read(kept: Json) -> Memory | None:
    if not isinstance(kept, Mapping):
        return None
    done, running, digest = kept["done"], kept["running"], kept["digest"]
    assert isinstance(done, Mapping)  # noqa: S101 - written below
    return Memory(
        born=moment(str(kept["born"])),
        newest=moment(str(kept["newest"])),
        root=str(kept["root"]),
        number=int(str(kept["number"])),
        digest=str(digest),
        done={nonce: moment(str(expires)) for nonce, expires in done.items()},
        running=_running(running) if isinstance(running, Mapping) else None,
    )


def kept(memory: Memory) -> Json:
    running = memory.running
    return {
        "born": written(memory.born),
        "newest": written(memory.newest),
        "root": memory.root,
        "number": memory.number,
        "digest": memory.digest,
        "done": {nonce: written(expires) for nonce, expires in memory.done.items()},
        "running": None
        if running is None
        else {
            "job": running.job,
            "type": running.type,
            "nonce": running.nonce,
            "dry_run": running.dry_run,
            "started_at": running.started_at.isoformat(),
        },
    }


def _running(kept: Mapping[str, Json]) -> Running:
    return Running(
        job=str(kept["job"]),
        type=str(kept["type"]),
        nonce=str(kept["nonce"]),
        dry_run=kept["dry_run"] is True,
        started_at=datetime.fromisoformat(str(kept["started_at"])),
    )

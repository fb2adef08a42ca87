"""What a drill of this collector proved, kept whole in one transaction: the trial's end, the proof, and the incident. A
process that dies before leaves the proof that was there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from collector.backups.drilling_child import Result
from collector.backups.models import Drill, Snapshot, Trial
from collector.core import live
from collector.incidents import apply
from collector.incidents.engine.facts import Happening, Key
from protocols.wire import v1

FAILED = "backup.restore_failed"
_ABOUT = ".drill"
"""Behind the source, in the subject of the incident: what the till itself told of a drill stands for itself."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to drill one source now. `started_at` tells it from any other claim."""

    trial: int
    snapshot: Snapshot
    started_at: datetime
    by: str = ""


def end(claim: Claim, result: Result, evidence: Mapping[str, object], now: datetime) -> bool:
    """False where the claim was lost meanwhile; then nothing is kept."""
    with transaction.atomic():
        mine = Trial.objects.filter(pk=claim.trial, started_at=claim.started_at, ended_at=None).update(
            ended_at=now, outcome=result.outcome, code=result.code[:80], reason=result.reason[:400]
        )
        if not mine:
            return False
        live.publish_on_commit("backup", claim.snapshot.source, terminal=claim.snapshot.terminal_id)
        if result.outcome != "unproven":
            _prove(claim, result, evidence, now)
    return True


def _prove(claim: Claim, result: Result, evidence: Mapping[str, object], now: datetime) -> None:
    done, ok = claim.snapshot, result.outcome == "proven"
    took_s = result.duration_s if result.duration_s is not None else (now - claim.started_at).total_seconds()
    Drill.objects.create(
        terminal_id=done.terminal_id,
        source=done.source,
        snapshot=done.digest,
        ok=ok,
        started_at=claim.started_at,
        duration_s=round(took_s, 3),
        received_at=now,
        facts=dict(result.facts),
        error="" if ok else f"{result.code}: {result.reason}"[:400],
        place="collector",
        by=claim.by[:150],
        engine=done.engine,
        set_at=done.received_at,
        evidence=dict(evidence),
    )
    happening = Happening(
        key=Key(v1.SubjectKind.BACKUP, f"{done.source}{_ABOUT}"[:80], FAILED),
        change=v1.Change.CLEARED if ok else v1.Change.RAISED,
        at=now,
        since=now,
        reason="" if ok else f"{result.reason} (snapshot {done.digest[:12]})"[:400],
    )
    apply.follow(done.terminal_id, happening, now)

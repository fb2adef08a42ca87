"""A drill that a person asked for: what could not be tried is told like what was."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from threading import Event

from collector.backups import keeping
from collector.backups.checking import Checked, check
from collector.backups.drilling import Driller, candidate, key_ids
from collector.backups.drilling_key import VerifyKey, verify_key
from collector.backups.drilling_plan import Candidate
from collector.backups.models import Drill, Trial
from collector.backups.proof import Source, sources
from collector.core import clock
from collector.inventory.models import Terminal

LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Row:
    """`outcome`: proven, failed or unproven; `facts`: how many were equal."""

    terminal: str
    till: str
    source: str
    snapshot: str
    outcome: str = "unproven"
    code: str = ""
    reason: str = ""
    duration_s: float | None = None
    facts: int = 0


def drills(terminal: str, source: str, by: str) -> Iterator[Row]:
    """One after another, each when it is over; "" means all."""
    names = dict(Terminal.objects.filter(retired_at=None).values_list("pk", "name"))
    key = verify_key()
    for one in sources([terminal] if terminal else None):
        lies_here = one.snapshot is not None and one.snapshot.removed_at is None
        if lies_here and one.terminal_id in names and source in ("", one.source):
            yield _drilled(one, names[one.terminal_id], key, by)


def checks(terminal: str) -> Iterator[tuple[Terminal, Checked]]:
    """Of every till that has anything here; "" means all."""
    tills = Terminal.objects.filter(snapshots__removed_at=None, snapshots__isnull=False).distinct()
    for till in tills.filter(pk=terminal) if terminal else tills.order_by("name", "pk"):
        yield till, check(till, keeping.store())


def _drilled(one: Source, till: str, key: VerifyKey | None, by: str) -> Row:
    chosen = candidate(one)
    row = Row(one.terminal_id, till, one.source, chosen.snapshot)
    if key is None:
        why = "there is no verify key here; make one with plomba-collector verify-key"
        return replace(row, code="drill.no_key", reason=why)
    if key.id not in key_ids(one.snapshot):
        why = "its till did not lock it for the verify key of this collector; drill it at the till"
        return replace(row, code="drill.not_ours", reason=why)
    return _tried(row, chosen, key, by)


def _tried(row: Row, chosen: Candidate, key: VerifyKey, by: str) -> Row:
    driller, pause = Driller(by), Event()
    if not driller.begin(chosen, key, clock.now()):
        return replace(row, code="drill.running", reason="another drill runs just now")
    try:
        while driller.is_busy:
            clock.wait(pause, LOOK_S)
            driller(clock.now())
    finally:
        driller.stop()
    trial = Trial.objects.get(terminal_id=row.terminal, source=row.source)
    ended = replace(row, outcome=trial.outcome, code=trial.code, reason=trial.reason)
    proof = Drill.objects.filter(
        terminal_id=row.terminal, source=row.source, place="collector", started_at=trial.started_at
    ).first()
    if proof is None:
        return ended
    return replace(ended, duration_s=proof.duration_s, facts=int(proof.evidence.get("compared", 0)))

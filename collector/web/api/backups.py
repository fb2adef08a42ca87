"""Backups: stored snapshots, runs as agents told them, restore drills, and the proof of each source."""

from datetime import datetime
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema

from collector.backups.models import Drill, Run, Snapshot
from collector.web.api import door
from collector.web.api.paging import Slice, cut
from collector.web.reading.backups import proofs

router = Router(tags=["backups"], auth=door.anyone)
M = TypeVar("M", bound=Model)


class SnapshotOut(Schema):
    """`ok`: it lies in the storage with all its packs, which is the only way to be listed."""

    id: int
    terminal_id: str
    source: str
    digest: str
    engine: str
    mode: str
    sequence: int
    agent_started_at: datetime
    agent_finished_at: datetime
    received_at: datetime
    source_bytes: int
    stored_bytes: int
    packs: int
    ok: bool = True


class SnapshotsOut(Schema):
    count: int
    items: list[SnapshotOut]


class DrillOut(Schema):
    id: int
    terminal_id: str
    source: str
    snapshot: str
    ok: bool
    started_at: datetime
    duration_s: float
    received_at: datetime
    facts: dict[str, object]
    error: str
    place: str
    by: str
    engine: str
    set_at: datetime | None
    evidence: dict[str, object]


class DrillsOut(Schema):
    count: int
    items: list[DrillOut]


class RunOut(Schema):
    id: int
    terminal_id: str
    source: str
    snapshot: str
    ok: bool
    started_at: datetime
    duration_s: float
    received_at: datetime
    facts: dict[str, object]
    error: str
    engine: str
    source_bytes: int
    stored_bytes: int


class RunsOut(Schema):
    count: int
    items: list[RunOut]


class ProofOut(Schema):
    """`verdict`: proved, unproved, overdue, failed or restore_failed. `waits`: why it is not proved, where nothing has
    gone wrong: running, soon, at_till, or the code of the last try here."""

    terminal_id: str
    source: str
    engine: str
    verdict: str
    at: datetime | None
    duration_s: float | None
    source_bytes: int | None
    stored_bytes: int | None
    drill_at: datetime | None
    drill_ok: bool
    drill_duration_s: float | None
    error: str
    drill_place: str
    proven_at: datetime | None
    proven_took_s: float | None
    compared: int
    waits: str


class ProofsOut(Schema):
    count: int
    items: list[ProofOut]


class BackupQuery(Slice):
    terminal: str = ""
    source: str = ""


def _wanted(rows: QuerySet[M], query: BackupQuery) -> QuerySet[M]:
    wanted = {"terminal": query.terminal, "source": query.source}
    return rows.filter(**{name: value for name, value in wanted.items() if value})


@router.get("/snapshots", response=SnapshotsOut)
def list_snapshots(request: HttpRequest, query: Query[BackupQuery]) -> SnapshotsOut:
    count, rows = cut(_wanted(Snapshot.objects.all(), query), query)
    return SnapshotsOut(count=count, items=[SnapshotOut.from_orm(row) for row in rows])


@router.get("/runs", response=RunsOut)
def list_runs(request: HttpRequest, query: Query[BackupQuery]) -> RunsOut:
    count, rows = cut(_wanted(Run.objects.all(), query), query)
    return RunsOut(count=count, items=[RunOut.from_orm(row) for row in rows])


@router.get("/drills", response=DrillsOut)
def list_drills(request: HttpRequest, query: Query[BackupQuery]) -> DrillsOut:
    count, rows = cut(_wanted(Drill.objects.all(), query), query)
    return DrillsOut(count=count, items=[DrillOut.from_orm(row) for row in rows])


@router.get("/proofs", response=ProofsOut)
def list_proofs(request: HttpRequest) -> ProofsOut:
    """Every source with its last backup and its last drill, worst first."""
    found = proofs()
    return ProofsOut(count=len(found), items=[ProofOut.from_orm(one) for one in found])

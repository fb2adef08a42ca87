"""How each source of each till stands: its last run, its last good one, and its last proof. Reads only;
decides nothing about what is overdue."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Max, QuerySet

from collector.backups.models import Drill, Run, Snapshot, Trial

Row = TypeVar("Row", Run, Snapshot, Drill, Trial)


@dataclass(frozen=True, slots=True)
class Source:
    """One source of one terminal. `run` is the newest of all, `good_run` the newest that made a snapshot; the
    same for drills. `snapshot` is the newest that lies in the store: it counts, whatever the agent said. `trial` is the
    last try of this collector, which may have proven nothing."""

    terminal_id: str
    source: str
    run: Run | None = None
    good_run: Run | None = None
    snapshot: Snapshot | None = None
    drill: Drill | None = None
    good_drill: Drill | None = None
    trial: Trial | None = None


def sources(terminals: Iterable[str] | None = None) -> list[Source]:
    """In the order of terminal and name; all terminals for None. Six queries, however many there are."""
    chosen = None if terminals is None else list(terminals)
    run = _newest(Run.objects.all(), chosen)
    good_run = _newest(Run.objects.filter(ok=True), chosen)
    snapshot = _newest(Snapshot.objects.all(), chosen)
    drill = _newest(Drill.objects.all(), chosen)
    good_drill = _newest(Drill.objects.filter(ok=True), chosen)
    trial = _newest(Trial.objects.all(), chosen)
    keys = sorted(run.keys() | snapshot.keys() | drill.keys())
    return [
        Source(
            *key,
            run.get(key),
            good_run.get(key),
            snapshot.get(key),
            drill.get(key),
            good_drill.get(key),
            trial.get(key),
        )
        for key in keys
    ]


def _newest(rows: QuerySet[Row], terminals: list[str] | None) -> dict[tuple[str, str], Row]:
    """The last received of each source: the rows are numbered as they come in."""
    if terminals is not None:
        rows = rows.filter(terminal_id__in=terminals)
    last = rows.order_by().values("terminal_id", "source").annotate(last=Max("id")).values("last")
    return {(row.terminal_id, row.source): row for row in rows.filter(id__in=last)}

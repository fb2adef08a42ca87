"""What goes along with a till's reports: how far its backups are, and the month's traffic. The newest word only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.backups.models import Told, Traffic
from collector.core import live
from protocols.wire import v1

STALE = timedelta(seconds=45)
"""So long after the last word nobody knows whether the backup goes on: four reports of a usual till."""
FORGOTTEN = timedelta(hours=6)
_MOST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class UnderWay:
    """`percent` and `left_s` None where nobody knows. `stale`: the till has stopped telling."""

    source: str
    stage: str
    done: int
    total: int
    bytes_s: float
    left_s: float | None
    heard_at: datetime
    stale: bool

    @property
    def percent(self) -> int | None:
        return min(100, 100 * self.done // self.total) if self.total else None


def record(report: v1.Report, received_at: datetime) -> None:
    """To be called once per report, inside its transaction; costs nothing where it tells of neither."""
    if report.backup_traffic:
        told = report.backup_traffic
        Traffic.objects.update_or_create(
            terminal_id=report.terminal,
            defaults={
                "month": told.month,
                "used_bytes": min(told.used, _MOST),
                "limit_bytes": min(told.limit, _MOST),
                "heard_at": received_at,
            },
        )
    if report.under_way is None:
        return
    for one in report.under_way:
        Told.objects.update_or_create(
            terminal_id=report.terminal,
            source=one.source,
            defaults={
                "stage": one.stage,
                "done": min(one.done, _MOST),
                "total": min(one.total, _MOST),
                "bytes_s": one.bytes_s,
                "left_s": one.left_s,
                "said_at": one.at,
                "heard_at": received_at,
            },
        )
    rest = Told.objects.filter(terminal_id=report.terminal).exclude(heard_at=None)
    rest.exclude(source__in=[one.source for one in report.under_way]).update(heard_at=None)
    live.publish_on_commit("backup", "", terminal=report.terminal)


def ended(terminal_id: str, message: v1.Backup) -> None:
    """A run has told its end, and which classes its source fills."""
    classes = list(message.classes)
    if not Told.objects.filter(terminal_id=terminal_id, source=message.source).update(
        heard_at=None, classes=classes
    ):
        Told.objects.create(terminal_id=terminal_id, source=message.source, classes=classes)


def of(terminal_ids: list[str] | None, now: datetime) -> dict[tuple[str, str], UnderWay]:
    """By till and source; None: of all tills. One query."""
    rows = Told.objects.filter(heard_at__gt=now - FORGOTTEN)
    if terminal_ids is not None:
        rows = rows.filter(terminal_id__in=terminal_ids)
    return {(row.terminal_id, row.source): _shown(row, now) for row in rows}


def _shown(row: Told, now: datetime) -> UnderWay:
    heard = row.heard_at or now
    return UnderWay(
        row.source, row.stage, row.done, row.total, row.bytes_s, row.left_s, heard, stale=now - heard > STALE
    )

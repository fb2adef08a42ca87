"""What each till owes by law of backup sets, and the incident where it is late. Judged by this server's time from what
lies in the storage; Z reports by the till's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from collector.backups.models import Snapshot, Told
from collector.backups.regimes import classes_of, current
from collector.incidents import apply
from collector.incidents.engine.facts import Happening, Key
from collector.incidents.models import Incident
from collector.incidents.watch_models import Watched
from collector.inventory.holding_models import Finding
from collector.inventory.models import Terminal
from protocols.regime.duty import Duty, Happened, Kept, Owed, judge
from protocols.regime.sets import Trigger
from protocols.regime.told import Z_REPORTS, read
from protocols.wire import v1

OVERDUE, CHANGED = "backup.overdue", "software.version_changed"
_ABOUT = "law."
"""Before the class, in the subject of the incident: sources of a till's own have names of their own."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One till and what it owes, a duty for each class of the regime."""

    terminal_id: str
    duties: tuple[Duty, ...]

    @property
    def is_late(self) -> bool:
        return any(duty.owed is Owed.OVERDUE for duty in self.duties)


def standings(now: datetime, terminals: Iterable[str] | None = None) -> list[Standing]:
    """Of every till that has a backup or told of one; tills without are no customers of ours for that. Six queries,
    however many there are."""
    rows = Terminal.objects.filter(retired_at=None, snapshots__isnull=False) | Terminal.objects.filter(
        retired_at=None, backup_runs__isnull=False
    )
    if terminals is not None:
        rows = rows.filter(pk__in=list(terminals))
    tills = list(rows.distinct().order_by("pk"))
    ids = [till.pk for till in tills]
    kept, reports, versions = _kept(ids), _reports(ids), _versions(ids)
    classes = current().classes.values()
    found = []
    for till in tills:
        happened = Happened(till.enrolled_at, reports.get(till.pk), versions.get(till.pk))
        duties = (judge(one, happened, kept.get((till.pk, one.id), ()), now) for one in classes)
        found.append(Standing(till.pk, tuple(duties)))
    return found


def judge_all(now: datetime) -> int:
    """Raise what is late, clear what is not any more. How many were told."""
    told = 0
    up = set(
        Watched.objects.filter(code=OVERDUE, subject_id__startswith=_ABOUT, up_at__isnull=False).values_list(
            "place", "subject_id"
        )
    )
    for standing in standings(now):
        for duty in standing.duties:
            late = duty.owed is Owed.OVERDUE
            known = (f"till/{standing.terminal_id}", _ABOUT + duty.set_class.id) in up
            if late != known and duty.owed is not Owed.UNKNOWN:
                _tell(standing.terminal_id, duty, now)
                told += 1
    return told


def reason(duty: Duty) -> str:
    """The rule's own text, and what began its time."""
    language = settings.CONFIG.server.language
    since = f" ({duty.since:%Y-%m-%d %H:%M} UTC)" if duty.since else ""
    return f"{duty.set_class.rule[language]}{since} {duty.set_class.legal_basis}".strip()[:400]


def _tell(terminal_id: str, duty: Duty, now: datetime) -> None:
    late = duty.owed is Owed.OVERDUE
    happening = Happening(
        key=Key(v1.SubjectKind.BACKUP, _ABOUT + duty.set_class.id, OVERDUE),
        change=v1.Change.RAISED if late else v1.Change.CLEARED,
        at=now,
        since=duty.by if late and duty.by else now,
        reason=reason(duty) if late else "",
    )
    with transaction.atomic():
        apply.follow(terminal_id, happening, now)


def _kept(ids: list[str]) -> dict[tuple[str, str], list[Kept]]:
    """By till and class, the newest set of each source that lies here and fills it. Its moment by this server's clock:
    when it came, less the time that it took by the till's."""
    there = Snapshot.objects.filter(terminal_id__in=ids, removed_at=None)
    last = there.order_by().values("terminal_id", "source").annotate(last=Max("id")).values("last")
    named = classes_told(ids)
    found: dict[tuple[str, str], list[Kept]] = {}
    for row in Snapshot.objects.filter(id__in=last):
        took = max(row.agent_finished_at - row.agent_started_at, timedelta(0))
        kept = Kept(row.received_at - took, row.received_at)
        for one in classes_of(row.engine, named.get((row.terminal_id, row.source), ())):
            found.setdefault((row.terminal_id, one.id), []).append(kept)
    return found


def classes_told(ids: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """By till and source, the classes that the till's file names for it."""
    rows = Told.objects.filter(terminal_id__in=list(ids)).exclude(classes=[])
    return {(row.terminal_id, row.source): [str(each) for each in row.classes] for row in rows}


def begun(ids: list[str]) -> dict[Trigger, dict[str, list[datetime]]]:
    """By till, the moments of each trigger that are known of it."""
    return {Trigger.Z_REPORT: _reports(ids), Trigger.INSTALLATION: _versions(ids)}


def _reports(ids: list[str]) -> dict[str, list[datetime]]:
    rows = Finding.objects.filter(terminal_id__in=ids, name=Z_REPORTS)
    return {row.terminal_id: read(row.detail) for row in rows}


def _versions(ids: list[str]) -> dict[str, list[datetime]]:
    """When a program of the till was seen to have changed. Of a till on which none ever was, nothing is known."""
    rows = Incident.objects.filter(terminal_id__in=ids, code=CHANGED).values_list("terminal_id", "since")
    found: dict[str, list[datetime]] = {}
    for terminal_id, since in rows:
        found.setdefault(str(terminal_id), []).append(since)
    return found

"""The incident of a backup that nobody has restored for too long, here or at its till. Judged by this server's time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from collector.backups.models import Run, Snapshot
from collector.backups.proof import Source, sources
from collector.incidents import apply
from collector.incidents.engine.facts import Happening, Key
from collector.incidents.watch_models import Watched
from collector.inventory.models import Terminal
from protocols.wire import v1

OVERDUE = "backup.overdue"
ABOUT = "proof."
"""Before the source, in the subject of the incident: the backup itself may be in time."""

_OLD = {
    "lv": "Pēdējo reizi mēģinājuma kārtā atjaunota {at:%Y-%m-%d}, pirms {days} dienām.",
    "en": "Last restored as a drill on {at:%Y-%m-%d}, {days} days ago.",
    "ru": "Последнее пробное восстановление: {at:%Y-%m-%d}, {days} дн. назад.",
}
_NEVER = {
    "lv": "Kopš pirmās kopijas {at:%Y-%m-%d} nekad nav mēģinājuma kārtā atjaunota.",
    "en": "Never restored as a drill since the first backup on {at:%Y-%m-%d}.",
    "ru": "Ни разу не восстанавливалась для проверки с первой копии {at:%Y-%m-%d}.",
}


@dataclass(frozen=True, slots=True)
class Late:
    """`since`: when its time was over; `reason` in the server's language."""

    since: datetime
    reason: str


def judge_all(now: datetime) -> int:
    """Raise what is late, clear what is not any more. How many were told."""
    up = {
        (place.removeprefix("till/"), subject): code
        for place, subject, code in Watched.objects.filter(
            code=OVERDUE, subject_id__startswith=ABOUT, up_at__isnull=False
        ).values_list("place", "subject_id", "code")
    }
    late = late_sources(now)
    for key in late.keys() - up.keys():
        _tell(key, late[key], now)
    for key in up.keys() - late.keys():
        _tell(key, None, now)
    return len(late.keys() ^ up.keys())


def late_sources(now: datetime) -> dict[tuple[str, str], Late]:
    """By terminal and subject."""
    used = set(Terminal.objects.filter(retired_at=None).values_list("pk", flat=True))
    first = _first()
    lasts = timedelta(days=settings.CONFIG.drills.overdue_days)
    found = {}
    for one in sources():
        stood = one.good_drill.received_at if one.good_drill else first.get((one.terminal_id, one.source))
        if one.terminal_id in used and stood is not None and now - stood > lasts:
            found[one.terminal_id, f"{ABOUT}{one.source}"[:80]] = Late(
                stood + lasts, _reason(one, stood, now)
            )
    return found


def _reason(one: Source, stood: datetime, now: datetime) -> str:
    """With what the last try of ours met, where it met something."""
    texts = _OLD if one.good_drill else _NEVER
    text = texts[settings.CONFIG.server.language].format(at=stood, days=(now - stood).days)
    tried = one.trial.reason if one.trial and one.trial.outcome == "unproven" else ""
    return f"{text} {tried}".strip()[:400]


def _first() -> dict[tuple[str, str], datetime]:
    """When the first backup of each source was told or came."""
    found: dict[tuple[str, str], datetime] = {}
    for rows in (Run.objects.filter(ok=True), Snapshot.objects.all()):
        firsts = rows.order_by().values_list("terminal_id", "source").annotate(first=Min("received_at"))
        for terminal_id, source, first in firsts:
            key = terminal_id, source
            found[key] = min(found.get(key, first), first)
    return found


def _tell(key: tuple[str, str], late: Late | None, now: datetime) -> None:
    terminal_id, subject = key
    happening = Happening(
        key=Key(v1.SubjectKind.BACKUP, subject, OVERDUE),
        change=v1.Change.RAISED if late else v1.Change.CLEARED,
        at=now,
        since=late.since if late else now,
        reason=late.reason if late else "",
    )
    with transaction.atomic():
        apply.follow(terminal_id, happening, now)

"""A duty: what must follow a change is not forgotten. A day before it is due whoever made the change hears of it, and
when it is late the managers do."""

from datetime import datetime, timedelta

from django.db import transaction

from collector.core.models import User
from collector.service import people, rounds, telling
from collector.service.change_models import ChangeTask

EVERY = timedelta(minutes=5)
AHEAD = timedelta(days=1)
NAMES = {
    "version_backup": {"lv": "versijas rezerves kopija", "en": "backup of the version", "ru": "копия версии"},
    "passport_entry": {"lv": "ieraksts pasē", "en": "passport entry", "ru": "запись в паспорте"},
    "eds_submission": {"lv": "iesniegums EDS", "en": "submission in EDS", "ru": "подача в EDS"},
    "seals": {"lv": "plombas", "en": "seals", "ru": "пломбы"},
}


def remind(now: datetime) -> int:
    """How many letters."""
    if not rounds.mine("remind", now, EVERY):
        return 0
    open_tasks = ChangeTask.objects.filter(done_at=None, due_at__lte=now + AHEAD)
    rows = open_tasks.exclude(change__state__in=("closed", "cancelled")).select_related(
        "change__assignee", "terminal"
    )
    return sum(_remind(row, now) for row in rows)


def _remind(row: ChangeTask, now: datetime) -> int:
    late = row.due_at <= now
    title = f"{row.change.title}{f' ({row.terminal})' if row.terminal else ''}"
    words = telling.text_of(
        "task_late" if late else "task_soon",
        f"/changes/{row.change_id}/",
        end=row.due_at,
        task=NAMES.get(row.kind, dict.fromkeys(("lv", "en", "ru"), row.kind)),
        title=title,
    )
    with transaction.atomic():
        return sum(
            telling.tell(
                one,
                words,
                now,
                key=f"task:{row.pk}:{'late' if late else 'soon'}",
                about=f"change:{row.change_id}",
            )
            for one in _readers(row, late)
        )


def _readers(row: ChangeTask, late: bool) -> list[User]:
    numbers = people.managers() if late or row.change.assignee_id is None else []
    found = {*numbers, *([row.change.assignee_id] if row.change.assignee_id else [])}
    return list(User.objects.filter(pk__in=found, is_active=True))

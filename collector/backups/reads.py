"""The access log of backups: who read what, how much, and when."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from collector.backups.models import Reading


@dataclass(frozen=True, slots=True)
class Reader:
    """As the model has it."""

    way: str
    reader: str = ""
    person: str = ""
    job: str = ""


def note(terminal: str, by: Reader, snapshot: str, size: int, now: datetime, *, objects: int = 1) -> None:
    """To be called when the bytes are given out. One UPDATE; an INSERT for the first of a day."""
    key = {
        "terminal_id": terminal,
        "way": by.way,
        "reader": by.reader,
        "person": by.person,
        "job": by.job,
        "snapshot": snapshot,
        "day": now.date(),
    }
    if _add(key, size, objects, now):
        return
    try:
        with transaction.atomic():
            Reading.objects.create(**key, objects_read=objects, bytes_read=size, first_at=now, last_at=now)
    except IntegrityError:  # another request of the same reader was first
        _add(key, size, objects, now)


def _add(key: dict[str, object], size: int, objects: int, now: datetime) -> int:
    return Reading.objects.filter(**key).update(
        objects_read=F("objects_read") + objects, bytes_read=F("bytes_read") + size, last_at=now
    )

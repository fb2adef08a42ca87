"""Faults that the collector itself finds in what it keeps of a till's backups."""

from datetime import datetime

from django.db import transaction

from collector.incidents import apply
from collector.incidents.engine.facts import Happening, Key
from collector.inventory.models import Terminal
from protocols.wire import v1


def tell(terminal: Terminal, subject: str, code: str, now: datetime, reason: str) -> None:
    """Raise the incident, or clear it where there is no reason. To be called inside a transaction or not."""
    happening = Happening(
        key=Key(v1.SubjectKind.BACKUP, subject, code),
        change=v1.Change.RAISED if reason else v1.Change.CLEARED,
        at=now,
        since=now,
        reason=reason,
    )
    with transaction.atomic():
        apply.follow(terminal.pk, happening, now)

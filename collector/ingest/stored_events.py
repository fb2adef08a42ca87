"""What agents told in a stored period, as the incident engine is told of it."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet

from collector.incidents.backtest import Told
from collector.incidents.engine.facts import Happening, Key, till_place
from collector.ingest.models import Message
from protocols.wire.v1 import Change, SubjectKind

_OUTCOMES = {"backup": "backup.failed", "drill": "backup.restore_failed"}


def stored_events(begin: datetime, end: datetime, terminal: str = "") -> Iterator[Told]:
    """In the order in which they happened; of one terminal, or of all."""
    rows: QuerySet[Message] = Message.objects.filter(at__range=(begin, end), kind__in=("event", *_OUTCOMES))
    if terminal:
        rows = rows.filter(terminal=terminal)
    for row in rows.order_by("at", "terminal_id", "epoch", "seq").iterator():
        happening = _happening(row)
        if happening is not None:
            yield row.at, till_place(row.terminal_id), happening


def _happening(row: Message) -> Happening | None:
    """None for what cannot be read any more."""
    body = row.body
    try:
        if row.kind in _OUTCOMES:
            key = Key(SubjectKind.BACKUP, str(body["source"]), _OUTCOMES[row.kind])
            change = Change.CLEARED if body["ok"] else Change.RAISED
            return Happening(
                key=key, change=change, at=row.at, since=row.at, reason=str(body.get("error", ""))
            )
        subject = body["subject"]
        key = Key(SubjectKind(subject["kind"]), str(subject.get("id", "")), str(body["code"]))
        since = datetime.fromisoformat(str(body["since"]))
        change = Change(str(body["change"]))
    except (KeyError, ValueError, TypeError):
        return None
    return Happening(key=key, change=change, at=row.at, since=since, reason=str(body.get("reason", "")))

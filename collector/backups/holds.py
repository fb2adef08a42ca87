"""Holds: nothing of a till's backups is removed while one is not ended. A person begins and ends them and says why,
each step is kept, and the end can be taken back. The freeze after something odd is one that the collector began."""

from datetime import datetime

from django.db import transaction

from collector.backups.models import Hold, HoldStep, Snapshot
from collector.backups.telling import tell
from collector.inventory.models import Terminal
from protocols.errors import RepositoryRefused

LEGAL, SUSPICIOUS = "legal", "suspicious"
_REASON = 400


def hold(terminal: Terminal, source: str, *, why: str, reason: str, by: str, now: datetime) -> Hold:
    """`source` "": all of the till. RepositoryRefused `backup.no_reason`, or `backup.no_source` where the till has no
    such backup."""
    reason = _given(reason)
    if why == LEGAL and source and not Snapshot.objects.filter(terminal=terminal, source=source).exists():
        raise RepositoryRefused(f"{terminal.name} has no backup {source!r} here", code="backup.no_source")
    with transaction.atomic():
        one = Hold.objects.create(terminal=terminal, source=source, why=why, reason=reason, by=by, since=now)
        _step(one, "begun", reason, by, now)
    return one


def release(one: Hold, by: str, now: datetime, reason: str = "") -> None:
    """It counts from now on; what was let go before waits its days all the same. Of the freeze: it is all right, and
    its incident ends unless the same source is frozen once more. RepositoryRefused `backup.no_hold` where somebody
    else has ended it."""
    with transaction.atomic():
        _found(one.pk, Hold.objects.filter(ended_at=None).filter(pk=one.pk).update(ended_at=now, ended_by=by))
        _step(one, "ended", reason.strip()[:_REASON], by, now)
        _follow(one, now)


def resume(one: Hold, by: str, now: datetime, reason: str = "") -> None:
    """The end is taken back: held as before, since the same moment. What was removed in between stays removed."""
    with transaction.atomic():
        _found(
            one.pk, Hold.objects.exclude(ended_at=None).filter(pk=one.pk).update(ended_at=None, ended_by="")
        )
        _step(one, "resumed", reason.strip()[:_REASON], by, now)
        if one.why == SUSPICIOUS:
            suspicious(one.terminal, one.source, now, one.reason)


def keep_frozen(one: Hold, by: str, now: datetime, reason: str) -> None:
    """A person has looked, and it is not all right. The freeze and its incident last until somebody ends the hold.
    RepositoryRefused `backup.no_reason`, `backup.no_hold`."""
    reason = _given(reason)
    with transaction.atomic():
        standing = Hold.objects.select_for_update().filter(pk=one.pk, ended_at=None, why=SUSPICIOUS)
        _found(one.pk, len(standing))
        _step(one, "frozen", reason, by, now)


def suspicious(terminal: Terminal, source: str, now: datetime, reason: str) -> None:
    """All of a source has changed, or is as it was where there is no reason."""
    tell(terminal, source, "backup.suspicious", now, reason)


def _follow(one: Hold, now: datetime) -> None:
    if one.why != SUSPICIOUS:
        return
    others = Hold.objects.filter(
        terminal=one.terminal, source=one.source, why=SUSPICIOUS, ended_at=None
    ).exclude(pk=one.pk)
    if not others.exists():
        suspicious(one.terminal, one.source, now, "")


def _given(reason: str) -> str:
    text = reason.strip()[:_REASON]
    if not text:
        raise RepositoryRefused("say why: it is read when somebody asks later", code="backup.no_reason")
    return text


def _found(number: int, rows: int) -> None:
    if not rows:
        raise RepositoryRefused(
            f"number {number} is not so any more; read the page anew", code="backup.no_hold"
        )


def _step(one: Hold, what: str, reason: str, by: str, now: datetime) -> None:
    HoldStep.objects.create(hold=one, what=what, reason=reason, by=by, at=now)

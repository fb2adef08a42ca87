"""Which sets of backups a till may read that are another till's: those that a signed job for it names, while that job
waits or is done."""

from datetime import datetime, timedelta

from collector.inventory.models import Terminal
from collector.jobs.models import Job, State
from protocols.wire.job import CATALOGUE, Type

RESTORES = (Type.RESTORE_FILE, Type.RESTORE_OVER)
LATER = timedelta(seconds=max(CATALOGUE[each].ends_s for each in RESTORES))
"""A job that begins at its last moment still has its time."""


def lent(terminal: str, of: str, now: datetime) -> dict[str, str]:
    """The digests of the sets of `of` that `terminal` may read now, each with the job that says so. A job that lacks a
    signature lends nothing, and nothing is lent to another customer's till."""
    owner = Terminal.objects.filter(pk=of).values("site__customer")
    jobs = Job.objects.filter(
        terminal_id=terminal,
        terminal__site__customer__in=owner,
        type__in=[each.value for each in RESTORES],
        dry_run=False,
        state__in=(State.QUEUED, State.FETCHED),
        not_before__lte=now,
        expires__gt=now - LATER,
    )
    return {one.parameters["snapshot"]: one.pk for one in jobs if one.parameters.get("of") == of}

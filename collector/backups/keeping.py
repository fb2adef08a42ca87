"""Keeps house in the storage: checks what is there, lets go what the rules do not keep, and removes it some days
later, whole packs only and without any key. What is held stays. It may be killed at any step: the next round goes
on."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from collector.backups import checking, lawful, storage
from collector.backups.models import Hold, Leaving, Snapshot
from collector.backups.place import Place
from collector.backups.retention import Rules, Set, kept, stricter
from collector.backups.telling import tell
from collector.inventory.models import Terminal
from protocols.errors import BackupError
from protocols.wire.audit import Finding
from protocols.wire.snapshot import PACKS, SNAPSHOTS, parse

CHECK_EVERY = timedelta(days=1)
DAMAGED = "backup.restore_failed"

log = logging.getLogger(__name__)


def store() -> Place:
    return storage.of(settings.CONFIG)


def rules() -> Rules:
    told = settings.CONFIG.retention
    return Rules(told.all_days, told.daily_years, told.monthly_years)


def keep_house(now: datetime) -> int:
    """One round over all terminals that have backups. How many objects were removed."""
    removed = 0
    for terminal in Terminal.objects.filter(snapshots__removed_at=None).distinct():
        try:
            check(terminal, now)
            for source in _sources(terminal):
                judge(terminal, source, now)
            removed += sweep(terminal, now)
        except (
            BackupError,
            OSError,
        ):  # one terminal's folder that cannot be read must not keep the others waiting
            log.exception("the backups of terminal %s could not be looked after", terminal.pk)
    return removed


def check(terminal: Terminal, now: datetime) -> None:
    """Once a day: is every object what was stored, and all of it there? A set of which nothing is wrong is a good one
    from then on; one with something wrong raises an incident."""
    there = Snapshot.objects.filter(terminal=terminal, removed_at=None)
    due = there.filter(Q(checked_at=None) | Q(checked_at__lte=now - CHECK_EVERY))
    if not due.exists():
        return
    checked = checking.check(terminal, store())
    for finding in checked.findings:
        log.warning("terminal %s: %s: %s: %s", terminal.pk, finding.name, finding.code, finding.text)
    wrong: dict[str, list[Finding]] = {source: [] for source in _sources(terminal)}
    for snapshot in there:
        found = checked.about(snapshot.digest)
        wrong[snapshot.source] += [one for one in found if one not in wrong[snapshot.source]]
        if not found and snapshot.digest in checked.needs:  # it may have come meanwhile, and was not read
            Snapshot.objects.filter(pk=snapshot.pk).update(checked_at=now)
    for source, found in wrong.items():
        _tell(terminal, source, now, checking.in_words(found))


def _tell(terminal: Terminal, source: str, now: datetime, reason: str) -> None:
    tell(terminal, f"{source}.stored", DAMAGED, now, reason)


def judge(terminal: Terminal, source: str, now: datetime) -> None:
    """Mark what is not kept any more, and take the mark off what is kept after all."""
    rows = Snapshot.objects.filter(terminal=terminal, source=source, removed_at=None)
    classes = lawful.classes_of_source(terminal.pk, source)
    sets = lawful.mark([Set(row.pk, row.received_at, row.checked_at is not None, row.law_until) for row in rows],
                       terminal.pk, classes)  # fmt: skip
    keep = kept(sets, stricter(rules(), classes), now)
    rows.filter(pk__in=keep).exclude(let_go_at=None).update(let_go_at=None)
    rows.exclude(pk__in=keep).filter(let_go_at=None).update(let_go_at=now)


def sweep(terminal: Terminal, now: datetime) -> int:
    """Remove what has been let go for long enough: snapshots first, then the packs that none names. Nothing of a
    terminal on which anything is held. How many objects."""
    if held(terminal):
        return 0
    grace = timedelta(days=settings.CONFIG.retention.grace_days)
    place = store()
    place.drop_parts(terminal.pk, (now - grace).timestamp())
    removed = 0
    with place.alone(terminal.pk):
        for row in Snapshot.objects.filter(terminal=terminal, removed_at=None, let_go_at__lte=now - grace):
            place.remove(terminal.pk, f"{SNAPSHOTS}/{row.digest}")
            Snapshot.objects.filter(pk=row.pk).update(removed_at=now)
            removed += 1
        unnamed = {one.name.partition("/")[2] for one in place.list(terminal.pk, PACKS)} - set(
            _named(terminal, place)
        )
        Leaving.objects.filter(terminal=terminal).exclude(digest__in=unnamed).delete()
        known = dict(Leaving.objects.filter(terminal=terminal).values_list("digest", "since"))
        Leaving.objects.bulk_create(
            [Leaving(terminal=terminal, digest=digest, since=now) for digest in unnamed - known.keys()],
            ignore_conflicts=True,
        )
        for digest in sorted(digest for digest, since in known.items() if since <= now - grace):
            place.remove(terminal.pk, f"{PACKS}/{digest}")
            Leaving.objects.filter(terminal=terminal, digest=digest).delete()
            removed += 1
    return removed


def _named(terminal: Terminal, place: Place) -> Iterator[str]:
    """Every pack that some snapshot in the storage names. A snapshot that cannot be read ends the sweep: nobody knows
    what it needs."""
    for one in place.list(terminal.pk, SNAPSHOTS):
        yield from (pack.digest for pack in parse(place.get(terminal.pk, one.name)).header.packs)


def held(terminal: Terminal) -> bool:
    return Hold.objects.filter(terminal=terminal, ended_at=None).exists()


def _sources(terminal: Terminal) -> list[str]:
    rows = Snapshot.objects.filter(terminal=terminal, removed_at=None).order_by()
    return sorted(rows.values_list("source", flat=True).distinct())

"""Backups by source as a person reads them: made when, proved when, and what is missing. A backup is what has
been restored: without a drill it counts as not proved."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from collector.backups.proof import Source, sources
from collector.core import clock
from collector.inventory.models import Terminal

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

OVERDUE = timedelta(hours=26)
"""A day and a little: a till that is off at night makes its backup when it is switched on."""
PROOF_LASTS = timedelta(days=8)
"""A week and a day: drills are weekly."""


@dataclass(frozen=True, slots=True)
class Latest:
    """Of a whole till: its newest good backup, and the newest proof of any of its sources."""

    at: datetime
    proved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Proof:
    """One source of one till. `verdict`: proved, unproved, overdue, failed or restore_failed."""

    terminal: Terminal | None
    terminal_id: str
    source: str
    engine: str
    verdict: str
    at: datetime | None
    duration_s: float | None
    stored_bytes: int | None
    source_bytes: int | None
    drill_at: datetime | None
    drill_ok: bool
    drill_duration_s: float | None
    error: str

    @property
    def tone(self) -> str:
        return {"proved": "ok", "failed": "fault", "restore_failed": "fault"}.get(self.verdict, "attention")

    @property
    def word(self) -> "Lazy":
        return WORDS[self.verdict]


WORDS: "dict[str, Lazy]" = {
    "proved": _("Proved: restored and compared"),
    "unproved": _("Not proved: no restore drill in the last week"),
    "overdue": _("Overdue: no good backup for more than a day"),
    "failed": _("The last backup failed"),
    "restore_failed": _("The last restore drill failed"),
}
_WORST = ("restore_failed", "failed", "overdue", "unproved", "proved")


def proofs(terminals: Iterable[str] | None = None) -> list[Proof]:
    """Worst first. One query more than the catalogue's five: the tills."""
    found = sources(terminals)
    tills = Terminal.objects.select_related("site__customer").filter(retired_at=None)
    by_id = tills.in_bulk({one.terminal_id for one in found})
    listed = [proof_of(one, by_id[one.terminal_id]) for one in found if one.terminal_id in by_id]
    return sorted(listed, key=lambda one: _WORST.index(one.verdict))


def proof_of(one: Source, terminal: Terminal | None = None) -> Proof:
    good, drill, made = one.good_run, one.drill, one.snapshot
    return Proof(
        terminal=terminal,
        terminal_id=one.terminal_id,
        source=one.source,
        engine=one.run.engine if one.run else made.engine if made else "",
        verdict=_verdict(one),
        at=good.started_at if good else made.agent_started_at if made else None,
        duration_s=good.duration_s if good else None,
        stored_bytes=good.stored_bytes if good else made.stored_bytes if made else None,
        source_bytes=good.source_bytes if good else made.source_bytes if made else None,
        drill_at=drill.started_at if drill else None,
        drill_ok=bool(drill and drill.ok),
        drill_duration_s=drill.duration_s if drill else None,
        error=_error(one),
    )


def _verdict(one: Source) -> str:
    now = clock.now()
    if one.drill and not one.drill.ok:
        return "restore_failed"
    if one.run and not one.run.ok:
        return "failed"
    made = one.good_run.received_at if one.good_run else one.snapshot.received_at if one.snapshot else None
    if made is None or now - made > OVERDUE:
        return "overdue"
    return "proved" if one.good_drill and now - one.good_drill.received_at <= PROOF_LASTS else "unproved"


def _error(one: Source) -> str:
    if one.drill and not one.drill.ok:
        return one.drill.error
    return one.run.error if one.run and not one.run.ok else ""


def unproved_count() -> int:
    return sum(one.verdict != "proved" for one in proofs())


def latest_of(terminals: Iterable[str]) -> dict[str, Latest]:
    found: dict[str, Latest] = {}
    for one in sources(terminals):
        at = one.good_run.started_at if one.good_run else None
        proved = one.good_drill.started_at if one.good_drill else None
        before = found.get(one.terminal_id)
        times = [time for time in (at, before and before.at) if time]
        proofs_ = [time for time in (proved, before and before.proved_at) if time]
        if times:
            found[one.terminal_id] = Latest(max(times), max(proofs_, default=None))
    return found


def sources_of(till: Terminal) -> list[Proof]:
    return [proof_of(one, till) for one in sources([till.pk])]

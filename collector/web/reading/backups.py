"""Backups by source as a person reads them: made when, proved when, and what is missing. A backup is what has
been restored: without a drill it counts as not proved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from collector.backups import under_way
from collector.backups.drilling_key import verify_key
from collector.backups.models import Drill
from collector.backups.proof import Source, sources
from collector.core import clock
from collector.inventory.models import Terminal
from collector.web import proof_words
from collector.web.proof_words import AT_TILL, RUNNING, SOON
from collector.web.templatetags.plomba import seconds
from protocols.errors import ConfigError

OVERDUE = timedelta(hours=26)
"""A day and a little: a till that is off at night makes its backup when it is switched on."""


@dataclass(frozen=True, slots=True)
class Latest:
    """Of a whole till: its newest good backup, and the newest proof of any of its sources."""

    at: datetime
    proved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Proof:
    """One source of one till. `verdict`: proved, unproved, overdue, failed or restore_failed. `proven_at`: when the
    last good drill was told or made, by this server's time, wherever it was; `compared`: how many facts were equal.
    `waits`: a key of `proof_words.WAITS`, or another code; "" where nothing is waited for."""

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
    drill_place: str = ""
    proven_at: datetime | None = None
    proven_took_s: float | None = None
    compared: int = 0
    waits: str = ""

    @property
    def tone(self) -> str:
        return {"proved": "ok", "failed": "fault", "restore_failed": "fault"}.get(self.verdict, "attention")

    @property
    def word(self) -> str:
        return str(proof_words.WORDS[self.verdict])

    @property
    def place_word(self) -> str:
        return str(proof_words.PLACES.get(self.drill_place, ""))

    @property
    def waits_word(self) -> str:
        """Why it is not proved, where nothing has gone wrong."""
        return proof_words.waits_word(self.waits) if self.waits else ""

    @property
    def sentence(self) -> str:
        """For the customer."""
        took = seconds(self.proven_took_s)
        return proof_words.sentence(self.verdict, self.proven_at, took, self.compared)


_WORST = ("restore_failed", "failed", "overdue", "unproved", "proved")


def proofs(terminals: Iterable[str] | None = None) -> list[Proof]:
    """Worst first. One query more than the catalogue's five: the tills."""
    found = sources(terminals)
    tills = Terminal.objects.select_related("site__customer").filter(retired_at=None)
    by_id = tills.in_bulk({one.terminal_id for one in found})
    key = _key_id()
    listed = [proof_of(one, by_id[one.terminal_id], key) for one in found if one.terminal_id in by_id]
    return sorted(listed, key=lambda one: _WORST.index(one.verdict))


def proof_of(one: Source, terminal: Terminal | None, key: str) -> Proof:
    """`key`: the id of this collector's verify key, "" for none."""
    good, drill, made, proven = one.good_run, one.drill, one.snapshot, one.good_drill
    verdict = _verdict(one)
    return Proof(
        terminal=terminal,
        terminal_id=one.terminal_id,
        source=one.source,
        engine=one.run.engine if one.run else made.engine if made else "",
        verdict=verdict,
        at=good.started_at if good else made.agent_started_at if made else None,
        duration_s=good.duration_s if good else None,
        stored_bytes=good.stored_bytes if good else made.stored_bytes if made else None,
        source_bytes=good.source_bytes if good else made.source_bytes if made else None,
        drill_at=drill.started_at if drill else None,
        drill_ok=bool(drill and drill.ok),
        drill_duration_s=drill.duration_s if drill else None,
        error=_error(one),
        drill_place=drill.place if drill else "",
        proven_at=proven.received_at if proven else None,
        proven_took_s=proven.duration_s if proven else None,
        compared=compared(proven),
        waits="" if verdict in ("proved", "restore_failed") else _waits(one, key),
    )


def compared(drill: Drill | None) -> int:
    """A till tells as many facts as fit into a message."""
    return int(drill.evidence.get("compared") or len(drill.facts)) if drill else 0


def _waits(one: Source, key: str) -> str:
    if one.trial and one.trial.ended_at is None:
        return RUNNING
    if one.snapshot is None or one.snapshot.removed_at or not key or key not in one.snapshot.key_ids.split():
        return AT_TILL
    return one.trial.code if one.trial and one.trial.outcome == "unproven" else SOON


def _key_id() -> str:
    try:
        key = verify_key()
    except ConfigError:  # the log tells of it
        return ""
    return key.id if key else ""


def _verdict(one: Source) -> str:
    now, lasts = clock.now(), timedelta(days=settings.CONFIG.drills.overdue_days)
    if one.drill and not one.drill.ok:
        return "restore_failed"
    if one.run and not one.run.ok:
        return "failed"
    made = one.good_run.received_at if one.good_run else one.snapshot.received_at if one.snapshot else None
    if made is None or now - made > OVERDUE:
        return "overdue"
    return "proved" if one.good_drill and now - one.good_drill.received_at <= lasts else "unproved"


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
    key = _key_id()
    return [proof_of(one, till, key) for one in sources([till.pk])]


STAGES: Mapping[str, object] = {"copy": _("copying"), "store": _("storing"), "restore": _("restoring")}


def going_on(till: Terminal) -> list[tuple[under_way.UnderWay, object]]:
    """The backups that its agent makes just now, each with the word for what it does."""
    found = under_way.of([till.pk], clock.now())
    return [(one, STAGES.get(one.stage, one.stage)) for _key, one in sorted(found.items())]

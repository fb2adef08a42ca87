"""What an auditor asks of one till's backups, on one paper: what the law wants, what is kept, what was restored and
compared, what must stay, and who read it. As a page, and as a document whose digests can be checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from collector.backups.models import Drill, Hold, Reading, Snapshot
from collector.inventory.models import Device, Terminal
from collector.web import proof_words
from collector.web.reading import backups, law
from collector.web.reading.law import Cell, Rule

SETS, DRILLS, READINGS = 400, 100, 100
"""So many of each at most, the newest; how many there are is told."""


@dataclass(frozen=True, slots=True)
class Restored:
    """One drill, with where it was in words, and how many facts were equal."""

    drill: Drill
    place: str
    compared: int


@dataclass(frozen=True, slots=True)
class Dossier:
    """`law`: each class with what this till owes of it; empty where it has no backup yet."""

    till: Terminal
    made_at: datetime
    devices: Sequence[Device]
    law: Sequence[tuple[Rule, Cell]]
    proofs: Sequence[backups.Proof]
    sets: Sequence[Snapshot]
    sets_count: int
    drills: Sequence[Restored]
    drills_count: int
    holds: Sequence[Hold]
    readings: Sequence[Reading]
    readings_count: int


def dossier(till: Terminal, language: str, now: datetime) -> Dossier:
    sets = Snapshot.objects.filter(terminal=till, removed_at=None).order_by("-received_at", "-id")
    drills = Drill.objects.filter(terminal=till).order_by("-received_at", "-id")
    readings = Reading.objects.filter(terminal=till)
    return Dossier(
        till=till,
        made_at=now,
        devices=list(till.devices.filter(retired_at=None).order_by("name")),
        law=_law(till, language),
        proofs=backups.sources_of(till),
        sets=list(sets[:SETS]),
        sets_count=sets.count(),
        drills=[_restored(one) for one in drills[:DRILLS]],
        drills_count=drills.count(),
        holds=list(till.backup_holds.prefetch_related("steps").order_by("-since", "-id")),
        readings=list(readings[:READINGS]),
        readings_count=readings.count(),
    )


def document(found: Dossier) -> Mapping[str, object]:
    """In UTC. A set's digest is that of its header, which the till has signed; a drill names the set by it."""
    till = found.till
    return {
        "version": 1,
        "made_at": found.made_at,
        "till": {
            "id": till.pk,
            "name": till.name,
            "shop": till.site.name,
            "customer": till.site.customer.name,
            "registration_number": till.site.customer.registration_number,
            "public_key": till.public_key,
            "agent": till.agent_version,
            "enrolled_at": till.enrolled_at,
        },
        "devices": [
            {"name": one.name, "family": one.family, "identity": one.identity} for one in found.devices
        ],
        "law": [_duty(rule, cell) for rule, cell in found.law],
        "sets_count": found.sets_count,
        "sets": [_set(one) for one in found.sets],
        "drills_count": found.drills_count,
        "drills": [_drill(one.drill) for one in found.drills],
        "holds": [_hold(one) for one in found.holds],
        "readings_count": found.readings_count,
        "readings": [_reading(one) for one in found.readings],
    }


def _restored(one: Drill) -> Restored:
    return Restored(one, str(proof_words.PLACES.get(one.place, one.place)), backups.compared(one))


def _law(till: Terminal, language: str) -> list[tuple[Rule, Cell]]:
    rules = {rule.title: rule for rule in law.rules(language)}
    return [(rules[cell.title], cell) for row in law.rows(language, till=till.pk) for cell in row.cells]


def _duty(rule: Rule, cell: Cell) -> Mapping[str, object]:
    return {
        "class": rule.id,
        "legal_basis": rule.legal_basis,
        "owed": cell.owed.value,
        "by": cell.by,
        "last_at": cell.last_at,
        "keep_months": rule.keep.months,
    }


def _set(one: Snapshot) -> Mapping[str, object]:
    names = (
        "source",
        "digest",
        "engine",
        "mode",
        "sequence",
        "previous",
        "source_bytes",
        "stored_bytes",
        "law_class",
    )
    times = ("agent_started_at", "agent_finished_at", "received_at", "checked_at", "law_until", "let_go_at")
    return {name: getattr(one, name) for name in (*names, *times)}


def _drill(one: Drill) -> Mapping[str, object]:
    names = ("source", "snapshot", "ok", "place", "by", "started_at", "duration_s", "received_at", "set_at")
    return {name: getattr(one, name) for name in (*names, "facts", "evidence", "error")}


def _hold(one: Hold) -> Mapping[str, object]:
    steps = [
        {name: getattr(step, name) for name in ("what", "reason", "by", "at")} for step in one.steps.all()
    ]
    return {
        "source": one.source,
        "why": one.why,
        "since": one.since,
        "ended_at": one.ended_at,
        "steps": steps,
    }


def _reading(one: Reading) -> Mapping[str, object]:
    names = (
        "way",
        "reader",
        "person",
        "job",
        "snapshot",
        "day",
        "objects_read",
        "bytes_read",
        "first_at",
        "last_at",
    )
    return {name: getattr(one, name) for name in names}

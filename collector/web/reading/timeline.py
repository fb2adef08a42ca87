"""One line of life per till: faults, facts, state changes, backups, the lives of incidents; newest first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db.models import QuerySet

from collector.backups.models import Drill
from collector.incidents.models import Transition
from collector.ingest.models import Message
from collector.inventory.models import IdentityChange, Terminal
from collector.web import states

KINDS: dict[str, tuple[str, ...]] = {
    "faults": ("event",),
    "states": ("state",),
    "facts": ("fact", "hello", "configuration"),
    "backups": ("backup", "drill"),
    "jobs": ("job_result",),
    "incidents": (),
}
"""What a person can choose -> kinds of wire messages. Incidents come from their transitions."""
STATES_READ = 400
"""States repeat every few minutes; so many are read to find the changes among them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind` is a key of KINDS or a wire kind, `what` its code or name, `change` how it changed."""

    at: datetime
    received_at: datetime
    group: str
    kind: str
    subject_kind: str
    subject_id: str
    what: str
    change: str = ""
    note: str = ""
    by: str = ""
    incident: int | None = None
    detail: Mapping[str, object] | None = None


def timeline(
    terminal: Terminal, kinds: Sequence[str] = (), *, before: datetime | None = None, limit: int = 100
) -> list[Entry]:
    """At most `limit` entries of the wanted kinds (none wanted: all), strictly before a moment."""
    wanted = [name for name in KINDS if not kinds or name in kinds]
    found: list[Entry] = []
    plain = [kind for name in wanted for kind in KINDS[name] if kind != "state"]
    if plain:
        found += [_entry(message) for message in _messages(terminal, plain, before)[:limit]]
    if "states" in wanted:
        found += islice(_changes(_messages(terminal, ["state"], before)[:STATES_READ]), limit)
    if "facts" in wanted:
        found += [_identity(change) for change in _identity_changes(terminal, before)[:limit]]
    if "backups" in wanted:
        found += [_drill(one) for one in _drills(terminal, before)[:limit]]
    if "incidents" in wanted:
        found += [_step(step) for step in _transitions(terminal, before)[:limit]]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]


def _messages(terminal: Terminal, kinds: Sequence[str], before: datetime | None) -> QuerySet[Message]:
    rows = Message.objects.filter(terminal=terminal, kind__in=kinds).order_by("-at", "-seq")
    return rows.filter(at__lt=before) if before else rows


def _transitions(terminal: Terminal, before: datetime | None) -> QuerySet[Transition]:
    rows = Transition.objects.filter(incident__terminal=terminal).select_related("incident", "by")
    rows = rows.order_by("-at", "-id")
    return rows.filter(at__lt=before) if before else rows


def _drills(terminal: Terminal, before: datetime | None) -> QuerySet[Drill]:
    """Those made here; those of the till are messages."""
    rows = Drill.objects.filter(terminal=terminal, place="collector").order_by("-received_at", "-id")
    return rows.filter(received_at__lt=before) if before else rows


def _drill(one: Drill) -> Entry:
    return Entry(
        at=one.received_at,
        received_at=one.received_at,
        group="backups",
        kind="drill",
        subject_kind="backup",
        subject_id=one.source,
        what=one.source,
        change="ok" if one.ok else "failed",
        note=one.error,
        by=one.by,
        detail={"snapshot": one.snapshot, "duration_s": one.duration_s, **one.evidence},
    )


def _identity_changes(terminal: Terminal, before: datetime | None) -> QuerySet[IdentityChange]:
    rows = IdentityChange.objects.filter(terminal=terminal).select_related("by").order_by("-at", "-id")
    return rows.filter(at__lt=before) if before else rows


def _identity(change: IdentityChange) -> Entry:
    return Entry(
        at=change.at,
        received_at=change.at,
        group="facts",
        kind="identity",
        subject_kind="terminal",
        subject_id="",
        what=change.kind,
        by=(change.by.get_full_name() or change.by.get_username()) if change.by else "",
        detail=change.detail,
    )


_GROUPS = {kind: name for name, kinds in KINDS.items() for kind in kinds}


def _entry(message: Message, detail: Mapping[str, object] | None = None) -> Entry:
    body = message.body
    what = str(body.get("code") or body.get("name") or body.get("source") or body.get("agent") or "")
    ok = body.get("ok")
    change = str(body.get("change") or ("" if ok is None else "ok" if ok else "failed"))
    return Entry(
        at=message.at,
        received_at=message.received_at,
        group=_GROUPS[message.kind],
        kind=message.kind,
        subject_kind=message.subject_kind,
        subject_id=message.subject_id,
        what=what,
        change=change,
        note=str(body.get("reason") or body.get("error") or ""),
        detail=detail if detail is not None else body,
    )


def _changes(newest_first: QuerySet[Message]) -> Iterator[Entry]:
    """Only those that differ from the one before of the same device."""
    older: dict[str, Message] = {}
    changed: list[Entry] = []
    for message in reversed(newest_first):
        last = older.get(message.subject_id or str(message.body.get("device", "")))
        older[message.subject_id or str(message.body.get("device", ""))] = message
        if last is None:
            continue
        flags = states.changes(last.body.get("state", {}), message.body.get("state", {}))
        contact = message.body.get("contact")
        if flags or contact != last.body.get("contact"):
            moved = contact if contact != last.body.get("contact") else ""
            changed.append(_entry(message, {"flags": flags, "contact": moved}))
    return reversed(changed)


def _step(step: Transition) -> Entry:
    incident = step.incident
    return Entry(
        at=step.at,
        received_at=step.recorded_at,
        group="incidents",
        kind="transition",
        subject_kind=incident.subject_kind,
        subject_id=incident.subject_id,
        what=incident.code,
        change=step.kind,
        note=step.note,
        by=(step.by.get_full_name() or step.by.get_username()) if step.by else "",
        incident=incident.pk,
    )

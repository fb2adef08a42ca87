"""The change history of one till: what happened to its identity and its parts, and which devices were exchanged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from collector.incidents.models import Incident
from collector.ingest.models import Session
from collector.inventory.models import Asset, IdentityChange, Terminal
from collector.web import identity_words
from collector.web.words import Sign
from protocols.wire import claim

ROWS = 15
DEVICE = "device.identity_changed"


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime
    sign: Sign
    note: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the card of one till shows. `sessions` only where a person must choose."""

    number: str
    key_since: datetime
    asset: Asset | None
    parts: Sequence[tuple[object, str]]
    sessions: Sequence[Session]
    changes: Sequence[Change]


def identity(terminal: Terminal) -> Identity:
    known: Mapping[str, str] = terminal.machine
    return Identity(
        number=claim.number(terminal.public_key),
        key_since=terminal.key_since or terminal.enrolled_at,
        asset=Asset.objects.filter(terminal=terminal).first(),
        parts=[
            (word, known[name])
            for name, word in identity_words.PARTS.items()
            if known.get(name) and name != "machine_id"
        ],
        sessions=list(terminal.sessions.all()) if terminal.quarantined_at else [],
        changes=changes(terminal),
    )


def changes(terminal: Terminal) -> list[Change]:
    """Newest first."""
    own = IdentityChange.objects.filter(terminal=terminal).select_related("by").order_by("-at", "-id")
    devices = Incident.objects.filter(terminal=terminal, code=DEVICE).order_by("-since")
    found = [of_row(row) for row in own[:ROWS]]
    found += [
        Change(
            one.since, identity_words.sign("device_changed"), f"{one.subject_id}: {one.reason}".strip(": ")
        )
        for one in devices[:ROWS]
    ]
    return sorted(found, key=lambda change: change.at, reverse=True)[:ROWS]


def of_row(row: IdentityChange) -> Change:
    by = (row.by.get_full_name() or row.by.get_username()) if row.by else ""
    return Change(row.at, identity_words.sign(row.kind), identity_words.note(row.kind, row.detail), by)

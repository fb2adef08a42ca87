"""One step in the life of an incident: the row is saved and the step is written beside it, in the transaction that
runs. Decides nothing."""

from collections.abc import Mapping
from datetime import datetime

from collector.core import live
from collector.incidents.life import WAITING, MoveRefused, leads
from collector.incidents.models import Incident, Kind, Transition


def step(
    incident: Incident,
    kind: Kind,
    at: datetime,
    now: datetime,
    *,
    to: str | None = None,
    by: int | None = None,
    note: str = "",
    public: bool = False,
    detail: Mapping[str, object] | None = None,
) -> Transition:
    """Save the incident with one more row of its life. What the clocks need of the moment goes into `detail`: how long
    a wait lasts, and the queue that it came to. MoveRefused where the table has no step from its state `to` there."""
    row = prepared(incident, kind, at, now, to=to, by=by, note=note, public=public, detail=detail)
    incident.save()
    row.incident = incident
    row.save(force_insert=True)
    live.publish_on_commit("incident", incident.pk, terminal=incident.terminal_id, kind=str(kind))
    return row


def prepared(
    incident: Incident,
    kind: Kind,
    at: datetime,
    now: datetime,
    *,
    to: str | None = None,
    by: int | None = None,
    note: str = "",
    public: bool = False,
    detail: Mapping[str, object] | None = None,
) -> Transition:
    """The same, with nothing written: whoever asks writes the incident, then the row."""
    before = incident.state if incident.pk else ""
    if before and to and kind != Kind.UNDONE and not leads(before, to):
        raise MoveRefused(f"nothing leads from {before} to {to}")
    incident.state = to or incident.state
    if incident.state not in WAITING:
        incident.pending_until, incident.pending_reason = None, ""
    return Transition(
        incident=incident, kind=kind, at=at, recorded_at=now, by_id=by, note=note, from_state=before,
        to_state=incident.state, public=public, detail={**_moment(incident, kind), **(detail or {})},
    )  # fmt: skip


def _moment(incident: Incident, kind: Kind) -> dict[str, object]:
    found: dict[str, object] = {}
    if incident.pending_until:
        found["until"] = incident.pending_until.isoformat()
    if kind == Kind.QUEUED or (kind == Kind.OPENED and incident.queue):
        found["queue"] = incident.queue
    return found

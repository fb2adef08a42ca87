"""Taking the last act back: for some minutes, by whoever did it, and only where nothing came after it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from collector.core.models import User
from collector.incidents import life
from collector.incidents.acting import KEPT, ActionRefused, acting, no_twin
from collector.incidents.models import OPEN, Incident, Kind, Transition
from collector.incidents.steps import step

MAY_BE_UNDONE = timedelta(minutes=10)
UNDOABLE = (
    Kind.ACKNOWLEDGED, Kind.ASSIGNED, Kind.STARTED, Kind.PENDING, Kind.VISIT, Kind.RETURNED, Kind.RESOLVED,
    Kind.REOPENED, Kind.CANCELLED, Kind.MERGED, Kind.PRIORITISED, Kind.MAJOR,
)  # fmt: skip
_BESIDE = (Kind.NOTED, Kind.ATTACHED, Kind.WORKED, Kind.REPEATED, Kind.CHECKED, Kind.WARNED)
"""Steps that stay true whatever was done before them."""
_MOMENTS = ("acknowledged_at", "pending_until", "resolved_at", "cleared_at", "resolve_due_at", "major_since")


def undoable(incident: Incident, by: User, now: datetime) -> Transition | None:
    """The step that this person may take back now."""
    last = incident.transitions.exclude(kind__in=_BESIDE).order_by("-id").first()
    if last is None or last.by_id != by.pk or last.kind not in UNDOABLE or now - last.at > MAY_BE_UNDONE:
        return None
    if last.kind == Kind.MERGED and last.to_state != life.State.MERGED:
        return None  # the one that the other was merged into
    return last


def undo(incident: int, by: User) -> Incident:
    """As if it had not been done: the clocks ran on."""
    with acting(incident, by) as act:
        found = act.incident
        last = undoable(found, by, act.now)
        if last is None:
            raise ActionRefused("there is nothing that you could take back any more", code="incident.undo")
        to = found.state if last.from_state == found.state else life.undo(found.state, last.from_state)
        if to in OPEN and found.state not in OPEN:
            no_twin(found)
        _restore(found, last.detail.get("before"))
        if last.kind == Kind.MAJOR:
            found.major_steps.filter(done_at=None).delete()
        act.did(Kind.UNDONE, to=to, detail={"undoes": last.pk, "kind": last.kind, **_wait_of(found)})
        _unlink(last, act.now)
        return found


def _restore(incident: Incident, before: object) -> None:
    if not isinstance(before, Mapping):
        return
    for name, was in before.items():
        if name in KEPT:
            value = datetime.fromisoformat(str(was)) if name in _MOMENTS and was else was
            setattr(incident, name, value)


def _wait_of(incident: Incident) -> dict[str, object]:
    return {"until": incident.pending_until.isoformat()} if incident.pending_until else {}


def _unlink(last: Transition, now: datetime) -> None:
    """A merge is told on both sides; so is its end."""
    if last.kind != Kind.MERGED:
        return
    other = Transition.objects.filter(incident=last.detail["into"], kind=Kind.MERGED)
    for row in other.filter(detail__from=last.incident_id).order_by("-id")[:1]:
        incident = Incident.objects.get(pk=row.incident_id)
        step(incident, Kind.UNDONE, now, now, by=last.by_id, detail={"undoes": row.pk, "kind": row.kind})

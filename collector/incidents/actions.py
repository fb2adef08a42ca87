"""What people do to incidents. Each is one transaction and one transition row; who may do it is checked
here."""

from django.db import transaction

from collector.core import clock
from collector.core.models import User
from collector.incidents.apply import step
from collector.incidents.models import OPEN, Incident, Kind, State
from protocols.errors import PlombaError

NOTE_MAX = 4000


class ActionRefused(PlombaError):
    """`incident.not_allowed`: the person's role; `incident.state`: not in this state; `incident.unknown`: no
    such incident; `incident.note_missing`, `incident.note_too_long`."""

    code = "incident.refused"


def acknowledge(incident: int, by: User) -> Incident:
    """I have seen it and take it: new becomes assigned to whoever acknowledges, once."""
    with transaction.atomic():
        found = _take(incident, by, OPEN)
        if found.acknowledged_at is not None:
            return found
        found.acknowledged_at = clock.now()
        found.assignee = found.assignee or by
        to = State.ASSIGNED if found.state == State.NEW else found.state
        _step(found, Kind.ACKNOWLEDGED, by, to=to)
        return found


def assign(incident: int, by: User, to: User) -> Incident:
    if not to.may_work or not to.is_active:
        raise ActionRefused(f"{to.username} may not work on incidents", code="incident.not_allowed")
    with transaction.atomic():
        found = _take(incident, by, OPEN)
        found.assignee = to
        state = State.ASSIGNED if found.state == State.NEW else found.state
        _step(found, Kind.ASSIGNED, by, to=state, note=to.username)
        return found


def resolve(incident: int, by: User, note: str) -> Incident:
    """Done, with a note that says how."""
    said = _said(note)
    with transaction.atomic():
        found = _take(incident, by, OPEN)
        found.resolved_at, found.resolve_due_at = clock.now(), None
        found.resolution = said[:400]
        _step(found, Kind.RESOLVED, by, to=State.RESOLVED, note=said)
        return found


def note(incident: int, by: User, text: str) -> Incident:
    said = _said(text)
    with transaction.atomic():
        found = _take(incident, by, tuple(State))
        _step(found, Kind.NOTED, by, note=said)
        return found


def reopen(incident: int, by: User, text: str) -> Incident:
    """It was not done after all. Refused where the same fault already has a newer open incident."""
    said = _said(text)
    with transaction.atomic():
        found = _take(incident, by, (State.RESOLVED,))
        twin = Incident.objects.filter(
            terminal=found.terminal,
            subject_kind=found.subject_kind,
            subject_id=found.subject_id,
            code=found.code,
            state__in=OPEN,
        )
        if twin.exists():
            raise ActionRefused("the same fault has a newer open incident", code="incident.state")
        found.resolved_at = found.cleared_at = found.resolve_due_at = None
        found.resolution = ""
        _step(found, Kind.REOPENED, by, to=State.ASSIGNED if found.assignee else State.NEW, note=said)
        return found


def _take(incident: int, by: User, states: tuple[State, ...]) -> Incident:
    if not by.may_work:
        raise ActionRefused("only technicians and managers may change incidents", code="incident.not_allowed")
    found = Incident.objects.select_for_update(of=("self",)).filter(pk=incident).first()
    if found is None:
        raise ActionRefused("there is no such incident", code="incident.unknown")
    if found.state not in states:
        raise ActionRefused(f"the incident is {found.get_state_display().lower()}", code="incident.state")
    return found


def _said(text: str) -> str:
    said = text.strip()
    if not said:
        raise ActionRefused("write in a few words what was done", code="incident.note_missing")
    if len(said) > NOTE_MAX:
        raise ActionRefused(f"the note is longer than {NOTE_MAX} characters", code="incident.note_too_long")
    return said


def _step(incident: Incident, kind: Kind, by: User, *, to: str | None = None, note: str = "") -> None:
    now = clock.now()
    step(incident, kind, now, now, to=to, by=by.pk, note=note)

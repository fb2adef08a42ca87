"""Incidents: the queue with filters, one with every transition, and what a person does to it."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema

from collector.incidents.models import Incident, Transition
from collector.web.access import user_of
from collector.web.acts import Told, act
from collector.web.api import door
from collector.web.api.paging import Slice, cut
from collector.web.reading.incidents import IncidentFilter, incident_with_history, incidents
from protocols.status.faults import FAULTS

router = Router(tags=["incidents"], auth=door.anyone)
Note = Annotated[str, Field(min_length=1, max_length=2000)]
Shown = Literal["open", "new", "working", "done", "all"]


class TitleOut(Schema):
    lv: str
    en: str
    ru: str


class IncidentOut(Schema):
    id: int
    code: str
    title: TitleOut
    severity: str
    state: str
    open: bool
    terminal: str | None
    terminal_name: str
    site: int | None
    site_name: str
    customer: int | None
    customer_name: str
    area: str
    device: int | None
    cause: int | None
    suppressed: str
    suppressed_since: datetime | None
    subject_kind: str
    subject_id: str
    source: str
    rule: str
    reason: str
    count: int
    since: datetime
    opened_at: datetime
    last_seen_at: datetime
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    assignee: int | None
    assignee_name: str
    resolution: str


class TransitionOut(Schema):
    id: int
    kind: str
    at: datetime
    recorded_at: datetime
    by: int | None
    by_name: str
    from_state: str
    to_state: str
    note: str
    detail: dict[str, object]


class IncidentDetailOut(IncidentOut):
    transitions: list[TransitionOut]


class IncidentsOut(Schema):
    count: int
    items: list[IncidentOut]


class IncidentQuery(Slice):
    """`open` is short for show=open (true) and show=done (false)."""

    open: bool | None = None
    show: Shown = "all"
    severity: Literal["", "critical", "error", "warning", "info"] = ""
    code: str = ""
    q: str = ""
    sort: Literal["severity", "newest", "oldest", "seen"] = "newest"
    customer: int | None = None
    site: int | None = None
    terminal: str = ""
    mine: bool = False


class Assign(Schema):
    assignee: int


class Remark(Schema):
    note: Note


def title_of(code: str) -> TitleOut:
    fault = FAULTS.get(code)
    return TitleOut(lv=fault.lv, en=fault.en, ru=fault.ru) if fault else TitleOut(lv=code, en=code, ru=code)


def incident_out(incident: Incident) -> IncidentOut:
    return IncidentOut.model_validate(_fields(incident))


def _fields(incident: Incident) -> dict[str, object]:
    site = incident.site
    plain = (
        "id code severity state subject_kind subject_id source rule reason count since opened_at last_seen_at"
        " cleared_at acknowledged_at resolved_at resolution area suppressed_since"
    )
    return {
        **{name: getattr(incident, name) for name in plain.split()},
        "title": title_of(incident.code),
        "open": incident.is_open,
        "terminal": incident.terminal_id,
        "terminal_name": incident.terminal.name if incident.terminal else "",
        "site": incident.site_id,
        "site_name": site.name if site else "",
        "customer": site.customer_id if site else None,
        "customer_name": site.customer.name if site else "",
        "cause": incident.cause_id,
        "suppressed": incident.suppressed_why,
        "device": incident.device_id,
        "assignee": incident.assignee_id,
        "assignee_name": incident.assignee.get_username() if incident.assignee else "",
    }


def transition_out(step: Transition) -> TransitionOut:
    plain = ("id", "kind", "at", "recorded_at", "from_state", "to_state", "note", "detail")
    who = {"by": step.by_id, "by_name": step.by.get_username() if step.by else ""}
    return TransitionOut.model_validate({**{name: getattr(step, name) for name in plain}, **who})


def _detail(pk: int) -> IncidentDetailOut:
    incident = incident_with_history(pk).first()
    if incident is None:
        raise Http404
    steps = [transition_out(step) for step in incident.transitions.all()]
    return IncidentDetailOut.model_validate({**_fields(incident), "transitions": steps})


@router.get("", response=IncidentsOut)
def list_incidents(request: HttpRequest, query: Query[IncidentQuery]) -> IncidentsOut:
    show = query.show if query.open is None else "open" if query.open else "done"
    wanted = IncidentFilter(
        show=show,
        severity=query.severity,
        code=query.code,
        search=query.q,
        sort=query.sort,
        customer=query.customer,
        site=query.site,
        terminal=query.terminal,
        mine=query.mine,
        me=user_of(request).pk,
    )
    count, rows = cut(incidents(wanted), query)
    return IncidentsOut(count=count, items=[incident_out(row) for row in rows])


@router.get("/{int:pk}", response=IncidentDetailOut)
def one_incident(request: HttpRequest, pk: int) -> IncidentDetailOut:
    return _detail(pk)


@router.post("/{int:pk}/acknowledge", auth=door.worker, response=IncidentDetailOut)
def acknowledge(request: HttpRequest, pk: int) -> IncidentDetailOut:
    act(user_of(request), pk, "acknowledge")
    return _detail(pk)


@router.post("/{int:pk}/assign", auth=door.worker, response=IncidentDetailOut)
def assign(request: HttpRequest, pk: int, body: Assign) -> IncidentDetailOut:
    """To a person who may work: a technician or a manager."""
    act(user_of(request), pk, "assign", Told(number=body.assignee))
    return _detail(pk)


@router.post("/{int:pk}/note", auth=door.worker, response=IncidentDetailOut)
def add_note(request: HttpRequest, pk: int, body: Remark) -> IncidentDetailOut:
    act(user_of(request), pk, "note", Told(note=body.note))
    return _detail(pk)


@router.post("/{int:pk}/resolve", auth=door.worker, response=IncidentDetailOut)
def resolve(request: HttpRequest, pk: int, body: Remark) -> IncidentDetailOut:
    """With a note that says how. A fault that is still there opens a new incident when it is told again."""
    act(user_of(request), pk, "resolve", Told(note=body.note))
    return _detail(pk)


@router.post("/{int:pk}/reopen", auth=door.worker, response=IncidentDetailOut)
def reopen(request: HttpRequest, pk: int, body: Remark) -> IncidentDetailOut:
    """It was not done after all; refused where the same fault already has a newer open incident."""
    act(user_of(request), pk, "reopen", Told(note=body.note))
    return _detail(pk)

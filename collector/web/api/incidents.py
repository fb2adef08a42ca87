"""Incidents: the queue with filters, one with every transition, and what a person does to it."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema, Status

from collector.incidents import opening
from collector.incidents.models import Incident, Source, Transition
from collector.web.access import user_of
from collector.web.acts import Told, act
from collector.web.api import door
from collector.web.api.paging import Slice, cut
from collector.web.reading.incidents import IncidentFilter, incident_with_history, incidents
from protocols.status.faults import FAULTS

router = Router(tags=["incidents"], auth=door.anyone)
Note = Annotated[str, Field(min_length=1, max_length=2000)]
Shown = Literal["open", "new", "working", "waiting", "done", "all"]


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
    resolution_code: str
    name: str
    priority: int | None
    queue: str
    due_at: datetime | None
    pending_until: datetime | None
    pending_reason: str
    merged_into: int | None
    major_since: datetime | None
    reopen_count: int


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
    public: bool
    detail: dict[str, object]


class IncidentDetailOut(IncidentOut):
    transitions: list[TransitionOut]


class IncidentsOut(Schema):
    count: int
    items: list[IncidentOut]


class IncidentQuery(Slice):
    """`open` is short for show=open (true) and show=done (false). `silent`: also effects of others."""

    open: bool | None = None
    show: Shown = "all"
    severity: Literal["", "critical", "error", "warning", "info"] = ""
    code: str = ""
    q: str = ""
    sort: Literal["left", "severity", "newest", "oldest", "seen"] = "newest"
    customer: int | None = None
    site: int | None = None
    terminal: str = ""
    priority: Annotated[int, Field(ge=1, le=4)] | None = None
    queue: str = ""
    late: bool = False
    silent: bool = True
    mine: bool = False


class Assign(Schema):
    assignee: int


class Remark(Schema):
    note: Note


class Resolution(Remark):
    """`code`: of the resolution codes; `public`: the customer reads the note."""

    code: str = ""
    public: bool = False


class ReportIn(Schema):
    """`terminal` or `site` says where."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(max_length=4000)] = ""
    terminal: str = ""
    site: int | None = None
    code: str = ""
    source: Literal["phone", "person", "mail"] = "phone"
    impact: Annotated[int, Field(ge=1, le=3)] = 2
    urgency: Annotated[int, Field(ge=1, le=4)] = 2


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
        " resolution_code priority queue due_at pending_until pending_reason major_since reopen_count"
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
        "name": incident.title,
        "merged_into": incident.merged_into_id,
        "suppressed": incident.suppressed_why,
        "device": incident.device_id,
        "assignee": incident.assignee_id,
        "assignee_name": incident.assignee.get_username() if incident.assignee else "",
    }


def transition_out(step: Transition) -> TransitionOut:
    plain = ("id", "kind", "at", "recorded_at", "from_state", "to_state", "note", "public", "detail")
    who = {"by": step.by_id, "by_name": step.by.get_username() if step.by else ""}
    return TransitionOut.model_validate({**{name: getattr(step, name) for name in plain}, **who})


def detail(pk: int) -> IncidentDetailOut:
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
        priority=query.priority,
        queue=query.queue,
        late=query.late,
        silent=query.silent,
        mine=query.mine,
        me=user_of(request).pk,
    )
    count, rows = cut(incidents(wanted), query)
    return IncidentsOut(count=count, items=[incident_out(row) for row in rows])


@router.post("", auth=door.worker, response={201: IncidentDetailOut})
def report_incident(request: HttpRequest, body: ReportIn) -> Status[IncidentDetailOut]:
    told = opening.Report(**{**body.model_dump(), "source": Source(body.source)})
    return Status(201, detail(opening.report(told, user_of(request)).pk))


@router.get("/{int:pk}", response=IncidentDetailOut)
def one_incident(request: HttpRequest, pk: int) -> IncidentDetailOut:
    return detail(pk)


@router.post("/{int:pk}/acknowledge", auth=door.worker, response=IncidentDetailOut)
def acknowledge(request: HttpRequest, pk: int) -> IncidentDetailOut:
    act(user_of(request), pk, "acknowledge")
    return detail(pk)


@router.post("/{int:pk}/assign", auth=door.worker, response=IncidentDetailOut)
def assign(request: HttpRequest, pk: int, body: Assign) -> IncidentDetailOut:
    """To a person who may work: a technician or a manager."""
    act(user_of(request), pk, "assign", Told(number=body.assignee))
    return detail(pk)


@router.post("/{int:pk}/note", auth=door.worker, response=IncidentDetailOut)
def add_note(request: HttpRequest, pk: int, body: Remark) -> IncidentDetailOut:
    act(user_of(request), pk, "note", Told(note=body.note))
    return detail(pk)


@router.post("/{int:pk}/resolve", auth=door.worker, response=IncidentDetailOut)
def resolve(request: HttpRequest, pk: int, body: Resolution) -> IncidentDetailOut:
    """With a note that says how. A fault that is still there opens a new incident when it is told again."""
    act(user_of(request), pk, "resolve", Told(note=body.note, code=body.code, public=body.public))
    return detail(pk)


@router.post("/{int:pk}/reopen", auth=door.worker, response=IncidentDetailOut)
def reopen(request: HttpRequest, pk: int, body: Remark) -> IncidentDetailOut:
    """It was not done after all; refused where the same fault already has a newer open incident."""
    act(user_of(request), pk, "reopen", Told(note=body.note))
    return detail(pk)

"""Acts on incidents, their clocks, files, time and parts; and incidents that a person opens."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from django.http import Http404, HttpRequest, HttpResponseBase
from ninja import Field, File, Router, Schema, Status, UploadedFile

from collector.core import clock
from collector.incidents import clocks
from collector.incidents.desk_models import Attachment, PartUsed, TimeSpent
from collector.incidents.sla import Clock
from collector.incidents.work import Part
from collector.web.access import user_of
from collector.web.acts import Told, act
from collector.web.api import door
from collector.web.api.incidents import IncidentDetailOut, detail
from collector.web.reading.incidents import incident_with_history
from collector.web.views import incidents as pages

router = Router(tags=["incidents"], auth=door.anyone)
Words = Annotated[str, Field(max_length=4000)]
Level = Annotated[int, Field(ge=1, le=4)]
Act = Literal[
    "start", "wait", "visit", "wake", "return", "answer", "close", "cancel", "merge", "undo", "prioritise", "judge",
    "major", "check", "time", "part", "strike",
]  # fmt: skip


class PartIn(Schema):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1
    serial_out: Annotated[str, Field(max_length=100)] = ""
    serial_in: Annotated[str, Field(max_length=100)] = ""
    billable: bool = False


class ActIn(Schema):
    """What the act needs. `note`: start, wake, visit may do without; wait, return, answer, cancel and major need it.
    `wait`, `until`: wait; `until`: visit. `number`: the incident to merge into, the step to check, the entry to strike.
    `impact`, `urgency`: prioritise. `minutes`, `billable`: time. `part`: part. `sort`, `back`: strike."""

    note: Words = ""
    wait: Literal["", "pending_customer", "pending_supplier", "pending_legal"] = ""
    until: datetime | None = None
    number: int | None = None
    impact: Annotated[int, Field(ge=1, le=3)] | None = None
    urgency: Level | None = None
    minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    billable: bool = False
    part: PartIn | None = None
    sort: Literal["", "file", "time", "part"] = ""
    back: bool = False


class MarkOut(Schema):
    percent: int
    at: datetime | None


class ClockOut(Schema):
    """Seconds of working time; `left_s` is negative where it is late."""

    metric: str
    standing: str
    target_s: float
    spent_s: float
    left_s: float
    supplier_s: float
    percent: int
    late: bool
    working: bool
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    stopped_by: str
    due_at: datetime | None
    resumes_at: datetime | None
    marks: list[MarkOut]


class EntryOut(Schema):
    """A file, time or a part. `struck`: it was entered wrongly and does not count."""

    id: int
    at: datetime
    by: str
    struck: bool
    billable: bool = False
    public: bool = False
    name: str = ""
    note: str = ""
    media_type: str = ""
    size_bytes: int = 0
    minutes: int = 0
    quantity: int = 0
    serial_out: str = ""
    serial_in: str = ""


class StepOut(Schema):
    id: int
    item: str
    due_at: datetime | None
    done_at: datetime | None
    note: str


class DeskOut(Schema):
    """`contracts`: numbers of the versions that count."""

    priority: int | None
    impact: int | None
    urgency: int | None
    contracts: list[int]
    clocks: list[ClockOut]
    files: list[EntryOut]
    time: list[EntryOut]
    parts: list[EntryOut]
    major_since: datetime | None
    checklist: list[StepOut]


@router.get("/{int:pk}/desk", response=DeskOut)
def desk(request: HttpRequest, pk: int) -> DeskOut:
    """Clocks as they are now, and what was done and used."""
    found = incident_with_history(pk).first()
    if found is None:
        raise Http404
    now = clocks.of(found, clock.now())
    return DeskOut(
        priority=found.priority,
        impact=found.impact,
        urgency=found.urgency,
        contracts=[one.pk for one in clocks.agreed_of(found)],
        clocks=[_clock(one) for one in (now.reaction, now.solution, now.queue) if one],
        files=[_entry(one) for one in found.attachment_rows.select_related("by")],
        time=[_entry(one) for one in found.timespent_rows.select_related("by")],
        parts=[_entry(one) for one in found.partused_rows.select_related("by")],
        major_since=found.major_since,
        checklist=[StepOut.model_validate(one) for one in found.major_steps.all()],
    )


@router.post("/{int:pk}/do/{name}", auth=door.worker, response=IncidentDetailOut)
def do(request: HttpRequest, pk: int, name: Act, body: ActIn) -> IncidentDetailOut:
    """One act. What the state of the incident does not allow is refused with `incident.state`."""
    told = Told(
        note=body.note,
        number=body.number,
        wait=body.wait,
        until=body.until,
        impact=body.impact or 0,
        urgency=body.urgency or 0,
        minutes=body.minutes or 0,
        billable=body.billable,
        sort=body.sort,
        back=body.back,
        part=Part(**body.part.model_dump()) if body.part else None,
    )
    act(user_of(request), pk, name, told)
    return detail(pk)


@router.post("/{int:pk}/files", auth=door.worker, response={201: DeskOut})
def attach(request: HttpRequest, pk: int, file: File[UploadedFile], public: bool = False) -> Status[DeskOut]:
    """One file of 10 MB at most, as multipart/form-data."""
    act(user_of(request), pk, "attach", Told(files=(file,), public=public))
    return Status(201, desk(request, pk))


@router.get("/{int:pk}/files/{int:number}")
def read_file(request: HttpRequest, pk: int, number: int) -> HttpResponseBase:
    return pages.file(request, pk, number)


def _clock(one: Clock) -> ClockOut:
    return ClockOut(
        metric=one.metric.value,
        standing=one.standing.value,
        target_s=one.target.total_seconds(),
        spent_s=one.spent.total_seconds(),
        left_s=one.left.total_seconds(),
        supplier_s=one.supplier / timedelta(seconds=1),
        percent=one.percent,
        late=one.late,
        working=one.working,
        started_at=one.started_at,
        started_by=one.started_by.value,
        stopped_at=one.stopped_at,
        stopped_by=one.stopped_by.value,
        due_at=one.due_at,
        resumes_at=one.resumes_at,
        marks=[MarkOut(percent=mark.percent, at=mark.at) for mark in one.marks],
    )


def _entry(row: Attachment | TimeSpent | PartUsed) -> EntryOut:
    names = ("billable", "public", "name", "note", "media_type", "size_bytes", "minutes", "quantity")
    more = {name: getattr(row, name) for name in (*names, "serial_out", "serial_in") if hasattr(row, name)}
    by = row.by.get_username() if row.by else ""
    return EntryOut(id=row.pk, at=row.at, by=by, struck=row.removed_at is not None, **more)

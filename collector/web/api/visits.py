"""Visits: the plan, the steps, and the proof."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, File, Form, Query, Router, Schema, Status, UploadedFile

from collector.core import clock
from collector.incidents.models import Incident
from collector.inventory.models import Site, Terminal
from collector.service import people, visits
from collector.service.models import Visit
from collector.service.visits import Part, Plan, Proof
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut

router = Router(tags=["visits"], auth=door.anyone)


class PartIn(Schema):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    number: Annotated[str, Field(max_length=100)] = ""
    serial: Annotated[str, Field(max_length=100)] = ""
    quantity: Annotated[int, Field(ge=1, le=999)] = 1


class FileOut(Schema):
    id: int
    kind: str
    media_type: str
    size_bytes: int
    digest: str
    at: datetime


class VisitOut(Schema):
    id: int
    state: str
    site: int
    terminal: str | None
    incident: int | None
    change: int | None
    technician: int | None
    purpose: str
    starts_at: datetime
    ends_at: datetime
    fixed: bool
    arrived_at: datetime | None
    ended_at: datetime | None
    note: str
    minutes: int | None
    travel_minutes: int | None
    signed_by: str


class VisitDetailOut(VisitOut):
    parts: list[PartIn]
    files: list[FileOut]


class VisitsOut(Schema):
    count: int
    items: list[VisitOut]


class VisitQuery(Slice):
    technician: int | None = None
    site: int | None = None
    incident: int | None = None
    state: Literal["", "planned", "confirmed", "on_way", "on_site", "done", "failed", "cancelled"] = ""


class PlanIn(Schema):
    site: int
    purpose: Annotated[str, Field(min_length=1, max_length=400)]
    starts_at: datetime
    ends_at: datetime
    technician: int | None = None
    terminal: str | None = None
    incident: int | None = None
    fixed: bool = False


class ActIn(Schema):
    note: Annotated[str, Field(max_length=2000)] = ""


class MoveIn(Schema):
    starts_at: datetime
    ends_at: datetime
    technician: int | None = None


class ProofIn(Schema):
    note: Annotated[str, Field(max_length=4000)]
    minutes: Annotated[int, Field(ge=0, le=1440)]
    travel_minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    signed_by: Annotated[str, Field(max_length=200)] = ""
    parts: Annotated[list[PartIn], Field(max_length=50)] = []


@router.get("", response=VisitsOut)
def list_visits(request: HttpRequest, query: Query[VisitQuery]) -> VisitsOut:
    wanted = {name: getattr(query, name) for name in ("technician", "site", "incident", "state")}
    rows = Visit.objects.filter(**{name: value for name, value in wanted.items() if value})
    count, found = cut(rows.order_by("-starts_at", "-id"), query)
    return VisitsOut(count=count, items=[VisitOut.model_validate(_fields(row)) for row in found])


@router.post("", auth=door.worker, response={201: VisitDetailOut})
def plan(request: HttpRequest, body: PlanIn) -> Status[VisitDetailOut]:
    row = visits.plan(
        Plan(
            site=get_object_or_404(Site, pk=body.site),
            purpose=body.purpose,
            starts_at=body.starts_at,
            ends_at=body.ends_at,
            technician=get_object_or_404(people.workers(), pk=body.technician) if body.technician else None,
            terminal=get_object_or_404(Terminal, pk=body.terminal) if body.terminal else None,
            incident=get_object_or_404(Incident, pk=body.incident) if body.incident else None,
            fixed=body.fixed,
        ),
        user_of(request),
        clock.now(),
    )
    return Status(201, _detail(row.pk))


@router.get("/{int:pk}", response=VisitDetailOut)
def one_visit(request: HttpRequest, pk: int) -> VisitDetailOut:
    return _detail(pk)


@router.post("/{int:pk}/move", auth=door.worker, response=VisitDetailOut)
def move(request: HttpRequest, pk: int, body: MoveIn) -> VisitDetailOut:
    _there(pk)
    technician = get_object_or_404(people.workers(), pk=body.technician) if body.technician else None
    visits.move(pk, body.starts_at, body.ends_at, user_of(request), clock.now(), technician=technician)
    return _detail(pk)


@router.post("/{int:pk}/finish", auth=door.worker, response=VisitDetailOut)
def finish(request: HttpRequest, pk: int, body: ProofIn) -> VisitDetailOut:
    """Done, with proof: a note, the time, and a photograph or signature that was handed in before."""
    _there(pk)
    parts = [Part(**one.dict()) for one in body.parts]
    visits.finish(pk, Proof(**{**body.dict(), "parts": parts}), user_of(request), clock.now())
    return _detail(pk)


@router.post("/{int:pk}/files", auth=door.worker, response={201: VisitDetailOut})
def attach(
    request: HttpRequest, pk: int, kind: Form[Literal["photo", "signature"]], file: File[UploadedFile]
) -> Status[VisitDetailOut]:
    """PNG or JPEG, 6 MB at most."""
    _there(pk)
    content = file.read(visits.FILE_MOST + 1)
    visits.attach(pk, kind, file.name or "", content, user_of(request), now=clock.now())
    return Status(201, _detail(pk))


@router.post("/{int:pk}/acts/{name}", auth=door.worker, response=VisitDetailOut)
def act(request: HttpRequest, pk: int, name: str, body: ActIn) -> VisitDetailOut:
    """confirm, leave, arrive, fail, cancel; the last two say why."""
    _there(pk)
    visits.act(pk, name, user_of(request), clock.now(), body.note)
    return _detail(pk)


def _there(pk: int) -> None:
    get_object_or_404(Visit.objects.only("pk"), pk=pk)


def _fields(row: Visit) -> dict[str, object]:
    plain = (
        "id state purpose starts_at ends_at fixed arrived_at ended_at note minutes travel_minutes signed_by"
    )
    links = {
        name: getattr(row, f"{name}_id") for name in ("site", "terminal", "incident", "change", "technician")
    }
    return {**{name: getattr(row, name) for name in plain.split()}, **links}


def _detail(pk: int) -> VisitDetailOut:
    row = get_object_or_404(Visit.objects.prefetch_related("parts"), pk=pk)
    parts = [
        {"name": one.name, "number": one.number, "serial": one.serial, "quantity": one.quantity}
        for one in row.parts.all()
    ]
    names = ("id", "kind", "media_type", "size_bytes", "digest", "at")
    files = [{name: getattr(one, name) for name in names} for one in row.files.defer("content")]
    return VisitDetailOut.model_validate({**_fields(row), "parts": parts, "files": files})

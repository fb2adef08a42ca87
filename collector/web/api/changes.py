"""Changes with what stands in their way, the certified versions, freezes, and problems."""

from datetime import date, datetime
from typing import Annotated, Literal

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from collector.core import clock
from collector.inventory.models import Customer, Site, Terminal
from collector.service import changes, people, problems
from collector.service.changes import New, Said
from collector.service.flow import Kind
from collector.service.models import Candidate, CertifiedVersion, Change, Freeze, Problem
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut
from collector.web.api.problem import problem
from collector.web.reading import changes as reading
from collector.web.reading.evidence import proofs

router = Router(tags=["changes"], auth=door.anyone)
Long = Annotated[str, Field(max_length=4000)]
Short = Annotated[str, Field(max_length=400)]


class MissingOut(Schema):
    """`code` is stable; `detail` names a till, a version or a time."""

    code: str
    detail: str


class NextOut(Schema):
    """A step that the table of states allows, and everything that is still missing for it."""

    name: str
    missing: list[MissingOut]


class TaskOut(Schema):
    id: int
    kind: str
    terminal: str | None
    due_at: datetime
    legal_basis: str
    done_at: datetime | None
    note: str


class ChangeOut(Schema):
    id: int
    kind: str
    category: str
    state: str
    title: str
    reason: str
    product: str
    modification: str
    version: str
    touches_programme: bool
    outage: bool
    starts_at: datetime | None
    ends_at: datetime | None
    risk: str
    risk_score: int | None
    requester: int
    assignee: int | None
    failed: bool | None


class ChangeDetailOut(ChangeOut):
    terminals: list[str]
    back_out: str
    test_plan: str
    review: str
    next: list[NextOut]
    tasks: list[TaskOut]


class ChangesOut(Schema):
    count: int
    items: list[ChangeOut]


class ChangeQuery(Slice):
    show: Literal["open", "approval", "soon", "tasks", "over", "all"] = "all"
    q: Annotated[str, Field(max_length=80)] = ""


class ChangeIn(Schema):
    kind: Literal["standard", "normal", "emergency"] = "normal"
    category: Annotated[str, Field(max_length=40)]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Long = ""
    terminals: Annotated[list[str], Field(max_length=2000)]
    product: Annotated[str, Field(max_length=100)] = ""
    modification: Annotated[str, Field(max_length=40)] = ""
    version: Annotated[str, Field(max_length=80)] = ""
    outage: bool | None = None


class StepIn(Schema):
    """What goes with a step; fields that are left out stay as they are."""

    note: Short = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    assignee: int | None = None
    back_out: Long | None = None
    test_plan: Long | None = None
    opening_reason: Short | None = None
    waiver: Short | None = None
    review: Long | None = None


class NoteIn(Schema):
    note: Annotated[str, Field(min_length=1, max_length=400)]


class CertifiedOut(Schema):
    id: int
    product: str
    modification: str
    version: str
    certificate: str
    file: str
    file_version: str
    sha256: str
    registered_on: date | None
    replace_by: date | None
    withdrawn_on: date | None
    legal_basis: str
    verified_on: date | None


class CertifiedIn(Schema):
    product: Annotated[str, Field(min_length=1, max_length=100)]
    version: Annotated[str, Field(min_length=1, max_length=80)]
    modification: Annotated[str, Field(max_length=40)] = ""
    certificate: Annotated[str, Field(max_length=100)] = ""
    body: Annotated[str, Field(max_length=200)] = ""
    file: Annotated[str, Field(max_length=200)] = ""
    file_version: Annotated[str, Field(max_length=80)] = ""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    registered_on: date | None = None
    replace_by: date | None = None
    legal_basis: Short = ""
    verified_on: date | None = None


class FreezeOut(Schema):
    id: int
    name: str
    starts_at: datetime
    ends_at: datetime
    customer: int | None
    site: int | None


class FreezeIn(Schema):
    """Of one customer or site, or of everybody."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    starts_at: datetime
    ends_at: datetime
    customer: int | None = None
    site: int | None = None


class ProblemIn(Schema):
    title: Annotated[str, Field(min_length=1, max_length=200)]
    code: Annotated[str, Field(max_length=80)] = ""
    model: Annotated[str, Field(max_length=200)] = ""
    firmware: Annotated[str, Field(max_length=200)] = ""


class ProblemChange(Schema):
    """Fields that are left out stay as they are. `known`: it is a known error, or none any more."""

    symptom: Annotated[str, Field(max_length=8000)] | None = None
    root_cause: Annotated[str, Field(max_length=8000)] | None = None
    workaround: Annotated[str, Field(max_length=8000)] | None = None
    solution: Annotated[str, Field(max_length=8000)] | None = None
    known: bool | None = None


class CandidateOut(Schema):
    id: int
    state: str
    code: str
    model: str
    firmware: str
    count: int
    devices: int
    sites: int
    first_at: datetime
    last_at: datetime
    incidents: list[int]


class ProblemOut(Schema):
    id: int
    state: str
    title: str
    code: str
    model: str
    firmware: str
    root_cause: str
    workaround: str
    solution: str
    known_error_since: datetime | None
    assignee: int | None
    incidents: list[int]


class ProblemsOut(Schema):
    count: int
    items: list[ProblemOut]


class ProblemQuery(Slice):
    known: bool | None = None
    code: str = ""


@router.get("/changes", response=ChangesOut)
def list_changes(request: HttpRequest, query: Query[ChangeQuery]) -> ChangesOut:
    count, rows = cut(reading.wanted(query.show, query.q), query)
    return ChangesOut(count=count, items=[ChangeOut.model_validate(_fields(row)) for row in rows])


@router.post("/changes", auth=door.worker, response={201: ChangeDetailOut})
def ask(request: HttpRequest, body: ChangeIn) -> Status[ChangeDetailOut]:
    tills = list(Terminal.objects.filter(pk__in=body.terminals, retired_at=None))
    told = {**body.dict(exclude={"terminals"}), "kind": Kind(body.kind), "terminals": tills}
    return Status(201, _detail(changes.ask(New(**told), user_of(request), clock.now()).pk))


@router.get("/changes/{int:pk}", response=ChangeDetailOut)
def one_change(request: HttpRequest, pk: int) -> ChangeDetailOut:
    return _detail(pk)


@router.post("/changes/{int:pk}/steps/{name}", auth=door.worker, response=ChangeDetailOut)
def step(request: HttpRequest, pk: int, name: str, body: StepIn) -> ChangeDetailOut:
    """validate, reject, assign, plan, approve, refuse, implement, back_out, monitor, close, cancel, reopen. Refused
    (409) with the first of what is missing; all of it is in `next`."""
    get_object_or_404(Change.objects.only("pk"), pk=pk)
    assignee = get_object_or_404(people.workers(), pk=body.assignee) if body.assignee else None
    said = Said(**{**body.dict(), "assignee": assignee})
    changes.act(pk, name, user_of(request), clock.now(), proofs, said=said)
    return _detail(pk)


@router.post("/changes/{int:pk}/tasks/{int:number}/done", auth=door.worker, response=ChangeDetailOut)
def task_done(request: HttpRequest, pk: int, number: int, body: NoteIn) -> ChangeDetailOut:
    row = get_object_or_404(Change.objects.only("pk"), pk=pk)
    get_object_or_404(row.tasks.all(), pk=number)
    changes.done(number, user_of(request), clock.now(), body.note)
    return _detail(pk)


@router.get("/certified-versions", response=list[CertifiedOut])
def certified(request: HttpRequest) -> list[CertifiedOut]:
    return [_listed(row) for row in CertifiedVersion.objects.all()]


@router.post("/certified-versions", auth=door.manager, response={201: CertifiedOut})
def certify(request: HttpRequest, body: CertifiedIn) -> Status[CertifiedOut] | HttpResponse:
    try:
        with transaction.atomic():
            row = CertifiedVersion.objects.create(**body.dict(), by=user_of(request), at=clock.now())
    except IntegrityError:
        return problem(409, "certified.listed", "This version is on the list already")
    return Status(201, _listed(row))


@router.post("/certified-versions/{int:pk}/withdraw", auth=door.manager, response=CertifiedOut)
def withdraw(request: HttpRequest, pk: int) -> CertifiedOut:
    """From today on; asked again, it is put back."""
    row = get_object_or_404(CertifiedVersion, pk=pk)
    row.withdrawn_on = None if row.withdrawn_on else clock.now().date()
    row.save(update_fields=["withdrawn_on"])
    return _listed(row)


@router.get("/freezes", response=list[FreezeOut])
def freezes(request: HttpRequest) -> list[FreezeOut]:
    """Those that are not over."""
    return [_frozen(row) for row in Freeze.objects.filter(cancelled_at=None, ends_at__gt=clock.now())]


@router.post("/freezes", auth=door.manager, response={201: FreezeOut})
def freeze(request: HttpRequest, body: FreezeIn) -> Status[FreezeOut] | HttpResponse:
    if body.ends_at <= body.starts_at:
        return problem(422, "api.invalid", "The request is not valid", "ends_at must be after starts_at")
    where = {
        "customer": get_object_or_404(Customer, pk=body.customer) if body.customer else None,
        "site": get_object_or_404(Site, pk=body.site) if body.site else None,
    }
    told = body.dict(exclude={"customer", "site"})
    return Status(201, _frozen(Freeze.objects.create(**told, **where, by=user_of(request))))


@router.delete("/freezes/{int:pk}", auth=door.manager, response={204: None})
def lift(request: HttpRequest, pk: int) -> Status[None]:
    row = get_object_or_404(Freeze, pk=pk, cancelled_at=None)
    row.cancelled_at = clock.now()
    row.save(update_fields=["cancelled_at"])
    return Status(204, None)


@router.get("/problem-candidates", response=list[CandidateOut])
def candidates(request: HttpRequest) -> list[CandidateOut]:
    """What Plomba proposes from clusters of incidents."""
    plain = [name for name in CandidateOut.model_fields if name != "incidents"]
    rows = Candidate.objects.filter(state="proposed")
    return [
        CandidateOut.model_validate({**{n: getattr(row, n) for n in plain}, "incidents": row.incident_ids})
        for row in rows
    ]


@router.post("/problem-candidates/{int:pk}/accept", auth=door.worker, response={201: ProblemOut})
def accept(request: HttpRequest, pk: int) -> Status[ProblemOut]:
    get_object_or_404(Candidate.objects.only("pk"), pk=pk)
    return Status(201, _problem(problems.accept(pk, user_of(request), clock.now())))


@router.post("/problem-candidates/{int:pk}/dismiss", auth=door.worker, response={204: None})
def dismiss(request: HttpRequest, pk: int, body: NoteIn) -> Status[None]:
    """It comes back when it has grown by half."""
    get_object_or_404(Candidate.objects.only("pk"), pk=pk)
    problems.dismiss(pk, user_of(request), clock.now(), body.note)
    return Status(204, None)


@router.get("/problems", response=ProblemsOut)
def list_problems(request: HttpRequest, query: Query[ProblemQuery]) -> ProblemsOut:
    rows = Problem.objects.prefetch_related("incidents")
    if query.known is not None:
        rows = rows.filter(known_error_since__isnull=not query.known)
    count, found = cut(rows.filter(code=query.code) if query.code else rows, query)
    return ProblemsOut(count=count, items=[_problem(row) for row in found])


@router.post("/problems", auth=door.worker, response={201: ProblemOut})
def raise_problem(request: HttpRequest, body: ProblemIn) -> Status[ProblemOut]:
    told = body.dict(exclude={"title"})
    return Status(201, _problem(problems.raised(body.title, user_of(request), clock.now(), **told)))


@router.patch("/problems/{int:pk}", auth=door.worker, response=ProblemOut)
def write_problem(request: HttpRequest, pk: int, body: ProblemChange) -> ProblemOut:
    get_object_or_404(Problem.objects.only("pk"), pk=pk)
    by, now = user_of(request), clock.now()
    row = problems.write(pk, body.dict(exclude={"known"}, exclude_none=True), by, now)
    if body.known is not None:
        row = problems.known_error(pk, body.known, by, now)
    return _problem(row)


@router.get("/problems/{int:pk}", response=ProblemOut)
def one_problem(request: HttpRequest, pk: int) -> ProblemOut:
    return _problem(get_object_or_404(Problem, pk=pk))


@router.post("/problems/{int:pk}/steps/{name}", auth=door.worker, response=ProblemOut)
def problem_step(request: HttpRequest, pk: int, name: str, body: StepIn) -> ProblemOut:
    """assign, resolve, reopen, close."""
    get_object_or_404(Problem.objects.only("pk"), pk=pk)
    assignee = get_object_or_404(people.workers(), pk=body.assignee) if body.assignee else None
    return _problem(problems.act(pk, name, user_of(request), clock.now(), note=body.note, assignee=assignee))


def _fields(row: Change) -> dict[str, object]:
    plain = [name for name in ChangeOut.model_fields if name not in ("requester", "assignee")]
    people_ = {"requester": row.requester_id, "assignee": row.assignee_id}
    return {**{name: getattr(row, name) for name in plain}, **people_}


def _detail(pk: int) -> ChangeDetailOut:
    row = get_object_or_404(Change, pk=pk)
    steps = [
        NextOut(name=one.name, missing=[MissingOut(code=m.code, detail=m.detail) for m in one.missing])
        for one in reading.steps_of(row)
    ]
    names = ("id", "kind", "due_at", "legal_basis", "done_at", "note")
    tasks = [
        {**{name: getattr(one, name) for name in names}, "terminal": one.terminal_id}
        for one in row.tasks.all()
    ]
    more = {name: getattr(row, name) for name in ("back_out", "test_plan", "review")}
    tills = list(row.terminals.order_by("name").values_list("pk", flat=True))
    return ChangeDetailOut.model_validate(
        {**_fields(row), **more, "terminals": tills, "next": steps, "tasks": tasks}
    )


def _listed(row: CertifiedVersion) -> CertifiedOut:
    return CertifiedOut.model_validate({name: getattr(row, name) for name in CertifiedOut.model_fields})


def _frozen(row: Freeze) -> FreezeOut:
    return FreezeOut(
        id=row.pk, name=row.name, starts_at=row.starts_at, ends_at=row.ends_at, customer=row.customer_id,
        site=row.site_id,
    )  # fmt: skip


def _problem(row: Problem) -> ProblemOut:
    plain = [name for name in ProblemOut.model_fields if name not in ("assignee", "incidents")]
    told = {"assignee": row.assignee_id, "incidents": [one.pk for one in row.incidents.all()]}
    return ProblemOut.model_validate({**{name: getattr(row, name) for name in plain}, **told})

"""Queues, who is on call, and who works them."""

from datetime import datetime
from typing import Annotated

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from collector.core import clock
from collector.incidents.models import Incident
from collector.service import desk, oncall, people
from collector.service.models import Override, Queue, QueueRule, Rota, Swap
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice
from collector.web.reading import queues as reading

router = Router(tags=["service"], auth=door.anyone)
Text = Annotated[str, Field(max_length=400)]


class NameOut(Schema):
    lv: str
    en: str
    ru: str


class QueueOut(Schema):
    key: str
    name: NameOut
    automatic: bool
    open: int
    nobody: int
    late: int
    on_call: list[int]


class RuleOut(Schema):
    id: int
    name: str
    queue: str
    order: int
    match: dict[str, list[str | int]]
    skills: list[str]
    active: bool


class RuleIn(Schema):
    """An empty `match` fits everything; `codes` are patterns such as fiscal.*"""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    queue: Annotated[str, Field(min_length=1, max_length=40)]
    order: Annotated[int, Field(ge=1, le=32_000)] = 100
    match: desk.Match = desk.Match()
    skills: Annotated[list[str], Field(max_length=20)] = []
    active: bool = True


class SuggestionOut(Schema):
    person: int
    name: str
    missing: list[str]
    full: bool
    reachable: bool
    near: bool


class MoveIn(Schema):
    queue: Annotated[str, Field(min_length=1, max_length=40)]
    note: Text = ""


class RotaOut(Schema):
    id: int
    name: str
    queue: str | None
    level: int
    time_zone: str
    now: int | None


class ShiftOut(Schema):
    """`person` null is a gap; `why`: turn, override, swap, or of a gap away, nobody, empty."""

    start: datetime
    end: datetime
    person: int | None
    why: str


class Period(Schema):
    start: datetime
    end: datetime


class OverrideIn(Schema):
    """`person` null: nobody, on purpose."""

    person: int | None
    starts_at: datetime
    ends_at: datetime
    reason: Text = ""


class OverrideOut(Schema):
    id: int
    person: int | None
    starts_at: datetime
    ends_at: datetime
    reason: str


class SwapIn(Schema):
    person: int
    starts_at: datetime
    ends_at: datetime
    back_starts_at: datetime | None = None
    back_ends_at: datetime | None = None
    note: Text = ""


class SwapOut(Schema):
    id: int
    state: str
    asker: int
    asked: int
    starts_at: datetime
    ends_at: datetime


class SwapsOut(Schema):
    count: int
    items: list[SwapOut]


@router.get("/queues", response=list[QueueOut])
def list_queues(request: HttpRequest) -> list[QueueOut]:
    return [
        QueueOut(
            key=board.queue.key,
            name=NameOut(lv=board.queue.lv, en=board.queue.en, ru=board.queue.ru),
            automatic=board.queue.automatic,
            open=board.counted.open,
            nobody=board.counted.nobody,
            late=board.counted.late,
            on_call=[one.pk for one in board.called],
        )
        for board in reading.boards(clock.now())
    ]


@router.get("/rules", response=list[RuleOut])
def list_rules(request: HttpRequest) -> list[RuleOut]:
    """In the order in which they are asked; the first that fits decides."""
    return [_rule(row) for row in QueueRule.objects.all()]


@router.post("/rules", auth=door.manager, response={201: RuleOut})
def add_rule(request: HttpRequest, body: RuleIn) -> Status[RuleOut]:
    return Status(201, _rule(_write(QueueRule(), body)))


@router.put("/rules/{int:pk}", auth=door.manager, response=RuleOut)
def change_rule(request: HttpRequest, pk: int, body: RuleIn) -> RuleOut:
    return _rule(_write(get_object_or_404(QueueRule, pk=pk), body))


def _write(row: QueueRule, body: RuleIn) -> QueueRule:
    row.queue = get_object_or_404(Queue, pk=body.queue)
    row.name, row.order, row.active, row.skills = body.name, body.order, body.active, body.skills
    row.match = {name: list(value) for name, value in body.match.model_dump().items() if value}
    row.save()
    return row


def _rule(row: QueueRule) -> RuleOut:
    return RuleOut(
        id=row.pk, name=row.name, queue=row.queue_id, order=row.order, match=row.match, skills=row.skills,
        active=row.active,
    )  # fmt: skip


@router.get("/incidents/{int:pk}/suggestions", response=list[SuggestionOut])
def suggestions(request: HttpRequest, pk: int) -> list[SuggestionOut]:
    """Whom to give an incident to, the best first."""
    incident = get_object_or_404(Incident.objects.select_related("site"), pk=pk)
    names = {one.pk: one.get_username() for one in people.workers()}
    return [
        SuggestionOut(
            person=one.person, name=names.get(one.person, ""), missing=list(one.missing), full=one.full,
            reachable=one.reachable, near=one.near,
        )
        for one in desk.suggestions(incident, clock.now())
    ]  # fmt: skip


@router.post("/incidents/{int:pk}/queue", auth=door.worker, response={204: None})
def move(request: HttpRequest, pk: int, body: MoveIn) -> Status[None]:
    """To another queue, by hand."""
    if not Queue.objects.filter(pk=body.queue).exists():
        raise Http404
    get_object_or_404(Incident.objects.only("pk"), pk=pk)
    desk.move(pk, body.queue, user_of(request), clock.now(), body.note)
    return Status(204, None)


@router.get("/rotas", response=list[RotaOut])
def list_rotas(request: HttpRequest) -> list[RotaOut]:
    now = clock.now()
    return [
        RotaOut(
            id=row.pk, name=row.name, queue=row.queue_id, level=row.level, time_zone=row.time_zone,
            now=oncall.person_at(row, now),
        )
        for row in oncall.rotas()
    ]  # fmt: skip


@router.get("/rotas/{int:pk}/shifts", response=list[ShiftOut])
def shifts(request: HttpRequest, pk: int, period: Query[Period]) -> list[ShiftOut]:
    """At most a hundred days. Gaps are in it, with `person` null."""
    row = get_object_or_404(Rota, pk=pk)
    end = min(period.end, period.start + 100 * oncall.DAY)
    return [
        ShiftOut(start=one.start, end=one.end, person=one.person, why=one.why)
        for one in (oncall.shifts(row, period.start, end) if end > period.start else ())
    ]


@router.post("/rotas/{int:pk}/overrides", auth=door.worker, response={201: OverrideOut})
def put_in(request: HttpRequest, pk: int, body: OverrideIn) -> Status[OverrideOut]:
    """Somebody else for a time: managers anybody, others themselves."""
    row = get_object_or_404(Rota, pk=pk)
    person = None if body.person is None else get_object_or_404(people.workers(), pk=body.person)
    span = (body.starts_at, body.ends_at)
    made = oncall.override(row, person, span, user_of(request), clock.now(), reason=body.reason)
    return Status(201, _override(made))


@router.delete("/overrides/{int:pk}", auth=door.worker, response={204: None})
def take_back(request: HttpRequest, pk: int) -> Status[None]:
    get_object_or_404(Override.objects.only("pk"), pk=pk)
    oncall.cancel_override(pk, user_of(request), clock.now())
    return Status(204, None)


@router.get("/swaps", response=SwapsOut)
def list_swaps(request: HttpRequest, part: Query[Slice]) -> SwapsOut:
    rows = Swap.objects.all()
    return SwapsOut(
        count=rows.count(), items=[_swap(one) for one in rows[part.offset : part.offset + part.limit]]
    )


@router.post("/rotas/{int:pk}/swaps", auth=door.worker, response={201: SwapOut})
def ask_swap(request: HttpRequest, pk: int, body: SwapIn) -> Status[SwapOut]:
    """Ask somebody to take my time, and take theirs in return where it is given."""
    row = get_object_or_404(Rota, pk=pk)
    asked = get_object_or_404(people.workers(), pk=body.person)
    back = (body.back_starts_at, body.back_ends_at) if body.back_starts_at and body.back_ends_at else None
    made = oncall.ask_swap(
        row, user_of(request), asked, (body.starts_at, body.ends_at), clock.now(), back=back, note=body.note
    )
    return Status(201, _swap(made))


@router.post("/swaps/{int:pk}/{name}", auth=door.worker, response=SwapOut)
def answer(request: HttpRequest, pk: int, name: str) -> SwapOut:
    """accept or decline by whom was asked, withdraw by whom asked."""
    get_object_or_404(Swap.objects.only("pk"), pk=pk)
    return _swap(oncall.answer_swap(pk, name, user_of(request), clock.now()))


def _override(row: Override) -> OverrideOut:
    return OverrideOut(
        id=row.pk, person=row.user_id, starts_at=row.starts_at, ends_at=row.ends_at, reason=row.reason
    )


def _swap(row: Swap) -> SwapOut:
    return SwapOut(
        id=row.pk,
        state=row.state,
        asker=row.asker_id,
        asked=row.asked_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )

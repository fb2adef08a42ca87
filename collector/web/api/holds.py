"""Holds of backups: those that run and those that ended, with their steps; beginning, ending, taking the end back."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema, Status

from collector.backups import holds as room
from collector.backups.models import Hold
from collector.core import clock
from collector.inventory.models import Terminal
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut

router = Router(tags=["backups"], auth=door.anyone)


class HoldIn(Schema):
    """`source` "": all of the till."""

    terminal: str
    source: str = ""
    reason: Annotated[str, Field(min_length=1, max_length=400)]


class ActIn(Schema):
    reason: Annotated[str, Field(max_length=400)] = ""


class StepOut(Schema):
    """`what`: begun, ended, resumed or frozen."""

    what: str
    reason: str
    by: str
    at: datetime


class HoldOut(Schema):
    """`why`: legal or suspicious."""

    id: int
    terminal_id: str
    source: str
    why: str
    reason: str
    by: str
    since: datetime
    ended_at: datetime | None
    ended_by: str
    steps: list[StepOut]


class HoldsOut(Schema):
    count: int
    items: list[HoldOut]


class HoldQuery(Slice):
    show: Literal["running", "ended"] = "running"
    terminal: str = ""


@router.get("", response=HoldsOut)
def list_holds(request: HttpRequest, query: Query[HoldQuery]) -> HoldsOut:
    rows = Hold.objects.filter(ended_at__isnull=query.show == "running").prefetch_related("steps")
    if query.terminal:
        rows = rows.filter(terminal=query.terminal)
    count, found = cut(rows, query)
    return HoldsOut(count=count, items=[HoldOut.from_orm(row) for row in found])


@router.post("", auth=door.manager, response={201: HoldOut})
def begin(request: HttpRequest, body: HoldIn) -> Status[HoldOut]:
    terminal = Terminal.objects.filter(pk=body.terminal).first()
    if terminal is None:
        raise Http404
    by = user_of(request).username
    made = room.hold(terminal, body.source, why=room.LEGAL, reason=body.reason, by=by, now=clock.now())
    return Status(201, HoldOut.from_orm(made))


@router.post("/{int:pk}/end", auth=door.manager, response=HoldOut)
def end(request: HttpRequest, pk: int, body: ActIn) -> HoldOut:
    room.release(_hold(pk), user_of(request).username, clock.now(), body.reason)
    return _out(pk)


@router.post("/{int:pk}/resume", auth=door.manager, response=HoldOut)
def resume(request: HttpRequest, pk: int, body: ActIn) -> HoldOut:
    """The end is taken back."""
    room.resume(_hold(pk), user_of(request).username, clock.now(), body.reason)
    return _out(pk)


@router.post("/{int:pk}/frozen", auth=door.manager, response=HoldOut)
def frozen(request: HttpRequest, pk: int, body: ActIn) -> HoldOut:
    """Looked at, and not all right: a freeze stays."""
    room.keep_frozen(_hold(pk), user_of(request).username, clock.now(), body.reason)
    return _out(pk)


def _hold(pk: int) -> Hold:
    found = Hold.objects.select_related("terminal").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _out(pk: int) -> HoldOut:
    return HoldOut.from_orm(_hold(pk))

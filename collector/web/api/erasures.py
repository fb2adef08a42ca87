"""What was erased and must not come back with an older backup; and who read what of the backups."""

from datetime import date, datetime
from typing import Annotated

from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema, Status

from collector.backups import erasures as room
from collector.backups.models import Erasure, Reading
from collector.core import clock
from collector.inventory.models import Terminal
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut

router = Router(tags=["backups"], auth=door.anyone)
readings = Router(tags=["backups"], auth=door.anyone)


class ErasureIn(Schema):
    """`column` is TABLE.COLUMN. The values themselves are not kept."""

    terminal: str
    source: str
    column: str
    values: Annotated[list[Annotated[str, Field(max_length=400)]], Field(min_length=1, max_length=1000)]
    reason: Annotated[str, Field(min_length=1, max_length=400)]


class ErasureOut(Schema):
    id: int
    terminal_id: str
    source: str
    column: str
    reason: str
    by: str
    at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str


class ErasuresOut(Schema):
    count: int
    items: list[ErasureOut]


class ReadingOut(Schema):
    """One reader's reading of one set on one day. `way`: own, lent, download or drill; `reader` is a terminal."""

    terminal_id: str
    way: str
    reader: str
    person: str
    job: str
    snapshot: str
    day: date
    objects_read: int
    bytes_read: int
    first_at: datetime
    last_at: datetime


class ReadingsOut(Schema):
    count: int
    items: list[ReadingOut]


class OfTerminal(Slice):
    terminal: str = ""


@router.get("", response=ErasuresOut)
def list_erasures(request: HttpRequest, query: Query[OfTerminal]) -> ErasuresOut:
    rows = Erasure.objects.order_by("-id")
    count, found = cut(rows.filter(terminal=query.terminal) if query.terminal else rows, query)
    return ErasuresOut(count=count, items=[ErasureOut.from_orm(row) for row in found])


@router.post("", auth=door.manager, response={201: list[ErasureOut]})
def add(request: HttpRequest, body: ErasureIn) -> Status[list[ErasureOut]]:
    """One for each value."""
    terminal = Terminal.objects.filter(pk=body.terminal).first()
    if terminal is None:
        raise Http404
    wish = room.Wish(body.source, body.column, body.values, body.reason)
    made = room.keep(terminal, wish, user_of(request).username, clock.now())
    return Status(201, [ErasureOut.from_orm(row) for row in made])


@router.post("/{int:pk}/withdraw", auth=door.manager, response=ErasureOut)
def withdraw(request: HttpRequest, pk: int) -> ErasureOut:
    """A restore leaves it alone from then on."""
    if not Erasure.objects.filter(pk=pk).exists():
        raise Http404
    room.withdraw(pk, user_of(request).username, clock.now())
    return ErasureOut.from_orm(Erasure.objects.get(pk=pk))


@readings.get("", response=ReadingsOut)
def list_readings(request: HttpRequest, query: Query[OfTerminal]) -> ReadingsOut:
    """The last first."""
    rows = Reading.objects.all()
    count, found = cut(rows.filter(terminal=query.terminal) if query.terminal else rows, query)
    return ReadingsOut(count=count, items=[ReadingOut.from_orm(row) for row in found])

"""Maintenance windows: what is planned and what was, planning one, and ending it, with the refusals of the pages."""

from datetime import datetime, time
from typing import Annotated, Literal, TypeVar

from django.db.models import Model
from django.http import Http404, HttpRequest
from ninja import Field, Query, Router, Schema, Status
from pydantic import AwareDatetime

from collector.core import clock
from collector.inventory import maintenance as windows
from collector.inventory.maintenance_models import Maintenance
from collector.inventory.models import Customer, Device, Site, Terminal
from collector.web.access import user_of
from collector.web.api import door
from collector.web.api.paging import Slice, cut

M = TypeVar("M", bound=Model)
router = Router(tags=["maintenance"], auth=door.anyone)


class PlaceFields(Schema):
    """Exactly one of them."""

    customer: int | None = None
    site: int | None = None
    terminal: str | None = None
    device: int | None = None


class WindowIn(PlaceFields):
    """`days`: weekdays of a window that comes again, 0 is Monday, from `begin` to `end` on the shop's wall clock; none:
    once, from `begins_at` to `ends_at`."""

    begins_at: AwareDatetime
    ends_at: AwareDatetime
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    days: list[Annotated[int, Field(ge=0, le=6)]] = []
    begin: time | None = None
    end: time | None = None


class WindowOut(PlaceFields):
    """`place`: in words. `runs_until`: where nobody is called for the place at this moment, until when."""

    id: int
    place: str
    reason: str
    begins_at: datetime
    ends_at: datetime
    days: list[int]
    begin: time | None
    end: time | None
    zone: str
    runs_until: datetime | None
    made_at: datetime
    made_by: int | None
    ended_at: datetime | None
    ended_by: int | None


class WindowsOut(Schema):
    count: int
    items: list[WindowOut]


class WindowQuery(Slice):
    show: Literal["coming", "past"] = "coming"


@router.get("", response=WindowsOut)
def list_windows(request: HttpRequest, query: Query[WindowQuery]) -> WindowsOut:
    """`coming`: running or still to come, the next first; `past`: over or called off, the last first."""
    now = clock.now()
    count, rows = cut(windows.coming(now) if query.show == "coming" else windows.past(now), query)
    return WindowsOut(count=count, items=[_out(row, now) for row in rows])


@router.get("/{int:pk}", response=WindowOut)
def window(request: HttpRequest, pk: int) -> WindowOut:
    row = Maintenance.objects.select_related("customer", "site", "terminal__site", "device__terminal__site")
    found = row.filter(pk=pk).first()
    if found is None:
        raise Http404
    return _out(found, clock.now())


@router.post("", auth=door.worker, response={201: WindowOut})
def make_window(request: HttpRequest, body: WindowIn) -> Status[WindowOut]:
    """While it runs, nobody is called for that place."""
    now = clock.now()
    wish = windows.Wish(
        begins_at=body.begins_at,
        ends_at=body.ends_at,
        reason=body.reason,
        days=body.days,
        begin=body.begin,
        end=body.end,
        customer=_one(Customer, body.customer),
        site=_one(Site, body.site),
        terminal=_one(Terminal, body.terminal),
        device=_one(Device, body.device),
    )
    return Status(201, _out(windows.plan(wish, user_of(request), now), now))


@router.post("/{int:pk}/end", auth=door.worker, response=WindowOut)
def end_window(request: HttpRequest, pk: int) -> WindowOut:
    """It ends now, or never begins. What is wrong there is told again."""
    if not Maintenance.objects.filter(pk=pk).exists():
        raise Http404
    now = clock.now()
    return _out(windows.call_off(pk, user_of(request), now), now)


def _one(model: type[M], pk: object) -> M | None:
    if pk is None:
        return None
    found = model._default_manager.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _out(row: Maintenance, now: datetime) -> WindowOut:
    own = {name: getattr(row, name) for name in WindowOut.model_fields if hasattr(row, name)}
    places = {
        "customer": row.customer_id,
        "site": row.site_id,
        "terminal": row.terminal_id,
        "device": row.device_id,
    }
    people = {"made_by": row.made_by_id, "ended_by": row.ended_by_id}
    more = {"place": _place(row), "runs_until": windows.window_of(row).until(now)}
    return WindowOut.model_validate({**own, **places, **people, **more})


def _place(row: Maintenance) -> str:
    device, till = row.device, row.device.terminal if row.device else row.terminal
    site = till.site if till else row.site
    parts = [one.name for one in (device, till, site, row.customer) if one]
    return ", ".join(parts)

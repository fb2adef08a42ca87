"""Customers, sites, terminals and devices with their state, the timeline of a terminal, enrolment codes."""

from datetime import datetime
from typing import Annotated, Literal, TypeVar

from django.db.models import Count
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status

from collector.core import clock
from collector.inventory import enrolment
from collector.inventory.models import Customer, Device, Site, Terminal
from collector.web import trust
from collector.web.api import door
from collector.web.api.paging import Slice, cut
from collector.web.reading.places import DeviceFilter, terminals, wanted_devices
from collector.web.reading.timeline import KINDS, timeline

router = Router(tags=["inventory"], auth=door.anyone)
Out = TypeVar("Out", bound=Schema)
Standing = Literal["ok", "attention", "fault", "no_contact", "suppressed", "maintenance", "retired"]


class CustomerOut(Schema):
    id: int
    name: str
    registration_number: str
    sites: int


class CustomersOut(Schema):
    count: int
    items: list[CustomerOut]


class SiteOut(Schema):
    id: int
    name: str
    customer: int
    customer_name: str
    address: str
    city: str
    time_zone: str
    terminals: int


class SitesOut(Schema):
    count: int
    items: list[SiteOut]


class SiteQuery(Slice):
    customer: int | None = None


class TerminalOut(Schema):
    id: str
    name: str
    standing: Standing
    open_incidents: int
    site: int
    site_name: str
    customer: int
    customer_name: str
    hostname: str
    os: str
    agent_version: str
    enrolled_at: datetime
    boot_at: datetime | None
    last_seen_at: datetime | None
    queue_messages: int
    queue_oldest_at: datetime | None
    clock_offset_s: float | None
    sample: dict[str, float]
    sample_at: datetime | None
    retired_at: datetime | None


class TerminalsOut(Schema):
    count: int
    items: list[TerminalOut]


class TerminalQuery(Slice):
    customer: int | None = None
    site: int | None = None
    standing: Standing | None = None


class DeviceOut(Schema):
    id: int
    name: str
    standing: Standing
    open_incidents: int
    terminal: str
    terminal_name: str
    site: int
    site_name: str
    customer: int
    customer_name: str
    family: str
    port: str
    contact: str
    reason: str
    profile: str
    identity: dict[str, str]
    state: dict[str, bool | int | float | str | None]
    state_at: datetime | None
    state_since: datetime | None
    last_good_at: datetime | None
    round_trip_ms: float | None
    first_seen_at: datetime
    retired_at: datetime | None


class DevicesOut(Schema):
    count: int
    items: list[DeviceOut]


class DeviceQuery(Slice):
    """`q` is searched without diacritics; `sort` with a leading minus turns the order."""

    standing: Standing | None = None
    family: str = ""
    q: str = ""
    sort: Annotated[str, Field(pattern="^-?(standing|site|till|device|model|contact|good|incidents)$")] = (
        "standing"
    )
    customer: int | None = None
    site: int | None = None
    terminal: str = ""


class EventOut(Schema):
    at: datetime
    received_at: datetime
    group: str
    kind: str
    subject_kind: str
    subject_id: str
    what: str
    change: str
    note: str
    by: str
    incident: int | None


class EventsOut(Schema):
    items: list[EventOut]


class EventQuery(Schema):
    """`kinds`: faults, states, facts, backups, incidents; none means all. `before` pages backwards."""

    kinds: Annotated[
        list[Literal["faults", "states", "facts", "backups", "incidents"]], Field(max_length=5)
    ] = []
    before: datetime | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class EnrolIn(Schema):
    customer: Annotated[str, Field(min_length=1, max_length=200)]
    site: Annotated[str, Field(min_length=1, max_length=200)]
    terminal_name: Annotated[str, Field(max_length=100)] = ""


class EnrolOut(Schema):
    """`code` is shown this once."""

    id: int
    code: str
    command: str
    site: int
    terminal_name: str
    expires_at: datetime


@router.get("/customers", response=CustomersOut)
def list_customers(request: HttpRequest, query: Query[Slice]) -> CustomersOut:
    count, rows = cut(Customer.objects.annotate(site_count=Count("sites")), query)
    fields = ("id", "name", "registration_number")
    items = [_out(CustomerOut, row, fields, sites=vars(row)["site_count"]) for row in rows]
    return CustomersOut(count=count, items=items)


@router.get("/sites", response=SitesOut)
def list_sites(request: HttpRequest, query: Query[SiteQuery]) -> SitesOut:
    rows = Site.objects.select_related("customer").annotate(till_count=Count("terminals"))
    count, part = cut(rows.filter(customer=query.customer) if query.customer else rows, query)
    fields = ("id", "name", "address", "city", "time_zone")
    items = [
        _out(
            SiteOut,
            row,
            fields,
            customer=row.customer_id,
            customer_name=row.customer.name,
            terminals=vars(row)["till_count"],
        )
        for row in part
    ]
    return SitesOut(count=count, items=items)


@router.get("/terminals", response=TerminalsOut)
def list_terminals(request: HttpRequest, query: Query[TerminalQuery]) -> TerminalsOut:
    wanted = {"site__customer": query.customer, "site": query.site, "standing": query.standing}
    rows = terminals().filter(**{name: value for name, value in wanted.items() if value})
    if query.standing is None:
        rows = rows.filter(retired_at=None)
    count, part = cut(rows.order_by("name", "pk"), query)
    return TerminalsOut(count=count, items=[_terminal(row) for row in part])


@router.get("/terminals/{pk}", response=TerminalOut)
def one_terminal(request: HttpRequest, pk: str) -> TerminalOut:
    return _terminal(get_object_or_404(terminals(), pk=pk))


@router.get("/terminals/{pk}/events", response=EventsOut)
def terminal_events(request: HttpRequest, pk: str, query: Query[EventQuery]) -> EventsOut:
    """The timeline: faults, facts, state changes, backups and transitions of incidents, newest first."""
    till = get_object_or_404(Terminal, pk=pk)
    kinds = [name for name in KINDS if name in query.kinds]
    found = timeline(till, kinds, before=query.before, limit=query.limit)
    names = tuple(EventOut.model_fields)
    return EventsOut(items=[_out(EventOut, entry, names) for entry in found])


@router.get("/devices", response=DevicesOut)
def list_devices(request: HttpRequest, query: Query[DeviceQuery]) -> DevicesOut:
    wanted = DeviceFilter(
        standing=query.standing or "",
        family=query.family,
        search=query.q,
        sort=query.sort.removeprefix("-"),
        down=query.sort.startswith("-"),
        customer=query.customer,
        site=query.site,
        terminal=query.terminal,
    )
    count, rows = cut(wanted_devices(wanted), query)
    return DevicesOut(count=count, items=[_device(row) for row in rows])


@router.get("/devices/{int:pk}", response=DeviceOut)
def one_device(request: HttpRequest, pk: int) -> DeviceOut:
    return _device(get_object_or_404(wanted_devices(DeviceFilter()), pk=pk))


@router.post("/enrol-codes", auth=door.manager, response={201: EnrolOut})
def make_enrol_code(request: HttpRequest, body: EnrolIn) -> Status[EnrolOut]:
    site = enrolment.site_of(body.customer.strip(), body.site.strip())
    code, secret = enrolment.make_code(site, body.terminal_name.strip(), clock.now())
    whole = trust.whole_code(secret)
    fields = ("id", "terminal_name", "expires_at")
    return Status(201, _out(EnrolOut, code, fields, code=whole, command=trust.command(whole), site=site.pk))


def _out(kind: type[Out], row: object, names: tuple[str, ...], **more: object) -> Out:
    """`names` are read from the row, `more` is said by the caller; both are checked against the schema."""
    return kind.model_validate({**{name: getattr(row, name) for name in names}, **more})


def _terminal(till: Terminal) -> TerminalOut:
    place = {"site", "site_name", "customer", "customer_name"}
    return _out(TerminalOut, till, tuple(set(TerminalOut.model_fields) - place), **_place(till))


def _device(device: Device) -> DeviceOut:
    place = {"terminal", "terminal_name", "site", "site_name", "customer", "customer_name"}
    names = tuple(set(DeviceOut.model_fields) - place)
    till = device.terminal
    return _out(DeviceOut, device, names, terminal=till.pk, terminal_name=till.name, **_place(till))


def _place(till: Terminal) -> dict[str, object]:
    site = till.site
    return {
        "site": site.pk,
        "site_name": site.name,
        "customer": site.customer_id,
        "customer_name": site.customer.name,
    }

"""What is agreed with customers: contracts, calendars and priorities. A change makes a new version."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Literal, TypeVar

from django.http import Http404, HttpRequest
from ninja import Field, Router, Schema, Status

from collector.core import calendars, clock
from collector.core.calendar_models import Calendar, CalendarKind
from collector.core.calendars import CalendarRefused
from collector.incidents import contracts, priority
from collector.incidents.contracts import ContractRefused, TargetRow
from collector.incidents.desk_models import Contract
from collector.web.access import user_of
from collector.web.api import door

router = Router(tags=["agreements"], auth=door.anyone)
Name = Annotated[str, Field(min_length=1, max_length=100)]
Slug = Annotated[str, Field(max_length=60, pattern=r"^[-a-z0-9_]*$")]
T = TypeVar("T")
Hours = dict[str, list[tuple[str, str]]]


class ContractIn(Schema):
    """`key` empty: a new contract. `reaction_calendar`, `solution_calendar`: keys; empty: opening hours of the shop."""

    key: Slug = ""
    name: Name
    customer: int | None = None
    kind: Annotated[str, Field(max_length=60)] = ""
    valid_from: date
    valid_until: date | None = None
    reaction_calendar: Slug = calendars.OFFICE
    solution_calendar: Slug = calendars.OFFICE
    targets: list[TargetRow]
    device_facts: bool = True
    reopen_days: Annotated[int, Field(ge=0, le=365)] = 5
    close_days: Annotated[int, Field(ge=1, le=365)] = 5


class ContractOut(ContractIn):
    id: int
    number: int
    made_at: datetime


class CalendarFields(Schema):
    """`key` empty: a new calendar."""

    key: Annotated[str, Field(max_length=40, pattern=r"^[-a-z0-9_]*$")] = ""
    name: Name
    kind: Literal["hours", "days"] = "hours"
    time_zone: Annotated[str, Field(max_length=60)] = "Europe/Riga"
    hours: Hours = {}
    country: Literal["", "LV"] = ""
    moved_days: bool = False
    legal_basis: Annotated[str, Field(max_length=400)] = ""


class CalendarIn(CalendarFields):
    """`own`: date -> name of a day that is not worked."""

    own: dict[date, Annotated[str, Field(max_length=100)]] = {}


class CalendarOut(CalendarFields):
    """`days`: all that differ from their weekday, with those of `own`."""

    id: int
    own: dict[str, str]
    number: int
    days: dict[str, dict[str, object]]
    known_through: int | None
    source: str
    made_at: datetime


class DeadlineOut(Schema):
    """The earlier is the safe one: moved days bind the state, private firms may follow."""

    with_moved_days: date
    without_moved_days: date


class PrioritiesOut(Schema):
    """Rows by impact 1 to 3, columns by urgency 1 to 4."""

    rows: list[list[int]]
    source: str


class PrioritiesIn(Schema):
    rows: list[list[int]]
    why: Annotated[str, Field(min_length=1, max_length=400)]


@router.get("/contracts", response=list[ContractOut])
def list_contracts(request: HttpRequest) -> list[ContractOut]:
    """The newest version of each."""
    return [_contract(row) for row in contracts.current()]


@router.get("/contracts/{slug:key}", response=list[ContractOut])
def contract_versions(request: HttpRequest, key: str) -> list[ContractOut]:
    """All versions, the newest first."""
    rows = Contract.objects.filter(key=key).select_related("reaction_calendar", "solution_calendar")
    return _some([_contract(row) for row in rows])


@router.post("/contracts", auth=door.manager, response={201: ContractOut})
def make_contract(request: HttpRequest, body: ContractIn) -> Status[ContractOut]:
    """A new contract, or the next version of the one with this key."""
    if body.key:
        _known(contracts.newest, body.key)
    fields = {**body.model_dump(), "targets": [one.model_dump(mode="json") for one in body.targets]}
    return Status(201, _contract(contracts.make(contracts.Draft(**fields), clock.now(), user_of(request))))


@router.get("/calendars", response=list[CalendarOut])
def list_calendars(request: HttpRequest) -> list[CalendarOut]:
    return [_calendar(row) for row in calendars.current()]


@router.get("/calendars/{slug:key}", response=list[CalendarOut])
def calendar_versions(request: HttpRequest, key: str) -> list[CalendarOut]:
    return _some([_calendar(row) for row in Calendar.objects.filter(key=key)])


@router.post("/calendars", auth=door.manager, response={201: CalendarOut})
def make_calendar(request: HttpRequest, body: CalendarIn) -> Status[CalendarOut]:
    """A new calendar, or the next version of the one with this key."""
    if body.key:
        _known(calendars.newest, body.key)
    draft = calendars.Draft(**{**body.model_dump(), "kind": CalendarKind(body.kind)})
    return Status(201, _calendar(calendars.make(draft, clock.now(), user_of(request))))


@router.get("/calendars/legal/deadline", response=DeadlineOut)
def deadline(request: HttpRequest, begin: date, days: Annotated[int, Field(ge=0, le=3660)]) -> DeadlineOut:
    """So many legal working days after a date."""
    moved, plain = calendars.legal_deadline(begin, days)
    return DeadlineOut(with_moved_days=moved, without_moved_days=plain)


@router.get("/priorities", response=PrioritiesOut)
def priorities(request: HttpRequest) -> PrioritiesOut:
    return _priorities(priority.matrix())


@router.post("/priorities", auth=door.manager, response=PrioritiesOut)
def change_priorities(request: HttpRequest, body: PrioritiesIn) -> PrioritiesOut:
    return _priorities(priority.change(body.rows, body.why, user_of(request), clock.now()))


def _contract(row: Contract) -> ContractOut:
    draft = contracts.draft_of(row)
    plain = {name: getattr(draft, name) for name in ContractIn.model_fields}
    return ContractOut.model_validate({**plain, "id": row.pk, "number": row.number, "made_at": row.made_at})


def _calendar(row: Calendar) -> CalendarOut:
    draft = calendars.draft_of(row)
    plain = {name: getattr(draft, name) for name in CalendarFields.model_fields}
    plain["own"] = {day.isoformat(): name for day, name in draft.own.items()}
    names = ("number", "days", "known_through", "source", "made_at")
    more: Mapping[str, object] = {name: getattr(row, name) for name in names}
    return CalendarOut.model_validate({**plain, **more, "id": row.pk})


def _priorities(found: priority.Matrix) -> PrioritiesOut:
    return PrioritiesOut(rows=[list(row) for row in found.rows], source=found.source)


def _some(found: list[T]) -> list[T]:
    if not found:
        raise Http404
    return found


def _known(find: Callable[[str], object], key: str) -> None:
    try:
        find(key)
    except (ContractRefused, CalendarRefused) as e:
        raise Http404 from e

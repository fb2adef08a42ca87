"""Contracts: making a version, which ones count for a customer on a day, and what they promise."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated

from django.db import transaction
from django.db.models import Max, Q
from django.utils.text import slugify
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from collector.core import calendars
from collector.core.calendar_models import Calendar, CalendarKind
from collector.core.models import User
from collector.core.worktime import WorkCalendar
from collector.incidents.desk_models import Contract
from collector.incidents.sla import Metric, Target, choose
from collector.inventory.models import Customer
from protocols.errors import PlombaError

MOST_TARGETS = 60
MOST_MINUTES = 60 * 24 * 365


class ContractRefused(PlombaError):
    """`contract.invalid`: what is wrong with it, in words; `contract.unknown`."""

    code = "contract.invalid"


class TargetRow(BaseModel):
    """One promise, as it is kept: `sla.Target` with its words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Metric
    minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES)]
    priority: Annotated[int, Field(ge=1, le=4)] | None = None
    kind: Annotated[str, Field(max_length=40)] = ""
    queue: Annotated[str, Field(max_length=40)] = ""


_TARGETS: TypeAdapter[list[TargetRow]] = TypeAdapter(list[TargetRow])


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a person writes. `key` empty: a contract that is not there yet. A calendar is a key; empty: the opening
    hours of the shop. Newest versions of the calendars are taken."""

    name: str
    valid_from: date
    key: str = ""
    customer: int | None = None
    kind: str = ""
    valid_until: date | None = None
    reaction_calendar: str = calendars.OFFICE
    solution_calendar: str = calendars.OFFICE
    targets: Sequence[Mapping[str, object]] = ()
    device_facts: bool = True
    reopen_days: int = 5
    close_days: int = 5


@dataclass(frozen=True, slots=True)
class Shop:
    """Opening hours as they were when the incident came."""

    zone: str
    hours: Mapping[str, object] = field(default_factory=dict)

    def calendar(self) -> WorkCalendar:
        """Unknown hours are all hours: then time runs against us, not against the customer."""
        if not self.hours:
            return calendars.working_time(calendars.newest(calendars.ALWAYS))
        return calendars.hours_alone(self.zone, self.hours)


@dataclass(frozen=True, slots=True)
class Promise:
    """The target that counts, the hours in which it does, and whose contract it is."""

    target: Target
    calendar: WorkCalendar
    contract: Contract


def make(draft: Draft, now: datetime, by: User | None = None) -> Contract:
    """The next version of its contract. ContractRefused names what is wrong."""
    targets = _checked(draft)
    if draft.customer is not None and not Customer.objects.filter(pk=draft.customer).exists():
        raise ContractRefused("there is no such customer")
    hours = [_calendar(key) for key in (draft.reaction_calendar, draft.solution_calendar)]
    with transaction.atomic():
        key = draft.key or _free_key(draft.name)
        newest = Contract.objects.filter(key=key).aggregate(most=Max("number"))["most"] or 0
        return Contract.objects.create(
            key=key,
            number=newest + 1,
            customer_id=draft.customer,
            name=draft.name.strip(),
            kind=draft.kind.strip(),
            valid_from=draft.valid_from,
            valid_until=draft.valid_until,
            reaction_calendar=hours[0],
            solution_calendar=hours[1],
            targets=[row.model_dump(mode="json") for row in targets],
            device_facts=draft.device_facts,
            reopen_days=draft.reopen_days,
            close_days=draft.close_days,
            made_at=now,
            made_by=by,
        )


def draft_of(row: Contract) -> Draft:
    """What a person would have to write for this version."""
    return Draft(
        name=row.name,
        key=row.key,
        customer=row.customer_id,
        kind=row.kind,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        reaction_calendar=row.reaction_calendar.key if row.reaction_calendar else "",
        solution_calendar=row.solution_calendar.key if row.solution_calendar else "",
        targets=row.targets,
        device_facts=row.device_facts,
        reopen_days=row.reopen_days,
        close_days=row.close_days,
    )


def newest(key: str) -> Contract:
    found = Contract.objects.filter(key=key).order_by("-number").first()
    if found is None:
        raise ContractRefused(f"there is no contract {key}", code="contract.unknown")
    return found


def current() -> list[Contract]:
    """The newest version of each, by name."""
    rows = Contract.objects.select_related("customer", "reaction_calendar", "solution_calendar")
    found: dict[str, Contract] = {}
    for row in rows.order_by("key", "-number"):
        found.setdefault(row.key, row)
    return sorted(found.values(), key=lambda row: (row.name, row.key))


def valid_for(customer: int | None, day: date) -> list[Contract]:
    """All that count for a customer on a day: of each the newest version that had begun, unless it has ended. A
    customer without any has those that are for everybody."""
    whose = Q(customer=customer) | Q(customer=None) if customer else Q(customer=None)
    rows = Contract.objects.filter(whose, valid_from__lte=day).order_by("key", "-number")
    begun: dict[str, Contract] = {}
    for row in rows:
        begun.setdefault(row.key, row)
    lasting = [row for row in begun.values() if row.valid_until is None or row.valid_until >= day]
    return [row for row in lasting if row.customer_id] or lasting


def in_bulk(pks: Iterable[int]) -> dict[int, Contract]:
    rows = Contract.objects.filter(pk__in=set(pks))
    return {row.pk: row for row in rows.select_related("reaction_calendar", "solution_calendar")}


def targets_of(row: Contract) -> list[Target]:
    """They were checked when they were written."""
    return [Target(**{**one, "metric": Metric(one["metric"])}) for one in row.targets]


def promise(
    found: Iterable[Contract],
    shop: Shop,
    metric: Metric,
    *,
    priority: int | None,
    kind: str = "incident",
    queue: str = "",
) -> Promise | None:
    """The shortest target that fits, of all contracts; None where none promises this."""
    fitting: list[tuple[Target, Contract]] = []
    for row in found:
        chosen = choose(targets_of(row), metric, priority=priority, kind=kind, queue=queue)
        if chosen is not None:
            fitting.append((chosen, row))
    if not fitting:
        return None
    target, row = min(fitting, key=lambda one: one[0].minutes)
    calendar = row.reaction_calendar if metric is Metric.TTO else row.solution_calendar
    return Promise(target, calendars.working_time(calendar) if calendar else shop.calendar(), row)


def _checked(draft: Draft) -> list[TargetRow]:
    if not draft.name.strip():
        raise ContractRefused("give the contract a name")
    if draft.valid_until is not None and draft.valid_until < draft.valid_from:
        raise ContractRefused("the contract ends before it begins")
    try:
        targets = _TARGETS.validate_python(list(draft.targets))
    except ValidationError as e:
        error = e.errors()[0]
        raise ContractRefused(f"target {'.'.join(map(str, error['loc']))}: {error['msg']}") from e
    if not targets or len(targets) > MOST_TARGETS:
        raise ContractRefused(f"one to {MOST_TARGETS} targets are needed")
    if not (0 <= draft.reopen_days <= 365 and 1 <= draft.close_days <= 365):
        raise ContractRefused("days are 0 to 365")
    return targets


def _calendar(key: str) -> Calendar | None:
    if not key:
        return None
    found = calendars.newest(key)
    if found.kind != CalendarKind.HOURS:
        raise ContractRefused(f"{found.name} counts days; a clock needs hours")
    return found


def _free_key(name: str) -> str:
    plain = slugify(name)[:50] or "contract"
    taken = set(Contract.objects.filter(key__startswith=plain).values_list("key", flat=True))
    return next(key for key in (plain, *(f"{plain}-{n}" for n in range(2, 10_000))) if key not in taken)

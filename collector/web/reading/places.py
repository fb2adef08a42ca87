"""Tills and devices with their standing, in one query each: which ones an address asks for, and the order."""

from dataclasses import dataclass, replace
from typing import Self

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.http import QueryDict

from collector.incidents.models import OPEN, Incident
from collector.inventory.models import Device, Terminal
from collector.web.reading.fold import Fold, fold
from collector.web.reading.incidents import SILENCE
from collector.web.reading.page import one_of, whole
from protocols.wire.v1 import Contact

WORST_FIRST = ("fault", "attention", "no_contact", "suppressed", "maintenance", "ok", "retired")
SORTS = ("standing", "site", "till", "device", "model", "contact", "good", "incidents")


def _open_of(**match: object) -> QuerySet[Incident]:
    """Open and still there: one whose fault is gone waits for its hold time and says nothing of the till."""
    return Incident.objects.filter(state__in=OPEN, cleared_at=None, **match)


def _standing(own: QuerySet[Incident], retired: Q, silent: Q) -> Case:
    """Worst first, but a till that is not heard tells nothing new: no contact hides what was last known."""
    return Case(
        When(retired, then=Value("retired")),
        When(silent, then=Value("no_contact")),
        When(Exists(own.filter(severity__in=("critical", "error"))), then=Value("fault")),
        When(Exists(own.filter(severity="warning")), then=Value("attention")),
        default=Value("ok"),
        output_field=CharField(),
    )


def _ranked(field: str) -> Case:
    ranks = [When(**{field: name}, then=Value(rank)) for rank, name in enumerate(WORST_FIRST)]
    return Case(*ranks, default=Value(9), output_field=IntegerField())


def terminals() -> QuerySet[Terminal]:
    """Every till with `standing` and `open_incidents`."""
    own = _open_of(terminal=OuterRef("pk"))
    silent = Q(Exists(own.filter(code__in=SILENCE))) | Q(last_seen_at=None)
    return (
        Terminal.objects.select_related("site__customer")
        .annotate(
            standing=_standing(own.exclude(code__in=SILENCE), Q(retired_at__isnull=False), silent),
            open_incidents=Count("incidents", filter=Q(incidents__state__in=OPEN)),
        )
        .annotate(rank=_ranked("standing"))
    )


def _said(name: str) -> Coalesce:
    """What the device said of itself, "" where it did not."""
    return Coalesce(KT(f"identity__{name}"), Value(""), output_field=TextField())


def devices() -> QuerySet[Device]:
    """Every device with `standing` and `open_incidents`, its till, shop and customer."""
    own = _open_of(terminal=OuterRef("terminal"), subject_kind="device", subject_id=OuterRef("name"))
    mute = Exists(_open_of(terminal=OuterRef("terminal"), code__in=SILENCE))
    retired = Q(retired_at__isnull=False) | Q(terminal__retired_at__isnull=False)
    unknown = Q(contact=Contact.UNKNOWN.value)
    return (
        Device.objects.select_related("terminal__site__customer")
        .annotate(
            standing=_standing(own, retired, Q(mute) | unknown),
            open_incidents=Count("incidents", filter=Q(incidents__state__in=OPEN)),
            model=_said("model"),
            serial=_said("serial"),
        )
        .annotate(rank=_ranked("standing"))
    )


_ORDERS: dict[str, tuple[str, ...]] = {
    "standing": ("rank", "folded_site", "terminal__name", "name"),
    "site": ("folded_site", "terminal__name", "name"),
    "till": ("folded_till", "name"),
    "device": ("name", "folded_site"),
    "model": ("model", "folded_site"),
    "contact": ("terminal__last_seen_at", "pk"),
    "good": ("last_good_at", "pk"),
    "incidents": ("-open_incidents", "rank", "folded_site"),
}


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Empty fields do not filter. `retired` devices are shown only where they are asked for by standing."""

    standing: str = ""
    family: str = ""
    search: str = ""
    sort: str = "standing"
    down: bool = False
    customer: int | None = None
    site: int | None = None
    terminal: str = ""

    @classmethod
    def of(cls, params: QueryDict) -> Self:
        sort = params.get("sort", "")
        return cls(
            standing=one_of(params, "standing", WORST_FIRST),
            family=params.get("family", "")[:80],
            search=params.get("q", "").strip()[:80],
            sort=sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "standing",
            down=sort.startswith("-"),
            customer=whole(params, "customer"),
            site=whole(params, "site"),
            terminal=params.get("terminal", "")[:40],
        )

    @property
    def narrowing(self) -> bool:
        return replace(self, sort="standing", down=False) != DeviceFilter()


def wanted_devices(wanted: DeviceFilter) -> QuerySet[Device]:
    rows = devices()
    exact = {
        "standing": wanted.standing,
        "family": wanted.family,
        "terminal": wanted.terminal,
        "terminal__site": wanted.site,
        "terminal__site__customer": wanted.customer,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if not wanted.standing:
        rows = rows.filter(~Q(standing="retired"))
    return _ordered(_searched(rows, wanted.search), wanted)


def _searched(rows: QuerySet[Device], search: str) -> QuerySet[Device]:
    """Every word must be found in the place, the device's name or what it says of itself."""
    if not search:
        return rows
    place = "terminal__site__"
    parts: tuple[str, ...] = (
        "terminal__name",
        "terminal__hostname",
        f"{place}name",
        f"{place}city",
        f"{place}address",
    )
    parts = (
        *parts,
        f"{place}customer__name",
        f"{place}customer__registration_number",
        "name",
        "family",
        "model",
    )
    said = [KT(f"identity__{name}") for name in ("serial", "maker", "fiscal_memory_number")]
    rows = rows.alias(words=Fold(*parts, *said))
    for word in fold(search).split():
        rows = rows.filter(words__contains=word)
    return rows


def _ordered(rows: QuerySet[Device], wanted: DeviceFilter) -> QuerySet[Device]:
    rows = rows.alias(folded_site=Fold("terminal__site__name"), folded_till=Fold("terminal__name"))
    orders = []
    for name in _ORDERS[wanted.sort]:
        down = name.startswith("-") != wanted.down
        field = F(name.lstrip("-"))
        orders.append(field.desc(nulls_last=True) if down else field.asc(nulls_last=True))
    return rows.order_by(*orders)

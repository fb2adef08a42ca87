"""Tills and devices with their standing, in one query each: which ones an address asks for, and the order."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self

from django.conf import settings
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
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.http import QueryDict

from collector.core import clock
from collector.incidents.models import OPEN, Incident
from collector.inventory import maintenance
from collector.inventory.models import Device, Terminal
from collector.inventory.standing import Standing
from collector.web.reading.fold import Fold, fold
from collector.web.reading.page import one_of, whole
from protocols.wire.v1 import Contact

WORST_FIRST = ("fault", "attention", "no_contact", "suppressed", "maintenance", "ok", "retired")
GRAVE = ("critical", "error")
LOST = ("device.no_reply", "device.port_missing")
"""Faults that say that nothing is known of the device any more."""
REACHED = (Contact.OK.value, Contact.IN_USE.value)
SORTS = ("standing", "site", "till", "device", "model", "contact", "good", "incidents")


def _open_of(**match: object) -> QuerySet[Incident]:
    """All open ones: those of a fault that is gone wait for their hold time, and say nothing of the till."""
    return Incident.objects.filter(state__in=OPEN, **match).order_by()


def _count(own: QuerySet[Incident]) -> Coalesce:
    """As a subquery: joined and grouped, ten thousand devices took a second."""
    counted = own.values("terminal").annotate(open_count=Count("pk")).values("open_count")
    return Coalesce(Subquery(counted), Value(0), output_field=IntegerField())


def _silent(terminal: str = "") -> Q:
    """Never heard, or not for so long that it counts as silent. `terminal` is the path to it."""
    limit = clock.now() - timedelta(seconds=settings.CONFIG.silent_after_s)
    return Q(**{f"{terminal}last_seen_at": None}) | Q(**{f"{terminal}last_seen_at__lt": limit})


def _has(own: QuerySet[Incident], **match: object) -> Exists:
    """One that lasts and that nobody suppressed."""
    return Exists(own.filter(cleared_at=None, suppressed_since=None, **match))


def _suppressed(own: QuerySet[Incident], **match: object) -> Exists:
    return Exists(own.filter(cleared_at=None, suppressed_since__isnull=False, **match))


def _case(*whens: tuple[Q | Exists, Standing]) -> Case:
    cases = [When(condition, then=Value(standing.value)) for condition, standing in whens]
    return Case(*cases, default=Value(Standing.OK.value), output_field=CharField())


def _ranked(field: str) -> Case:
    ranks = [When(**{field: name}, then=Value(rank)) for rank, name in enumerate(WORST_FIRST)]
    return Case(*ranks, default=Value(9), output_field=IntegerField())


def terminals() -> QuerySet[Terminal]:
    """Every till with `standing`, the worst of the till and what is attached to it, and `open_incidents`."""
    own = _open_of(terminal=OuterRef("pk"))
    quiet = own.filter(suppressed_since__isnull=False)
    return (
        Terminal.objects.select_related("site__customer")
        .annotate(standing=_of_till(own), open_incidents=_count(own), suppressed_incidents=_count(quiet))
        .annotate(rank=_ranked("standing"))
    )


def _of_till(own: QuerySet[Incident]) -> Case:
    return _case(
        (Q(retired_at__isnull=False), Standing.RETIRED),
        (maintenance.maintained(clock.now()).tills, Standing.MAINTENANCE),
        (_silent() & Q(_suppressed(own, code="agent.silent")), Standing.SUPPRESSED),
        (_silent(), Standing.NO_CONTACT),
        (_has(own, severity__in=GRAVE), Standing.FAULT),
        (_has(own, severity="warning"), Standing.ATTENTION),
        (_suppressed(own), Standing.SUPPRESSED),
    )


def tills_by_shop() -> QuerySet[Terminal, tuple[int, str, int]]:
    """Shop, standing, how many of its tills have it; without those that are retired. The database counts."""
    standing = _of_till(_open_of(terminal=OuterRef("pk")))
    rows = Terminal.objects.filter(retired_at=None).order_by().values("site").annotate(standing=standing)
    return rows.annotate(count=Count("pk")).values_list("site", "standing", "count")


def _said(name: str) -> Coalesce:
    """What the device said of itself, "" where it did not."""
    return Coalesce(KT(f"identity__{name}"), Value(""), output_field=TextField())


def devices() -> QuerySet[Device]:
    """Every device with `standing` and `open_incidents`, its till, shop and customer. In SQL what
    `collector.inventory.standing` decides for one device, so that lists can filter, sort and count by it."""
    own = _open_of(terminal=OuterRef("terminal"), subject_kind="device", subject_id=OuterRef("name"))
    silence = _open_of(terminal=OuterRef("terminal"), code="agent.silent")
    now = maintenance.maintained(clock.now())
    tills = Terminal.objects.filter(now.tills)
    standing = _case(
        (Q(retired_at__isnull=False) | Q(terminal__retired_at__isnull=False), Standing.RETIRED),
        (Q(pk__in=now.devices) | Q(terminal__in=tills), Standing.MAINTENANCE),
        (_silent("terminal__") & Q(_suppressed(silence)), Standing.SUPPRESSED),
        (_silent("terminal__"), Standing.NO_CONTACT),
        (_has(own, code__in=LOST), Standing.NO_CONTACT),
        (_has(own, severity__in=GRAVE), Standing.FAULT),
        (Q(_suppressed(own)) & ~Q(_has(own)), Standing.SUPPRESSED),
        (~Q(contact__in=REACHED), Standing.NO_CONTACT),
        (_has(own, severity="warning"), Standing.ATTENTION),
    )
    return (
        Device.objects.select_related("terminal__site__customer")
        .annotate(
            standing=standing,
            open_incidents=_count(own),
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
        rows = rows.filter(retired_at=None, terminal__retired_at=None)
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

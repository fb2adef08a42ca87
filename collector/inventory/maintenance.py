"""Maintenance windows: made, called off, and read for a place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import F, Q, QuerySet

from collector.core import clock
from collector.core.models import User
from collector.inventory.maintenance_models import Maintenance
from collector.inventory.models import Customer, Device, Site, Terminal
from collector.inventory.windows import Window
from protocols.errors import PlombaError

LOOKED_BACK = timedelta(days=40)
"""Windows that ended longer ago say nothing any more, but of what a till tells that was without a line for longer."""
LONGEST = timedelta(days=366)


class MaintenanceRefused(PlombaError):
    """`maintenance.not_allowed`, `maintenance.no_end`, `maintenance.place`, `maintenance.no_reason`,
    `maintenance.times`, `maintenance.over`: the message says what to change."""

    code = "maintenance.refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Exactly one of the four places. `days` with `begin` and `end` for a recurring one."""

    begins_at: datetime
    ends_at: datetime
    reason: str
    customer: Customer | None = None
    site: Site | None = None
    terminal: Terminal | None = None
    device: Device | None = None
    days: Sequence[int] = ()
    begin: time | None = None
    end: time | None = None


def plan(wish: Wish, by: User, now: datetime) -> Maintenance:
    if not by.may_work:
        raise MaintenanceRefused(
            "only technicians and managers plan maintenance", code="maintenance.not_allowed"
        )
    places = [place for place in (wish.customer, wish.site, wish.terminal, wish.device) if place is not None]
    if len(places) != 1:
        raise MaintenanceRefused("choose one customer, shop, till or device", code="maintenance.place")
    if not wish.reason.strip():
        raise MaintenanceRefused("write in a few words what is done there", code="maintenance.no_reason")
    if wish.ends_at <= wish.begins_at or wish.ends_at <= now:
        raise MaintenanceRefused(
            "the window must end later than it begins, and later than now", code="maintenance.times"
        )
    if wish.ends_at - wish.begins_at > LONGEST:
        raise MaintenanceRefused(
            "a window lasts a year at most; plan it anew then", code="maintenance.no_end"
        )
    if wish.days and (wish.begin is None or wish.end is None or set(wish.days) - set(range(7))):
        raise MaintenanceRefused(
            "a recurring window needs weekdays and times of day", code="maintenance.times"
        )
    return Maintenance.objects.create(
        customer=wish.customer,
        site=wish.site,
        terminal=wish.terminal,
        device=wish.device,
        reason=wish.reason.strip()[:200],
        begins_at=wish.begins_at,
        ends_at=wish.ends_at,
        days=sorted(set(wish.days)),
        begin=wish.begin,
        end=wish.end,
        zone=_zone(places[0]),
        made_at=now,
        made_by=by,
    )


def call_off(pk: int, by: User, now: datetime) -> Maintenance:
    """It ends now, or never begins."""
    if not by.may_work:
        raise MaintenanceRefused(
            "only technicians and managers end maintenance", code="maintenance.not_allowed"
        )
    found = Maintenance.objects.filter(pk=pk, ended_at=None).first()
    if found is None or found.ends_at <= now:
        raise MaintenanceRefused("this window is over already", code="maintenance.over")
    found.ended_at, found.ended_by = now, by
    found.save(update_fields=["ended_at", "ended_by"])
    return found


def of_place(site: Site, terminal: str = "") -> tuple[Window, ...]:
    """Those that count for a shop, or for a till of it and its devices."""
    own = Q(customer=site.customer_id) | Q(site=site.pk)
    if terminal:
        own |= Q(terminal=terminal) | Q(device__terminal=terminal)
    rows = Maintenance.objects.filter(own, ends_at__gt=clock.now() - LOOKED_BACK).select_related("device")
    return tuple(window_of(row) for row in rows)


def window_of(row: Maintenance) -> Window:
    ends_at = row.ends_at if row.ended_at is None else min(row.ends_at, max(row.ended_at, row.begins_at))
    return Window(
        id=row.pk,
        begins_at=row.begins_at,
        ends_at=ends_at,
        days=tuple(row.days),
        begin=_minute(row.begin),
        end=_minute(row.end),
        zone=row.zone,
        device=row.device.name if row.device else "",
    )


def running(now: datetime) -> QuerySet[Maintenance]:
    """Between their two moments and not called off; a recurring one may be in a pause."""
    return Maintenance.objects.filter(begins_at__lte=now, ends_at__gt=now, ended_at=None)


@dataclass(frozen=True, slots=True)
class Maintained:
    """Of what a window runs at this moment, by key."""

    customers: tuple[int, ...] = ()
    sites: tuple[int, ...] = ()
    terminals: tuple[str, ...] = ()
    devices: tuple[int, ...] = ()

    @property
    def tills(self) -> Q:
        """Terminals that lie in one."""
        return Q(site__customer__in=self.customers) | Q(site__in=self.sites) | Q(pk__in=self.terminals)


def maintained(now: datetime) -> Maintained:
    rows = [row for row in running(now) if window_of(row).until(now) is not None]
    return Maintained(
        customers=tuple(row.customer_id for row in rows if row.customer_id),
        sites=tuple(row.site_id for row in rows if row.site_id),
        terminals=tuple(row.terminal_id for row in rows if row.terminal_id),
        devices=tuple(row.device_id for row in rows if row.device_id),
    )


def coming(now: datetime) -> QuerySet[Maintenance]:
    """Running or still to come, the next first."""
    rows = Maintenance.objects.filter(ends_at__gt=now, ended_at=None)
    return rows.select_related(
        "customer", "site", "terminal__site", "device__terminal__site", "made_by"
    ).order_by("begins_at", "id")


def past(now: datetime) -> QuerySet[Maintenance]:
    rows = Maintenance.objects.filter(Q(ends_at__lte=now) | Q(ended_at__isnull=False))
    return rows.select_related(
        "customer", "site", "terminal__site", "device__terminal__site", "made_by"
    ).order_by(F("ended_at").desc(nulls_last=True), "-ends_at")


def _minute(at: time | None) -> int:
    return at.hour * 60 + at.minute if at else 0


def _zone(place: Customer | Site | Terminal | Device) -> str:
    match place:
        case Site():
            return place.time_zone
        case Terminal():
            return place.site.time_zone
        case Device():
            return place.terminal.site.time_zone
    return "Europe/Riga"

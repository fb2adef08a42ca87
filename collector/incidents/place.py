"""Places as the database knows them, read when something is asked of them: most happenings ask nothing."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from django.db.models import Max, Q

from collector.incidents.engine.facts import area_place, site_place, till_place
from collector.incidents.engine.place import Here, Place
from collector.incidents.models import Incident
from collector.inventory import maintenance
from collector.inventory.hours import week_of
from collector.inventory.models import Site, Terminal


def areas_of(site: Site) -> tuple[str, ...]:
    """Those that a shop lies in: whose line it has, and where it is."""
    kinds = (("provider", site.provider), ("region", site.region))
    return tuple(f"{kind}:{name}" for kind, name in kinds if name)


def here(name: str, site: Site, terminal: str = "") -> Here:
    """Everything of a place, with the windows of its customer, its shop and its till."""
    tills = Terminal.objects.filter(site=site) if not terminal else Terminal.objects.filter(pk=terminal)
    receipt_at = tills.aggregate(at=Max("receipt_at"))["at"] if site.hours else None
    return Here(
        name=name,
        terminal=terminal,
        site=site.pk,
        areas=areas_of(site),
        zone=site.time_zone,
        week=week_of(site.hours),
        windows=maintenance.of_place(site, terminal),
        receipt_at=receipt_at,
    )


class TillPlace:
    def __init__(self, terminal: str) -> None:
        self.terminal = terminal
        self.name = till_place(terminal)

    @cached_property
    def _here(self) -> Here:
        site = Site.objects.get(terminals=self.terminal)
        return here(self.name, site, self.terminal)

    @property
    def site(self) -> int | None:
        return self._here.site

    @property
    def areas(self) -> tuple[str, ...]:
        return self._here.areas

    def trading(self, at: datetime) -> bool:
        return self._here.trading(at)

    def trade_begins(self, after: datetime) -> datetime | None:
        return self._here.trade_begins(after)

    def maintained_until(self, at: datetime, device: str) -> datetime | None:
        return self._here.maintained_until(at, device)


def place_named(name: str) -> Place:
    """From "till/ID", "site/ID" or "area/NAME"."""
    kind, _slash, rest = name.partition("/")
    if kind == "till":
        return TillPlace(rest)
    if kind == "site":
        return here(name, Site.objects.get(pk=int(rest)))
    return Here(name=name)


def name_of(incident: Incident) -> str:
    if incident.terminal_id:
        return till_place(incident.terminal_id)
    if incident.site_id:
        return site_place(incident.site_id)
    return area_place(incident.area)


def in_place(name: str) -> Q:
    """The incidents of exactly this place."""
    kind, _slash, rest = name.partition("/")
    if kind == "till":
        return Q(terminal=rest)
    if kind == "site":
        return Q(terminal=None, site=int(rest))
    return Q(terminal=None, site=None, area=rest)


def about(place: Place) -> Q:
    """The incidents of this place, of its shop and of its areas."""
    found = in_place(place.name)
    if place.terminal and place.site is not None:
        found |= in_place(site_place(place.site))
    return found | _areas(place.areas)


def _areas(names: Iterable[str]) -> Q:
    listed = list(names)
    return Q(terminal=None, site=None, area__in=listed) if listed else Q(pk__in=[])

"""Where an incident is, and why nobody is told of it, in the reader's words."""

from django.utils.translation import gettext as _

from collector.incidents.models import Incident, Why
from collector.inventory.models import Site, Terminal


def place(incident: Incident) -> str:
    """The till, or else the shop, the area, or that it is of many places."""
    if incident.terminal:
        return incident.terminal.name
    if incident.site:
        return _("the whole shop %(shop)s") % {"shop": incident.site.name}
    return area(incident.area)


def area(name: str) -> str:
    """From "provider:Tet", "region:Vidzeme" or "storm"."""
    kind, _colon, own = name.partition(":")
    match kind:
        case "provider":
            return _("shops on the line of %(provider)s") % {"provider": own}
        case "region":
            return _("shops in %(region)s") % {"region": own}
        case "storm":
            return _("many places at once")
    return name


def named(name: str) -> str:
    """From the engine's "till/ID", "site/ID" or "area/NAME"."""
    kind, _slash, rest = name.partition("/")
    if kind == "till":
        found = Terminal.objects.filter(pk=rest).select_related("site").first()
        return f"{found.name}, {found.site.name}" if found else rest
    if kind == "site":
        site = Site.objects.filter(pk=int(rest)).first()
        return _("the whole shop %(shop)s") % {"shop": site.name} if site else rest
    return area(rest)


def why(incident: Incident) -> str:
    """Why nobody is told of it; "" where somebody is."""
    match incident.suppressed_why:
        case Why.CAUSE:
            return _("an effect of another incident")
        case Why.STORM:
            return _("one of many of its kind at once")
        case Why.MAINTENANCE:
            return _("maintenance")
        case Why.PLANNED:
            return _("planned")
    return ""

"""The list of devices: search, filters, sort and paging, all in the address."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from collector.incidents.models import OPEN, Incident
from collector.inventory.models import Customer, Device, Site
from collector.web import access, states, words
from collector.web.reading.backups import Latest, latest_of
from collector.web.reading.page import page_of, whole
from collector.web.reading.places import DeviceFilter, wanted_devices

COLUMNS = (
    ("standing", _("State")),
    ("device", _("Device")),
    ("till", _("Till")),
    ("site", _("Shop")),
    ("", _("Says of itself")),
    ("contact", _("Last contact")),
    ("", _("Last backup")),
    ("incidents", _("Open")),
)


@dataclass(frozen=True, slots=True)
class Column:
    """`next`: what the address must say to sort by this column, or the other way round."""

    word: object
    sort: str
    aria: str
    next: str


@dataclass(frozen=True, slots=True)
class Row:
    device: Device
    glyphs: list[states.Glyph]
    codes: list[str]
    backup: Latest | None


@access.signed_in
def devices(request: HttpRequest) -> HttpResponseBase:
    wanted = DeviceFilter.of(request.GET)
    page = page_of(wanted_devices(wanted), whole(request.GET, "page") or 1)
    context: dict[str, object] = {
        "page": {**_figures(page), "rows": rows_of(page.rows)},
        "filter": wanted,
        "columns": [_column(name, word, wanted) for name, word in COLUMNS],
    }
    if request.headers.get("HX-Request"):
        return render(request, "web/_device_rows.html", context)
    return render(request, "web/devices.html", context | _choices(wanted))


def _figures(page: object) -> dict[str, object]:
    names = ("number", "pages", "total", "first_row", "last_row", "before", "after")
    return {name: getattr(page, name) for name in names}


def _choices(wanted: DeviceFilter) -> dict[str, object]:
    sites = list(Site.objects.select_related("customer"))
    families = Device.objects.order_by("family").values_list("family", flat=True).distinct()
    return {
        "standings": words.STANDINGS,
        "customers": Customer.objects.all(),
        "sites": sites,
        "site": next((site for site in sites if site.pk == wanted.site), None),
        "families": [family for family in families if family],
    }


def rows_of(found: list[Device]) -> list[Row]:
    """Two more queries for the whole page: open faults and backups."""
    keys = {device.terminal_id for device in found}
    codes = _open_codes(keys)
    backups = latest_of(keys)
    return [
        Row(
            device,
            states.glyphs(device.state),
            codes.get((device.terminal_id, device.name), []),
            backups.get(device.terminal_id),
        )
        for device in found
    ]


def _open_codes(terminals: set[str]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    faults = Incident.objects.filter(terminal__in=terminals, state__in=OPEN, subject_kind="device")
    for terminal, subject, code in faults.order_by("since").values_list("terminal_id", "subject_id", "code"):
        found.setdefault((terminal, subject), []).append(code)
    return found


def _column(name: str, word: object, wanted: DeviceFilter) -> Column:
    here = bool(name) and wanted.sort == name
    aria = ("descending" if wanted.down else "ascending") if here else "none"
    return Column(word, name, aria, f"-{name}" if here and not wanted.down else name)

"""One till: a sentence in plain words, what it is, its devices, one timeline, a chart, its backups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy

from collector.backups.models import Traffic
from collector.incidents.models import OPEN, Incident
from collector.ingest.models import Message
from collector.inventory.models import Device, Terminal
from collector.web import access, states
from collector.web.reading.backups import going_on, sources_of
from collector.web.reading.configuration import progress
from collector.web.reading.identity import identity
from collector.web.reading.places import devices as devices_with_standing
from collector.web.reading.places import terminals
from collector.web.reading.timeline import KINDS, timeline
from collector.web.views import software as computer

TIMELINE_ROWS = 60
CHART_POINTS = 1000
CHIPS = {
    "faults": gettext_lazy("Faults"),
    "states": gettext_lazy("State changes"),
    "facts": gettext_lazy("Facts"),
    "backups": gettext_lazy("Backups"),
    "jobs": gettext_lazy("Jobs"),
    "incidents": gettext_lazy("Incidents"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """One device on the page of its till."""

    device: Device
    glyphs: list[states.Glyph]
    identity: Sequence[tuple[object, str]]
    flags: Sequence[tuple[object, bool, str]]
    values: Sequence[tuple[object, object]]


@access.signed_in
def terminal(request: HttpRequest, pk: str) -> HttpResponseBase:
    till = get_object_or_404(terminals(), pk=pk)
    chosen = [name for name in request.GET.getlist("show") if name in KINDS]
    before = _moment(request.GET.get("before", ""))
    entries = timeline(till, chosen, before=before, limit=TIMELINE_ROWS + 1)
    context: dict[str, object] = {
        "terminal": till,
        "zone": till.site.time_zone,
        "chips": [(name, word, name in chosen) for name, word in CHIPS.items()],
        "entries": entries[:TIMELINE_ROWS],
        "older": entries[TIMELINE_ROWS - 1].at.isoformat() if len(entries) > TIMELINE_ROWS else "",
    }
    if request.headers.get("HX-Target") == "timeline":
        return render(request, "web/_timeline.html", context)
    context |= _head(till)
    part = "web/_terminal.html" if request.headers.get("HX-Request") else "web/terminal.html"
    return render(request, part, context)


def _head(till: Terminal) -> dict[str, object]:
    open_ = list(Incident.objects.filter(terminal=till, state__in=OPEN).order_by("since"))
    open_.sort(key=lambda one: ("critical", "error", "warning", "info").index(one.severity))
    found = list(devices_with_standing().filter(terminal=till, retired_at=None).order_by("name"))
    return {
        "open_incidents": open_,
        "cards": [card_of(device) for device in found],
        "backups": sources_of(till),
        "under_way": going_on(till),
        "traffic": Traffic.objects.filter(terminal=till).first(),
        "configuration": progress(till)[0] if not till.retired_at else None,
        "sample": _sample(till),
        "findings": computer.cards(till),
        "holdings": computer.counts(till),
        "all_well": not open_,
        "identity": identity(till),
    }


def card_of(device: Device) -> Card:
    known = device.state
    flags = [
        (word, bool(known[name]), _flag_tone(name, bool(known[name])))
        for name, word in states.FLAGS.items()
        if known.get(name) is not None
    ]
    return Card(
        device,
        states.glyphs(known),
        [
            (word, device.identity[name])
            for name, word in states.IDENTITY.items()
            if device.identity.get(name)
        ],
        flags,
        [(word, known[name]) for name, word in states.VALUES.items() if known.get(name) is not None],
    )


def _flag_tone(name: str, value: bool) -> str:
    if name in states.NEUTRAL:
        return ""
    return "ok" if value == (name in states.GOOD) else "attention"


def _sample(till: Terminal) -> list[tuple[object, str, float]]:
    """Known figures first; an unknown one is shown under its own name."""
    found: dict[str, Any] = till.sample or {}
    names = [name for name in states.SAMPLES if name in found] + [
        name for name in found if name not in states.SAMPLES
    ]
    return [(states.sample_word(name), name, found[name]) for name in names]


def _moment(text: str) -> datetime | None:
    """A moment of the address; nonsense is no moment."""
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and found.tzinfo else None


@access.signed_in
def samples(request: HttpRequest, pk: str) -> HttpResponseBase:
    """Columns for the chart: times in seconds since 1970, then a list of numbers (or null) per name. `device`
    asks for one device instead of the till's computer."""
    till = get_object_or_404(Terminal, pk=pk)
    device = request.GET.get("device", "")[:80]
    kind = "device" if device else "terminal"
    rows = Message.objects.filter(terminal=till, kind="sample", subject_kind=kind, subject_id=device)
    newest = list(rows.order_by("-at").values_list("at", "body")[:CHART_POINTS])[::-1]
    return JsonResponse(_columns(newest))


def _columns(rows: Sequence[tuple[datetime, dict[str, Any]]]) -> dict[str, object]:
    names = sorted({name for _at, body in rows for name in body.get("values", {})})
    known = [name for name in states.SAMPLES if name in names] + [n for n in names if n not in states.SAMPLES]
    return {
        "times": [at.timestamp() for at, _body in rows],
        "series": [
            {
                "name": name,
                "label": states.sample_word(name),
                "values": [body.get("values", {}).get(name) for _at, body in rows],
            }
            for name in known
        ],
    }

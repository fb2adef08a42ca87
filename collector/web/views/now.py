"""The first page: what is wrong now, what to do next, what just happened, and where."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from collector.incidents.models import OPEN, Incident, Transition
from collector.inventory.models import Site, Terminal
from collector.web import access, words
from collector.web.reading.backups import unproved_count
from collector.web.reading.incidents import GROUPS, SILENCE, IncidentFilter, first_rows
from collector.web.reading.page import whole
from collector.web.reading.places import WORST_FIRST, tills_by_shop

QUEUE_ROWS = 8
FEED_ROWS = 20
SITES = 60
"""Shops that the page shows at first, and so many more each time that somebody asks for more."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that is a link to exactly the list that it counts."""

    name: str
    tone: str
    icon: str
    word: object
    count: int
    address: str
    hint: object


@dataclass(slots=True)
class Place:
    """One shop by the worst of its tills and of itself that is not suppressed, and how many of its tills are."""

    pk: int
    name: str
    counts: Counter[str]
    itself: str = ""

    @property
    def worst(self) -> str:
        own = next((name for name in WORST_FIRST if self.counts[name]), "ok")
        return min(own, self.itself or "ok", key=WORST_FIRST.index)

    @property
    def suppressed(self) -> int:
        return self.counts["suppressed"]

    @property
    def tills(self) -> int:
        return self.counts.total()


@access.signed_in
def now(request: HttpRequest) -> HttpResponseBase:
    shown = max(SITES, whole(request.GET, "shops") or SITES)
    found, total = places(shown)
    context = {
        "tiles": tiles(),
        "queue": first_rows(IncidentFilter(mine=True, me=access.user_of(request).pk), QUEUE_ROWS),
        "feed": list(_feed()[:FEED_ROWS]),
        "places": found,
        "shops": total,
        "shown": shown,
        "more": shown + SITES if total > shown else 0,
        "empty": not Terminal.objects.exists(),
    }
    part = "web/_now.html" if request.headers.get("HX-Request") else "web/now.html"
    return render(request, part, context)


def tiles() -> list[Tile]:
    counts = {name: Count("pk", filter=group) for name, group in GROUPS.items()}
    open_ = Incident.objects.filter(state__in=OPEN, suppressed_since=None).aggregate(**counts)
    hints = {
        "fault": _("a till cannot do something"),
        "attention": _("will become a fault if nobody acts"),
        "no_contact": _("tills that are not heard"),
    }
    found = [_state_tile(name, open_[name], hints[name]) for name in GROUPS]
    unproved = unproved_count()
    tone = "attention" if unproved else "ok"
    address = f"{reverse('web:backups')}?show=unproved"
    word, hint = _("Unproved backups"), _("overdue, failed or never restored in a drill")
    return [*found, Tile("backups", tone, "database-export", word, unproved, address, hint)]


def _state_tile(name: str, count: int, hint: object) -> Tile:
    sign = words.STANDINGS[name]
    address = f"{reverse('web:incidents')}?group={name}"
    return Tile(name, sign.tone if count else "ok", sign.icon, sign.word, count, address, hint)


def _feed() -> QuerySet[Transition]:
    """Of what stands on its own: effects are on the pages of their causes."""
    rows = Transition.objects.filter(incident__suppressed_since=None)
    return rows.select_related("incident__terminal", "incident__site", "by").order_by("-id")


def _whole_shops() -> QuerySet[Incident, tuple[int | None, datetime | None]]:
    """Shops that are gone as a whole, and since when that is the effect of something greater."""
    rows = Incident.objects.filter(terminal=None, site__isnull=False, state__in=OPEN, cleared_at=None)
    return rows.filter(code__in=SILENCE).values_list("site", "suppressed_since")


def places(most: int) -> tuple[list[Place], int]:
    """Worst first, then by name; no more than `most`, and how many shops there are with tills."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for pk, standing, count in tills_by_shop():
        counts[pk][standing] = count
    itself = {pk: "no_contact" if since is None else "suppressed" for pk, since in _whole_shops()}
    names = dict(Site.objects.values_list("pk", "name"))
    found = [Place(pk, names[pk], counts[pk], itself.get(pk, "")) for pk in counts if pk in names]
    found.sort(key=lambda place: (WORST_FIRST.index(place.worst), place.name))
    return found[:most], len(found)

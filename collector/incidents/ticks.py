"""What time alone brings: holds and waits that end, causes that are over, windows that begin, terminals that fell
silent. Safe in several processes at once: each piece is judged in a transaction of its own, on a locked row."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Concat

from collector.incidents.apply import driver
from collector.incidents.book import known_of
from collector.incidents.engine import storm
from collector.incidents.engine.cause import SILENT, SITE
from collector.incidents.engine.facts import Spot, Why, area_place, site_place, till_place
from collector.incidents.engine.patrol import Patrol, ShopNow
from collector.incidents.engine.place import Here
from collector.incidents.engine.silence import TOGETHER, Shop, Till, together
from collector.incidents.models import OPEN, Incident
from collector.incidents.place import TillPlace, areas_of, here, place_named
from collector.incidents.watch_models import Watched
from collector.inventory import maintenance
from collector.inventory.models import Site, Terminal

BATCH = 500


def resolve_due(now: datetime) -> int:
    """Look at everything whose time has come: holds, waits, what grows graver. How many."""
    due = Watched.objects.filter(due_at__lte=now).order_by("due_at").values_list("pk", flat=True)
    return sum(_look(pk, now) for pk in list(due[:BATCH]))


def rejudge(now: datetime) -> int:
    """Incidents whose cause, window or storm is over stand on their own again; those in a window that began do not any
    more. How many were judged."""
    over = Q(suppressed_why=Why.CAUSE.value) | Q(suppressed_why=Why.STORM.value)
    ended = Q(cause=None) | ~Q(cause__state__in=OPEN)
    rows = _open().filter(suppressed_since__isnull=False, cleared_at=None)
    judged = list(rows.filter(over & ended).values_list("pk", flat=True)[:BATCH])
    judged += rows.filter(suppressed_why=Why.MAINTENANCE.value).values_list("pk", flat=True)[:BATCH]
    for pk in judged:
        _rejudge(pk, now)
    begun = _in_windows(now)
    for pk in begun:
        _maintain(pk, now)
    return len(judged) + len(begun)


def calm_storms(now: datetime) -> int:
    """Summaries of which nothing lasts any more are over. How many were asked."""
    rows = _open().filter(terminal=None, site=None, area=storm.AREA, cleared_at=None)
    found = list(rows.values_list("pk", flat=True)[:BATCH])
    for pk in found:
        with transaction.atomic():
            incident = _take(pk)
            if incident is not None:
                driver().calm(known_of(incident), now)
    return len(found)


def judge_silence(now: datetime) -> int:
    """Tell the engine of terminals that were not heard for `silent_after_s`, and of shops and areas that are gone with
    them; a terminal that never reported counts from its enrolment. One whose reports are refused is not silent. How
    many terminals."""
    limit = timedelta(seconds=settings.CONFIG.silent_after_s)
    quiet = _quiet(now - limit).count()
    if quiet:
        near = _quiet(now - limit + together(limit)).values_list("pk", "site")[:BATCH]
        _patrol(sorted({site for _pk, site in near}), {pk for pk, _site in near}, now, limit)
    _areas_back(now, limit)
    return quiet


def heard(terminal_ids: Sequence[str], now: datetime) -> None:
    """Reports came: their silence, if one was noticed, is over, and that of their shops."""
    names = [till_place(pk) for pk in terminal_ids]
    sites = Terminal.objects.filter(pk__in=terminal_ids).values_list("site", flat=True).distinct()
    names += [site_place(site) for site in sites]
    up = Watched.objects.filter(
        place__in=names, subject_kind="terminal", subject_id="", code__in=(SILENT, SITE), up_at__isnull=False
    )
    places = [place_named(name) for name in up.order_by("place").values_list("place", flat=True)]
    if places:
        _round().back(places, now)


def _round(limit: timedelta = timedelta()) -> Patrol:
    return Patrol(driver(), limit, lambda name: Here(name=area_place(name)))


def _quiet(before: datetime) -> QuerySet[Terminal]:
    """Those that should be heard and were not, and of whom the engine does not know it yet."""
    known = Watched.objects.filter(
        place=Concat(Value("till/"), OuterRef("pk")),
        subject_kind="terminal",
        subject_id="",
        code=SILENT,
        up_at__isnull=False,
    )
    rows = _expected().annotate(heard_at=Coalesce("last_seen_at", "enrolled_at"))
    return rows.filter(~Exists(known), heard_at__lt=before).order_by("heard_at")


def _expected() -> QuerySet[Terminal]:
    return Terminal.objects.filter(retired_at=None, waits_since=None, quarantined_at=None)


def _patrol(sites: Sequence[int], quiet: set[str], now: datetime, limit: timedelta) -> None:
    try:
        with transaction.atomic():
            tills = _expected().select_for_update(of=("self",)).filter(site__in=sites).order_by("pk")
            shops = _shops(list(tills.select_related("site")), quiet)
            _round(limit).go(shops, _gone_already(now, limit), now)
    except IntegrityError:  # another process opened one in the same moment; the next tick goes on
        return


def _shops(tills: Iterable[Terminal], quiet: set[str]) -> list[ShopNow]:
    by_site: dict[int, list[Terminal]] = {}
    for till in tills:
        by_site.setdefault(till.site_id, []).append(till)
    return [_shop_now(group) for group in by_site.values() if any(till.pk in quiet for till in group)]


def _shop_now(tills: Sequence[Terminal]) -> ShopNow:
    site = tills[0].site
    listed = tuple((_till(till), TillPlace(till.pk)) for till in tills)
    return ShopNow(id=site.pk, place=here(site_place(site.pk), site), tills=listed)


def _till(row: Terminal) -> Till:
    return Till(id=row.pk, heard_at=row.last_seen_at or row.enrolled_at, stopped_at=row.stopped_at)


def _gone_already(now: datetime, limit: timedelta) -> list[Shop]:
    """Shops whose line went so lately that others may have gone with them."""
    lately = now - limit - 2 * TOGETHER
    rows = _open().filter(code=SITE, terminal=None, site__isnull=False, cleared_at=None, since__gte=lately)
    sites = Site.objects.in_bulk([row.site_id for row in rows if row.site_id])
    return [
        Shop(id=s.pk, since=row.since, areas=areas_of(s))
        for row in rows
        if (s := sites.get(row.site_id or 0))
    ]


def _areas_back(now: datetime, limit: timedelta) -> None:
    rows = _open().filter(code=SITE, terminal=None, site=None, cleared_at=None).exclude(area=storm.AREA)
    areas = list(rows.values_list("area", flat=True))
    if areas:
        with transaction.atomic():
            _round(limit).areas_back(areas, now)


def _look(pk: int, now: datetime) -> bool:
    try:
        with transaction.atomic():
            rows = Watched.objects.select_for_update(skip_locked=True, of=("self",))
            row = rows.filter(pk=pk, due_at__lte=now).first()
            if row is None:
                return False
            spot = Spot(row.place, row.subject_kind, row.subject_id, row.code)
            driver(timedelta(seconds=row.ahead_s)).look(spot, place_named(row.place), now)
    except IntegrityError:  # somebody opened one by hand in the same moment
        return False
    return True


def _rejudge(pk: int, now: datetime) -> None:
    with transaction.atomic():
        incident = _take(pk)
        if incident is not None:
            driver().rejudge(known_of(incident), now)


def _maintain(pk: int, now: datetime) -> None:
    with transaction.atomic():
        incident = _take(pk)
        if incident is not None:
            driver().maintain(known_of(incident), now)


def _in_windows(now: datetime) -> list[int]:
    """Open incidents that nobody suppressed, of places with a window that runs."""
    found: list[int] = []
    for window in maintenance.running(now):
        rows = _open().filter(suppressed_since=None, cleared_at=None)
        places = Q(site__customer=window.customer_id) if window.customer_id else Q(pk__in=[])
        places |= Q(site=window.site_id) if window.site_id else Q(pk__in=[])
        places |= Q(terminal=window.terminal_id) if window.terminal_id else Q(pk__in=[])
        places |= Q(device=window.device_id) if window.device_id else Q(pk__in=[])
        if maintenance.window_of(window).until(now) is not None:
            found += rows.filter(places).values_list("pk", flat=True)[:BATCH]
    return found


def _take(pk: int) -> Incident | None:
    rows = Incident.objects.select_for_update(skip_locked=True, of=("self",))
    return rows.filter(pk=pk, state__in=OPEN).first()


def _open() -> QuerySet[Incident]:
    return Incident.objects.filter(state__in=OPEN)

"""Bringing a backup back: which till, which set, where to. A set is taken away locked; what is done on a till is a job
that operators sign. Then the log of who read what."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode

from collector.backups import catalogue, reads
from collector.backups.models import Reading, Snapshot
from collector.backups.reads import Reader
from collector.backups.taking import parcel, pieces
from collector.core import clock
from collector.inventory.models import Terminal
from collector.web import access
from collector.web.reading import restores as reading
from collector.web.reading.page import page_of, whole
from protocols.errors import BackupError


@access.signed_in
def restore(request: HttpRequest) -> HttpResponseBase:
    given = request.GET
    till = _till(given.get("till", ""))
    chosen = reading.chosen(
        till,
        given.get("source", ""),
        given.get("set", ""),
        given.get("where", ""),
        _till(given.get("target", "")),
    )
    context = {
        "tills": reading.tills(),
        "it": chosen,
        "zone": till.site.time_zone if till else "",
        "spare": reading.spare(till) if till and chosen.chosen else [],
        "job_query": urlencode(chosen.job),
    }
    return render(request, "web/restore.html", context)


def _till(pk: str) -> Terminal | None:
    return Terminal.objects.select_related("site").filter(pk=pk).first() if pk else None


@access.workers
def download(request: HttpRequest, pk: str, digest: str) -> HttpResponseBase:
    """The locked set as a tar archive."""
    snapshot = get_object_or_404(Snapshot, terminal_id=pk, digest=digest, removed_at=None)
    store, now = catalogue.store(), clock.now()
    try:
        whole_set = parcel(snapshot, store)
    except BackupError as e:
        raise Http404(str(e)) from e
    by = Reader("download", person=access.user_of(request).username)
    reads.note(pk, by, digest, whole_set.size, now, objects=whole_set.objects)
    answer = StreamingHttpResponse(_streamed(pieces(whole_set, store)), content_type="application/x-tar")
    name = f"{snapshot.source}-{snapshot.received_at:%Y%m%d-%H%M}-{digest[:8]}.tar"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


async def _streamed(found: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece is read in a thread, so that nobody else waits for the disk."""
    while (piece := await sync_to_async(_next, thread_sensitive=False)(found)) is not None:
        yield piece


def _next(found: Iterator[bytes]) -> bytes | None:
    try:
        return next(found, None)
    finally:
        connection.close()


@access.signed_in
def readings(request: HttpRequest) -> HttpResponseBase:
    """The access log."""
    till = _till(request.GET.get("till", ""))
    rows = Reading.objects.select_related("terminal__site")
    if till:
        rows = rows.filter(terminal=till)
    page = page_of(rows, whole(request.GET, "page") or 1)
    readers = {one.reader for one in page.rows if one.reader}
    names = {one.pk: one for one in Terminal.objects.filter(pk__in=readers).select_related("site")}
    context = {
        "page": page,
        "till": till,
        "rows": [(one, names.get(one.reader)) for one in page.rows],
    }
    return render(request, "web/readings.html", context)

"""Guidelines and news: written, published, followed until all have confirmed; kept as evidence. Thin."""

from dataclasses import dataclass
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.core.models import Language, User
from collector.inventory.models import Customer, Site
from collector.notices import audience, evidence, giving, lists, reading
from collector.notices.models import Kind, Notice, Version
from collector.web import access, notify_words
from collector.web.reading.page import page_of, whole
from protocols.errors import PlombaError

SHOWN_READERS = 12
NAME_ROWS = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One notice in the list. `draft`: a version that is not published yet."""

    notice: Notice
    title: str
    progress: lists.Progress | None
    draft: bool


@access.signed_in
def notices(request: HttpRequest) -> HttpResponseBase:
    rows = Notice.objects.select_related("current__notice").prefetch_related("versions")
    page = page_of(rows, whole(request.GET, "page") or 1)
    context = {"page": page, "lines": [_line(row) for row in page.rows]}
    return render(request, "web/notices.html", context)


def _line(notice: Notice) -> Line:
    versions = list(notice.versions.all())
    draft = any(version.published_at is None for version in versions)
    newest = notice.current or (versions[0] if versions else None)
    progress = lists.progress(notice.current, clock.now().date()) if notice.current else None
    return Line(notice, reading.title_of(newest, get_language() or "lv"), progress, draft)


@access.signed_in
def notice(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _page(request, get_object_or_404(Notice.objects.select_related("current__notice"), pk=pk))


def _page(request: HttpRequest, found: Notice, problem: str = "", status: int = 200) -> HttpResponse:
    draft = found.versions.filter(published_at=None).first()
    shown = draft or found.current
    readers = audience.contacts_of(found, clock.now())
    context: dict[str, object] = {
        "notice": found,
        "draft": draft,
        "current": found.current,
        "title": reading.title_of(shown, get_language() or "lv"),
        "texts": _texts(shown) if shown else [],
        "readers": readers[:SHOWN_READERS],
        "reader_count": readers.count(),
        "versions": found.versions.select_related("published_by"),
        "problem": problem,
        "name_rows": range(NAME_ROWS),
    }
    if found.current:
        context |= _followed(found.current)
    return render(request, "web/notice.html", context, status=status)


def _followed(version: Version) -> dict[str, object]:
    rows = version.readings.select_related("contact__customer").order_by("confirmed_at", "contact__name")
    signed: dict[int, list[object]] = {}
    for sheet in version.sheets.select_related("by").defer("scan"):
        signed.setdefault(sheet.site_id, []).append(sheet)
    shops = [(site, signed.get(site.pk, [])) for site in lists.sites_of(version)]
    return {
        "progress": lists.progress(version, clock.now().date()),
        "readings": rows,
        "shops": shops if version.notice.acknowledge else [],
    }


def _texts(version: Version) -> list[tuple[str, str, str]]:
    """Language, title, safe HTML; that of the reader first."""
    mine = get_language() or "lv"
    return [
        (language, version.texts[language]["title"], reading.html_of(version.texts[language]["text"]))
        for language in sorted(giving.LANGUAGES, key=lambda one: one != mine)
        if language in version.texts
    ]


@access.workers
def edit(request: HttpRequest, pk: int = 0) -> HttpResponseBase:
    """A new notice, or the draft of one. Nothing that was published changes."""
    found = get_object_or_404(Notice, pk=pk) if pk else None
    if request.method != "POST":
        return _form(request, found)
    me = access.user_of(request)
    try:
        saved = _save(found, request.POST, me)
    except PlombaError as e:
        return _form(request, found, _refusal(e), 422)
    return redirect("web:notice", saved.pk)


def _form(request: HttpRequest, found: Notice | None, problem: str = "", status: int = 200) -> HttpResponse:
    newest = found.versions.first() if found else None
    given = request.POST if request.method == "POST" else None
    tongues = []
    for code, name in Language.choices:
        kept = newest.texts.get(code, {}) if newest else {}
        title = given.get(f"{code}-title", "") if given else kept.get("title", "")
        text = given.get(f"{code}-text", "") if given else kept.get("text", "")
        tongues.append((code, name, title, text))
    context = {
        "notice": found,
        "version": newest,
        "tongues": tongues,
        "customers": Customer.objects.all(),
        "chosen": {c.pk for c in found.customers.all()} if found else set(),
        "problem": problem,
    }
    return render(request, "web/notice_edit.html", context, status=status)


def _save(found: Notice | None, post: QueryDict, me: User) -> Notice:
    now = clock.now()
    texts = {
        code: {"title": post.get(f"{code}-title", ""), "text": post.get(f"{code}-text", "")}
        for code in giving.LANGUAGES
    }
    return giving.save(found, texts, _shape(post), me, now)


def _shape(post: QueryDict) -> giving.Shape:
    days = post.get("remind_days", "")
    return giving.Shape(
        kind=post.get("kind", "") if post.get("kind") in Kind.values else Kind.NEWS,
        customers=tuple(int(pk) for pk in post.getlist("customers") if pk.isdecimal()),
        device_models=_parts(post.get("device_models", "")),
        contracts=_parts(post.get("contracts", "")),
        confirm="confirm" in post,
        acknowledge="acknowledge" in post,
        remind_days=min(max(int(days), 1), 90) if days.isdecimal() else 3,
        confirm_by=_day(post.get("confirm_by", "")),
    )


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip()[:100] for part in text.split(",") if part.strip())[:50]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@require_POST
@access.workers
def act(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """publish, withdraw, restore, list."""
    found = get_object_or_404(Notice, pk=pk)
    try:
        _do(request, found, name)
    except PlombaError as e:
        found.refresh_from_db()
        return _page(request, found, _refusal(e), 422)
    return redirect("web:notice", pk)


def _do(request: HttpRequest, found: Notice, name: str) -> None:
    me, now = access.user_of(request), clock.now()
    match name:
        case "publish":
            giving.publish(found, me, now)
            messages.success(request, _("It is published; the mails are on their way."))
        case "withdraw":
            giving.withdraw(found, me, now)
            messages.success(
                request, _("It is withdrawn. Nobody is reminded any more; what was confirmed stays.")
            )
        case "restore":
            giving.restore(found, me, now)
        case "list":
            _enter(request, found, me)
        case _:
            raise giving.NoticeRefused("there is no such act", code="notice.unknown")


def _enter(request: HttpRequest, found: Notice, me: User) -> None:
    post = request.POST
    site = get_object_or_404(Site, pk=whole(post, "site") or 0)
    if found.current is None:
        raise giving.NoticeRefused("nothing is published yet", code="notice.published")
    columns = zip(post.getlist("name"), post.getlist("job"), post.getlist("on"), strict=False)
    names = [{"name": name, "job": job, "on": on} for name, job, on in columns]
    upload = request.FILES.get("scan")
    scan = upload.read(lists.SCAN_MAX + 1) if upload else b""
    lists.enter(found.current, site, names=names, by=me, now=clock.now(), scan=scan)
    messages.success(request, _("%(shop)s: the signed list is kept.") % {"shop": site.name})


@access.signed_in
def archive(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The evidence, as a file."""
    found = get_object_or_404(Notice, pk=pk)
    answer = HttpResponse(evidence.archive(found), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="notice-{found.pk}.zip"'
    return answer


@access.signed_in
def sheet(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The lists of all shops, a page each, for printing; ?site=… for one."""
    found = get_object_or_404(Notice.objects.select_related("current__notice"), pk=pk, current__isnull=False)
    shops = lists.sites_of(found.current) if found.current else []
    one = whole(request.GET, "site")
    return sheets(request, found.current, [shop for shop in shops if one in (None, shop.pk)])


def sheets(request: HttpRequest, version: Version | None, shops: list[Site]) -> HttpResponse:
    spoken, text = giving.text_for(version, get_language() or "lv") if version else ("lv", {})
    context = {"version": version, "text": text, "spoken": spoken, "shops": shops, "lines": range(14)}
    return render(request, "web/notice_lists.html", context)


def _refusal(e: PlombaError) -> str:
    return notify_words.notice_refusal(e)

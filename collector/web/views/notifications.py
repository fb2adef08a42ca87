"""What I am told, where and when: each person's own page."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.core.models import User
from collector.inventory.models import Customer, Site
from collector.notify import choosing, courier, hours
from collector.notify.channels import push
from collector.notify.choosing import Chosen
from collector.notify.models import Address, BadAddress, Channel, Outgoing, Wish
from collector.web import access, notify_words
from collector.web.reading.page import whole
from collector.web.words import SEVERITIES
from protocols.errors import PlombaError

RECENT = 10


@dataclass(frozen=True, slots=True)
class ShownWish:
    wish: Wish
    preset: str
    days: Sequence[tuple[str, object, str, str]]
    customers: set[int]
    sites: set[int]


@dataclass(frozen=True, slots=True)
class ShownAddress:
    address: Address
    bad: BadAddress | None
    wishes: list[ShownWish]


@access.signed_in
def notifications(request: HttpRequest) -> HttpResponseBase:
    return _page(request)


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    me = access.user_of(request)
    context = {
        "addresses": _shown(me),
        "channels": [(c.value, notify_words.channel(c)) for c in _typed(me)],
        "push_key": push.application_key(settings.CONFIG),
        "severities": SEVERITIES,
        "presets": notify_words.PRESETS,
        "days": [(day, word, "", "") for day, word in notify_words.DAYS.items()],
        "customers": Customer.objects.all(),
        "sites": Site.objects.select_related("customer"),
        "recent": Outgoing.objects.filter(person=me)[:RECENT],
        "problem": problem,
    }
    return render(request, "web/notifications.html", context, status=status)


def _typed(me: User) -> list[Channel]:
    """The channels whose address is typed in; a browser gives its own."""
    return [Channel.EMAIL, Channel.SMS, *([Channel.WEBHOOK] if me.may_manage else [])]


def _shown(me: User) -> list[ShownAddress]:
    rows = me.addresses.prefetch_related("wishes__customers", "wishes__sites")
    marks = {
        (bad.channel, bad.address): bad
        for bad in BadAddress.objects.filter(address__in=[r.address for r in rows])
    }
    return [
        ShownAddress(row, marks.get((row.channel, row.address)), [_shown_wish(w) for w in row.wishes.all()])
        for row in rows
    ]


def _shown_wish(wish: Wish) -> ShownWish:
    preset = next((name for name, week in hours.PRESETS.items() if week == wish.hours), "own")
    days = []
    for day, word in notify_words.DAYS.items():
        first, last = (wish.hours.get(day) or [["", ""]])[0] if preset == "own" else ("", "")
        days.append((day, word, first, last))
    return ShownWish(
        wish, preset, days, {c.pk for c in wish.customers.all()}, {s.pk for s in wish.sites.all()}
    )


@require_POST
@access.signed_in
def add(request: HttpRequest) -> HttpResponseBase:
    me, post = access.user_of(request), request.POST
    try:
        made = choosing.add(
            me, post.get("channel", ""), post.get("address", ""), clock.now(), label=post.get("label", "")
        )
    except PlombaError as e:
        return _page(request, notify_words.refusal(e), 422)
    messages.success(
        request, _("%(address)s: added. Send a test to see whether it arrives.") % {"address": made.address}
    )
    return redirect("web:notifications")


@require_POST
@access.signed_in
def add_browser(request: HttpRequest) -> HttpResponseBase:
    """From push.js: {"endpoint", "p256dh", "auth", "label"}."""
    try:
        told = json.loads(request.body)
        keys = {name: str(told[name]) for name in ("p256dh", "auth")}
        endpoint, label = str(told["endpoint"]), str(told.get("label", ""))
    except (ValueError, KeyError, TypeError):
        return JsonResponse({"problem": _("The browser gave no keys.")}, status=422)
    try:
        choosing.add(access.user_of(request), Channel.PUSH, endpoint, clock.now(), label=label, keys=keys)
    except PlombaError as e:
        return JsonResponse({"problem": notify_words.refusal(e)}, status=422)
    return HttpResponse(status=204)


@require_POST
@access.signed_in
def act(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """remove, try, well, wish (a new one)."""
    me = access.user_of(request)
    try:
        _do(me, pk, name, request.POST)
    except PlombaError as e:
        return _page(request, notify_words.refusal(e), 422)
    if name == "try":
        messages.success(request, _("A test message is on its way; below you see what becomes of it."))
    return redirect("web:notifications")


def _do(me: User, pk: int, name: str, post: QueryDict) -> None:
    match name:
        case "remove":
            choosing.remove(me, pk)
        case "try":
            choosing.try_out(me, pk, clock.now())
        case "well":
            own = choosing.of(me, pk)
            courier.mark_well(own.channel, own.address)
        case "wish":
            choosing.wish(me, pk, _chosen(post), whole(post, "wish"))
        case "drop":
            choosing.drop_wish(me, pk, whole(post, "wish") or 0)
        case _:
            raise choosing.ChoiceRefused("there is no such act", code="notify.unknown")


def _chosen(post: QueryDict) -> Chosen:
    return Chosen(
        severity=post.get("severity", "error") if post.get("severity") in SEVERITIES else "error",
        hours=_week(post),
        time_zone=post.get("zone", "Europe/Riga"),
        customers=[int(pk) for pk in post.getlist("customers") if pk.isdecimal()],
        sites=[int(pk) for pk in post.getlist("sites") if pk.isdecimal()],
        tells_end="tells_end" in post,
    )


def _week(post: QueryDict) -> object:
    preset = post.get("hours", "always")
    if preset in hours.PRESETS:
        return dict(hours.PRESETS[preset])
    week = {}
    for day in hours.DAYS:
        first, last = post.get(f"{day}_from", ""), post.get(f"{day}_to", "")
        if first or last:
            week[day] = [[first, last]]
    if not week:
        raise choosing.ChoiceRefused("own hours without an hour", code="notify.hours")
    return week

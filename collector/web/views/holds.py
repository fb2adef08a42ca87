"""What must not be removed of a till's backups, why, and who said so: holds that people begin and end, and the freezes
of the collector that wait for somebody to look."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from collector.backups import holds as room
from collector.backups.models import Hold
from collector.core import clock
from collector.inventory.models import Terminal
from collector.web import access
from collector.web.backup_words import refusal
from collector.web.reading.restores import sources_by_till
from protocols.errors import RepositoryRefused

ENDED = 50
STEPS = {
    "begun": gettext_lazy("Begun"),
    "ended": pgettext_lazy("hold", "Ended"),
    "resumed": gettext_lazy("The end was taken back"),
    "frozen": gettext_lazy("Looked at: it stays frozen"),
}


@access.signed_in
def holds(request: HttpRequest) -> HttpResponseBase:
    """`what` in the address fills the form in."""
    return _page(request, "")


def _page(request: HttpRequest, problem: str, status: int = 200) -> HttpResponseBase:
    rows = Hold.objects.select_related("terminal__site").prefetch_related("steps")
    given = request.POST or request.GET
    context = {
        "running": [(one, _steps(one)) for one in rows.filter(ended_at=None)],
        "ended": [(one, _steps(one)) for one in rows.exclude(ended_at=None).order_by("-ended_at")[:ENDED]],
        "choices": sources_by_till() if access.user_of(request).may_manage else [],
        "chosen": given.get("what", ""),
        "reason": request.POST.get("reason", ""),
        "problem": problem,
    }
    return render(request, "web/holds.html", context, status=status)


def _steps(one: Hold) -> list[tuple[object, object]]:
    return [(STEPS[step.what], step) for step in one.steps.all()]


@require_POST
@access.managers
def begin(request: HttpRequest) -> HttpResponseBase:
    """`what` is "TERMINAL" for all of a till, or "TERMINAL/SOURCE"."""
    pk, _slash, source = request.POST.get("what", "").partition("/")
    till = Terminal.objects.filter(pk=pk).first()
    if till is None:
        return _page(request, _("Choose a till or one of its backups."), 422)
    by, reason = access.user_of(request).username, request.POST.get("reason", "")
    try:
        room.hold(till, source, why=room.LEGAL, reason=reason, by=by, now=clock.now())
    except RepositoryRefused as e:
        return _page(request, refusal(e), 422)
    messages.success(request, _("From now on nothing of it is removed."))
    return redirect("web:holds")


@require_POST
@access.managers
def act(request: HttpRequest, pk: int, name: str) -> HttpResponseBase:
    """end, resume (the end is taken back), or frozen (looked at, and not all right)."""
    one = get_object_or_404(Hold, pk=pk)
    try:
        said = _done(one, name, access.user_of(request).username, clock.now(), request.POST.get("reason", ""))
    except RepositoryRefused as e:
        return _page(request, refusal(e), 422)
    messages.success(request, said)
    return redirect("web:holds")


def _done(one: Hold, name: str, by: str, now: datetime, reason: str) -> str:
    if name == "end":
        room.release(one, by, now, reason)
        return _("It is not held any more. What the rules let go is removed after its days of grace.")
    if name == "resume":
        room.resume(one, by, now, reason)
        return _("It is held as before.")
    if name == "frozen":
        room.keep_frozen(one, by, now, reason)
        return _("It stays frozen until somebody ends it.")
    raise RepositoryRefused("there is no such act", code="backup.no_act")

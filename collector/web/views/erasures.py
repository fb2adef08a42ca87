"""What was erased of a person's data, so that a restore of an older backup erases it once more."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from collector.backups import erasures as room
from collector.backups.erasures import Wish
from collector.backups.models import Erasure
from collector.core import clock
from collector.inventory.models import Terminal
from collector.web import access
from collector.web.backup_words import refusal
from collector.web.reading.page import page_of, whole
from collector.web.reading.restores import sources_by_till
from protocols.errors import RepositoryRefused


@access.signed_in
def erasures(request: HttpRequest) -> HttpResponseBase:
    return _page(request, "")


def _page(request: HttpRequest, problem: str, status: int = 200) -> HttpResponseBase:
    rows = Erasure.objects.select_related("terminal__site")
    context = {
        "page": page_of(rows, whole(request.GET, "page") or 1),
        "choices": sources_by_till() if access.user_of(request).may_manage else [],
        "given": _given(request),
        "problem": problem,
    }
    return render(request, "web/erasures.html", context, status=status)


def _given(request: HttpRequest) -> dict[str, str]:
    """What was written, as it goes back into the form: in a template `values` would be the dictionary's own."""
    names = {"what": "what", "column": "column", "values": "entered", "reason": "reason"}
    return {name: request.POST.get(field, "") for field, name in names.items()}


@require_POST
@access.managers
def add(request: HttpRequest) -> HttpResponseBase:
    """`what` is "TERMINAL/SOURCE", `values` one value a line. The values are not kept."""
    given = request.POST
    pk, _slash, source = given.get("what", "").partition("/")
    till = Terminal.objects.filter(pk=pk).first()
    if till is None:
        return _page(request, _("Choose a backup of a till."), 422)
    values = given.get("values", "").splitlines()
    wish = Wish(source, given.get("column", "").strip(), values, given.get("reason", ""))
    try:
        made = room.keep(till, wish, access.user_of(request).username, clock.now())
    except RepositoryRefused as e:
        return _page(request, refusal(e), 422)
    said = ngettext(
        "%(count)d erasure is on the list. The value itself is not kept.",
        "%(count)d erasures are on the list. The values themselves are not kept.",
        len(made),
    )
    messages.success(request, said % {"count": len(made)})
    return redirect("web:erasures")


@require_POST
@access.managers
def withdraw(request: HttpRequest, pk: int) -> HttpResponseBase:
    try:
        room.withdraw(pk, access.user_of(request).username, clock.now())
    except RepositoryRefused as e:
        messages.error(request, refusal(e))
    else:
        messages.success(request, _("A restore leaves it alone from now on."))
    return redirect("web:erasures")

"""What a technician does to the identity of one till: approve or reject it, wish a new key, choose the right one of
two."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.ingest import clones
from collector.inventory import identity
from collector.inventory.models import Terminal
from collector.web import access

_TOO_LATE = "identity.not_waiting"


@require_POST
@access.workers
def act(request: HttpRequest, pk: str, name: str) -> HttpResponseBase:
    till = get_object_or_404(Terminal, pk=pk)
    by = access.user_of(request).pk
    match name:
        case "approve" | "reject":
            return _judge(request, till, by, approve=name == "approve")
        case "rekey":
            identity.want_rekey(till.pk, by, clock.now())
            messages.success(request, _("The till makes itself a new key as soon as it reports."))
        case "choose":
            _choose(request, till, by)
        case _:
            raise Http404
    return redirect("web:terminal", till.pk)


def _judge(request: HttpRequest, till: Terminal, by: int, *, approve: bool) -> HttpResponseBase:
    try:
        (identity.approve if approve else identity.reject)(till.pk, by, clock.now())
    except identity.IdentityRefused:
        messages.error(request, _("Somebody else was quicker: this till does not wait any more."))
    else:
        said = _("%(name)s is approved.") if approve else _("%(name)s is rejected.")
        messages.success(request, said % {"name": till.name})
    return redirect("web:enrol")


def _choose(request: HttpRequest, till: Terminal, by: int) -> None:
    if clones.choose(till, request.POST.get("session", ""), by, clock.now()):
        messages.success(
            request,
            _("The chosen till makes itself a new key as soon as it reports. The other one stays unknown."),
        )
    else:
        messages.error(request, _("There is nothing to choose any more. Here is how it is now."))

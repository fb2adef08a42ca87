"""One till's backups on one paper, for whoever audits them."""

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language

from collector.core import clock
from collector.inventory.models import Terminal
from collector.web import access
from collector.web.reading.dossier import document
from collector.web.reading.dossier import dossier as gathered
from collector.web.reading.places import terminals


@access.signed_in
def dossier(request: HttpRequest, pk: str) -> HttpResponseBase:
    found = gathered(_till(pk), get_language() or "en", clock.now())
    return render(request, "web/dossier.html", {"it": found, "zone": found.till.site.time_zone})


@access.signed_in
def file(request: HttpRequest, pk: str) -> HttpResponseBase:
    till = _till(pk)
    answer = JsonResponse(document(gathered(till, "en", clock.now())), json_dumps_params={"indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="backups-{till.pk}.json"'
    return answer


def _till(pk: str) -> Terminal:
    return get_object_or_404(terminals(), pk=pk)

"""Mail that came in: what became of it, and what waits for a person."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.inventory.models import ContactPerson, Customer
from collector.requests import receiving
from collector.requests.models import WAITING, Blob, Mail, Mailbox
from collector.requests.reading import Unreadable, read
from collector.web import access
from collector.web.reading.page import one_of, page_of, whole
from collector.web.reading.requests import mails

EXCERPT = 1500


@access.signed_in
def listed(request: HttpRequest) -> HttpResponseBase:
    show = one_of(request.GET, "show", ("waiting", "all"), "waiting")
    page = page_of(mails(show), whole(request.GET, "page") or 1)
    context = {
        "page": page,
        "show": show,
        "boxes": Mailbox.objects.order_by("name"),
        "waiting": [fate.value for fate in WAITING],
        "customers": Customer.objects.all(),
        "excerpts": {mail.pk: excerpt(mail) for mail in page.rows if mail.fate in WAITING},
    }
    return render(request, "web/mails.html", context)


def excerpt(mail: Mail) -> str:
    try:
        return read(receiving.raw(mail)).text[:EXCERPT]
    except (Unreadable, Blob.DoesNotExist):
        return ""


@access.workers
def raw(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The bytes as they came, to be saved."""
    mail = get_object_or_404(Mail, pk=pk)
    try:
        answer = HttpResponse(receiving.raw(mail), content_type="application/octet-stream")
    except Blob.DoesNotExist as e:
        raise Http404 from e
    answer.headers["Content-Disposition"] = f'attachment; filename="mail-{mail.pk}.eml"'
    return answer


@require_POST
@access.workers
def settle(request: HttpRequest, pk: int) -> HttpResponseBase:
    """With a customer it becomes a request; without one it only counts as seen."""
    get_object_or_404(Mail, pk=pk)
    contact = (
        ContactPerson.objects.filter(pk=whole(request.POST, "contact") or 0)
        .select_related("customer")
        .first()
    )
    customer = (
        contact.customer
        if contact
        else Customer.objects.filter(pk=whole(request.POST, "customer") or 0).first()
    )
    mail = receiving.settle(pk, access.user_of(request), clock.now(), customer, contact)
    if mail.request:
        return redirect("web:request", mail.request.pk)
    messages.success(request, _("Settled; the mail stays in the list."))
    return redirect("web:mails")

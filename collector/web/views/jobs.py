"""Jobs of a till: an operator chooses and signs in the browser, with a key that never comes here; or hands in a file
that was signed elsewhere. Managers hand in the list of operators."""

import json

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from pydantic import ValidationError

from collector.core import clock
from collector.jobs import desk, operators, packages
from collector.jobs.models import Job
from collector.web import access, job_words
from collector.web.reading import jobs as reading
from collector.web.reading.places import terminals
from protocols.errors import JobError
from protocols.wire.job import LIST_BYTES, Signed

LIST_MOST = 2 * LIST_BYTES


class ListForm(forms.Form):
    file = forms.FileField()


@access.signed_in
def jobs(request: HttpRequest, pk: str) -> HttpResponseBase:
    till = get_object_or_404(terminals(), pk=pk)
    context: dict[str, object] = {
        "terminal": till,
        "zone": till.site.time_zone,
        "jobs": reading.jobs_of(till, clock.now()),
    }
    if request.headers.get("HX-Target") == "jobs":
        return render(request, "web/_jobs.html", context)
    listed = reading.operators_listed(clock.now())
    context |= {
        "choices": reading.choices(request.GET.dict()),
        "known": reading.known_of(till),
        "packages": packages.kept(),
        "listed": listed,
        "names": json.dumps({one.key: one.name for one, _until in listed.people}),
    }
    return render(request, "web/jobs.html", context)


@require_POST
@access.workers
def keep(request: HttpRequest, pk: str) -> HttpResponseBase:
    """A signed job as JSON; it must be for this till."""
    till = get_object_or_404(terminals(), pk=pk)
    try:
        row = desk.keep(desk.parsed(request.body), clock.now(), access.user_of(request), target=till.pk)
    except JobError as e:
        return _refused(e)
    return JsonResponse({"id": row.pk, "state": row.state}, status=201)


@require_POST
@access.workers
def sign(request: HttpRequest, pk: str) -> HttpResponseBase:
    """One more signature, as JSON."""
    try:
        signature = Signed.model_validate_json(request.body[:1000])
        row = desk.sign(pk, signature, clock.now(), access.user_of(request))
    except ValidationError:
        return _refused(JobError("this is no signature", code="job.signature"))
    except JobError as e:
        return _refused(e)
    return JsonResponse({"id": row.pk, "state": row.state})


@require_POST
@access.workers
def cancel(request: HttpRequest, pk: str) -> HttpResponseBase:
    row = get_object_or_404(Job, pk=pk)
    try:
        desk.cancel(pk, clock.now(), access.user_of(request))
    except JobError as e:
        messages.error(request, job_words.refusal(e.code, str(e)))
    return redirect("web:jobs", row.terminal_id)


@access.managers
def operator_list(request: HttpRequest) -> HttpResponseBase:
    form = ListForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            document = form.cleaned_data["file"].read(LIST_MOST)
            listed = operators.keep(document, clock.now(), access.user_of(request))
        except JobError as e:
            form.add_error("file", job_words.refusal(e.code, str(e)))
        else:
            messages.success(request, _("List %(number)d of operators is kept.") % {"number": listed.number})
            return redirect("web:operators")
    context = {"form": form, "listed": reading.operators_listed(clock.now())}
    return render(request, "web/operators.html", context, status=422 if form.errors else 200)


def _refused(e: JobError) -> JsonResponse:
    return JsonResponse({"code": e.code, "text": job_words.refusal(e.code, str(e))}, status=422)

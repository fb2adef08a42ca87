"""The catalogue of requests: every type as people see it, and its text, which a manager may change."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from collector.core import clock
from collector.requests import catalogue
from collector.requests.catalogue import CatalogueWrong
from collector.web import access
from collector.web.reading.page import whole


@access.signed_in
def listed(request: HttpRequest) -> HttpResponseBase:
    language = get_language()
    rows = [
        (kind, kind.title.say(language), kind.summary.say(language), len(catalogue.versions(kind.key)))
        for kind in catalogue.types().values()
    ]
    return render(request, "web/catalogue.html", {"rows": rows})


@access.signed_in
def one(request: HttpRequest, key: str) -> HttpResponseBase:
    """A text is shown as people will see it before it counts."""
    text = catalogue.text_of(key)
    if not text:
        raise Http404
    versions = catalogue.versions(key)
    context: dict[str, object] = {
        "key": key,
        "text": text,
        "versions": versions,
        "base": versions[0].number if versions else 0,
        "kind": catalogue.parse(text),
    }
    if request.method == "POST":
        if not access.user_of(request).may_manage:
            raise PermissionDenied
        return _written(request, key, context)
    if brought := whole(request.GET, "version"):
        context |= {"text": next((row.text for row in versions if row.number == brought), text)}
    return _shown(request, context)


def _shown(request: HttpRequest, context: dict[str, object], status: int = 200) -> HttpResponseBase:
    kind, language = context["kind"], get_language()
    if isinstance(kind, catalogue.RequestType):
        context |= {
            "title": kind.title.say(language),
            "summary": kind.summary.say(language),
            "fields": [(asked.label.say(language), asked) for asked in kind.fields],
            "approvals": [(one.question.say(language), one.by) for one in kind.approvals],
            "steps": [(step.words.say(language), step) for step in kind.steps],
        }
    return render(request, "web/catalogue_type.html", context, status=status)


def _written(request: HttpRequest, key: str, context: dict[str, object]) -> HttpResponseBase:
    text = request.POST.get("text", "").replace("\r\n", "\n")
    comment = request.POST.get("comment", "")
    context |= {"text": text, "comment": comment}
    try:
        kind = catalogue.parse(text)
        if kind.key != key and kind.key in catalogue.types():
            raise CatalogueWrong("key: this key is another type's")
        if "save" not in request.POST:
            return _shown(request, context | {"kind": kind, "checked": True})
        base = whole(request.POST, "base") or 0
        if kind.key != key:
            base = 0
        catalogue.save(text, access.user_of(request), comment, base, clock.now())
    except CatalogueWrong as e:
        said = str(e)
        if e.code == "catalogue.changed":
            said = _("Somebody else has saved another version meanwhile. Copy your text, load the page anew.")
        return _shown(request, context | {"problem": said}, 422)
    messages.success(request, _("Saved. It counts for requests from now on; older ones keep what they had."))
    return redirect("web:catalogue-type", kind.key)

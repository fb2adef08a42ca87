"""Every source of every till with its last backup and its last proof."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from collector.web import access
from collector.web.reading import law as law_reading
from collector.web.reading.backups import proofs
from collector.web.reading.page import one_of

SHOWS = (("all", _("All")), ("unproved", _("Without proof")), ("proved", _("Proved")))


@access.signed_in
def backups(request: HttpRequest) -> HttpResponseBase:
    show = one_of(request.GET, "show", tuple(name for name, _word in SHOWS), "all")
    rows = [row for row in proofs() if show == "all" or (row.verdict == "proved") == (show == "proved")]
    context = {"rows": rows, "show": show, "shows": SHOWS}
    part = "web/_backup_rows.html" if request.headers.get("HX-Request") else "web/backups.html"
    return render(request, part, context)


@access.signed_in
def law(request: HttpRequest) -> HttpResponseBase:
    """What each till owes by law."""
    show = one_of(request.GET, "show", ("all", "late"), "all")
    language = get_language() or "en"
    context = {
        "rules": law_reading.rules(language),
        "rows": law_reading.rows(language, late_only=show == "late"),
        "show": show,
        "shows": (("all", _("All")), ("late", _("Late"))),
    }
    part = "web/_law_rows.html" if request.headers.get("HX-Request") else "web/law.html"
    return render(request, part, context)

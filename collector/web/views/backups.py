"""Every source of every till with its last backup and its last proof."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from collector.web import access
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

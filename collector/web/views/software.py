"""The software of one till: the files of the cash program, all that is installed, and what changed last."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render

from collector.inventory.holding_models import Finding, Holding
from collector.inventory.holdings import Row
from collector.inventory.models import Terminal
from collector.web import access, findings
from collector.web.reading.places import terminals


@dataclass(frozen=True, slots=True)
class Card:
    """One finding on the page of its till."""

    title: object
    finding: Finding
    said: list[findings.Said]


@dataclass(frozen=True, slots=True)
class Part:
    holding: Holding
    rows: list[Row]


def cards(till: Terminal) -> list[Card]:
    """In the order of their titles' table; an unknown kind of finding waits for words."""
    found = {finding.name: finding for finding in Finding.objects.filter(terminal=till)}
    known = [(name, found[name]) for name in findings.TITLES if name in found]
    made = [Card(findings.TITLES[name], one, findings.said(name, one.detail)) for name, one in known]
    return [card for card in made if card.said]


def counts(till: Terminal) -> list[Holding]:
    """Without the lists themselves, which may be long."""
    return list(Holding.objects.filter(terminal=till).defer("items"))


@access.signed_in
def software(request: HttpRequest, pk: str) -> HttpResponseBase:
    till = get_object_or_404(terminals(), pk=pk)
    holdings = {one.what: one for one in Holding.objects.filter(terminal=till)}
    wanted = request.GET.get("q", "").strip()[:100]
    parts = [_part(holdings[what], wanted) for what in ("programs", "software") if what in holdings]
    context = {"terminal": till, "zone": till.site.time_zone, "parts": parts, "wanted": wanted}
    return render(request, "web/software.html", context)


def _part(holding: Holding, wanted: str) -> Part:
    word = wanted.casefold()
    return Part(holding, [row for row in holding.items if word in f"{row[0]} {row[1]} {row[2]}".casefold()])

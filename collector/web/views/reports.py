"""Monthly reports of customers, what each technician does, and which faults which models have."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector.core import clock
from collector.inventory.models import Customer
from collector.reports import load, making
from collector.reports.facts import Facts
from collector.reports.gathering import month_of
from collector.reports.models import Report
from collector.reports.wording import Words, tables, tiles
from collector.web import access
from collector.web.reading.page import page_of, whole

MONTHS_SHOWN = 12
DAYS = (7, 30, 90)


@dataclass(frozen=True, slots=True)
class Row:
    report: Report
    facts: Facts
    month: str
    percent: str


@access.signed_in
def reports(request: HttpRequest) -> HttpResponseBase:
    found = Report.objects.select_related("customer")
    customer = whole(request.GET, "customer")
    if customer:
        found = found.filter(customer=customer)
    page = page_of(found, whole(request.GET, "page") or 1)
    days = whole(request.GET, "days")
    days = days if days in DAYS else DAYS[1]
    now = clock.now()
    context = {
        "page": page,
        "rows": [row_of(one) for one in page.rows],
        "customers": Customer.objects.all(),
        "customer": customer,
        "months": _months(now),
        "days": days,
        "all_days": DAYS,
        "loads": load.loads(now - timedelta(days=days), now, now),
        "bars": load.pareto(now - timedelta(days=days), now),
    }
    return render(request, "web/reports.html", context)


@access.signed_in
def report(request: HttpRequest, pk: int) -> HttpResponseBase:
    found = get_object_or_404(Report.objects.select_related("customer"), pk=pk)
    return render(request, "web/report.html", shown(found))


@access.signed_in
def file(request: HttpRequest, pk: int, form: str) -> HttpResponseBase:
    return sent(get_object_or_404(Report.objects.select_related("customer"), pk=pk), form)


@require_POST
@access.managers
def make(request: HttpRequest) -> HttpResponseBase:
    """Of a month that runs, too: up to now."""
    customer = get_object_or_404(Customer, pk=whole(request.POST, "customer") or 0)
    first = _month(request.POST.get("month", ""))
    now = clock.now()
    if first is None or datetime(first.year, first.month, 1, tzinfo=UTC) > now:
        messages.error(request, _("Choose a month that has begun, then make the report."))
        return redirect("web:reports")
    made = making.make(customer, month_of(customer, first.year, first.month), now)
    return redirect("web:report", made.pk)


def row_of(one: Report) -> Row:
    facts = making.facts_of(one)
    words = Words(get_language() or "lv", facts.zone)
    return Row(one, facts, words.month(facts.month), words.percent(facts.percent))


def shown(one: Report) -> dict[str, object]:
    row = row_of(one)
    words = Words(get_language() or "lv", row.facts.zone)
    return {
        "row": row,
        "tiles": tiles(row.facts, words),
        "tables": tables(row.facts, words),
        "nothing": words("nothing"),
        "not_known": words("not_known"),
        "forms": tuple(making.FORMS),
    }


def sent(one: Report, form: str) -> HttpResponse:
    """As a file with a name by which it is found again."""
    if form not in making.FORMS:
        raise Http404
    content = making.draw(one, form, get_language() or "lv")
    name = f"plomba-{one.customer_id}-{one.month:%Y-%m}-{one.number}.{form}"
    answer = HttpResponse(content, content_type=making.FORMS[form])
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _months(now: datetime) -> list[tuple[str, str]]:
    words = Words(get_language() or "lv")
    day = now.astimezone(ZoneInfo(settings.CONFIG.time_zone)).date().replace(day=1)
    found = []
    for _number in range(MONTHS_SHOWN):
        found.append((f"{day:%Y-%m}", words.month(f"{day:%Y-%m}")))
        day = (day - timedelta(days=1)).replace(day=1)
    return found


def _month(text: str) -> date | None:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return None

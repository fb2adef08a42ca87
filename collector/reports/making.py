"""Makes reports when a month is over, keeps them, draws them, and tells the contact persons."""

import hashlib
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from collector.core.models import Language
from collector.inventory.models import ContactPerson, Customer, Terminal
from collector.notify.outbox import Channel, Letter, put
from collector.reports.facts import Facts
from collector.reports.gathering import Month, gather, month_of
from collector.reports.models import Report
from collector.reports.wording import Words
from protocols.errors import PlombaError

LATEST_DAYS = 10
"""A report that could not be made so long after its month is made by hand."""
AFTER_H = 6
"""Made at this hour of the first day, so that tills that come back in the night have told what they kept."""
_TRIES = 3
FORMS = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ReportRefused(PlombaError):
    """`report.month`: it has not begun yet."""

    code = "report.refused"


def make(customer: Customer, month: Month, now: datetime) -> Report:
    """A new number where there is one of this month already."""
    if month.window[0] >= now:
        raise ReportRefused("this month has not begun yet", code="report.month")
    facts = gather(customer, month, now)
    for left in reversed(range(_TRIES)):
        try:
            with transaction.atomic():
                return _keep(customer, month, facts, now)
        except IntegrityError:  # another process made the same number
            if not left:
                raise
    raise AssertionError


def _keep(customer: Customer, month: Month, facts: Facts, now: datetime) -> Report:
    newest = Report.objects.filter(customer=customer, month=month.first).aggregate(most=Max("number"))
    return Report.objects.create(
        customer=customer,
        month=month.first,
        number=(newest["most"] or 0) + 1,
        facts=facts.model_dump(mode="json"),
        digest=digest(facts),
        made_at=now,
    )


def digest(facts: Facts) -> str:
    """SHA-256 of the JSON with sorted keys and no blanks."""
    text = json.dumps(
        facts.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def facts_of(report: Report) -> Facts:
    return Facts.model_validate(report.facts)


def draw(report: Report, form: str, language: str) -> bytes:
    """`form`: one of FORMS; KeyError for another. Only here what draws is imported: it took a quarter of the start of a
    collector, of which most days none draws anything."""
    from collector.reports import pdf, xlsx  # noqa: PLC0415

    facts = facts_of(report)
    words = Words(language, facts.zone)
    mark = words(
        "made", at=words.moment(report.made_at), number=report.number, digest=f"{report.digest[:16]}…"
    )
    if form == "xlsx":
        return xlsx.draw(facts, language, mark=mark)
    if form == "pdf":
        return pdf.draw(facts, language, mark=mark, made_at=report.made_at)
    raise KeyError(form)


def make_due(now: datetime) -> int:
    """Of every customer that has tills, once a month. Safe in several processes at once: the number is the first, and
    there is only one. How many."""
    wanted = Customer.objects.filter(pk__in=Terminal.objects.values("site__customer"))
    return sum(_make_due(customer, now) for customer in wanted if _waits(customer, now))


def _waits(customer: Customer, now: datetime) -> bool:
    month = _last_month(customer, now)
    begins = month.window[1] + timedelta(hours=AFTER_H)
    if not begins <= now < month.window[1] + timedelta(days=LATEST_DAYS):
        return False
    first = Terminal.objects.filter(site__customer=customer).order_by("enrolled_at").first()
    lived = first is not None and first.enrolled_at < month.window[1]
    return lived and not Report.objects.filter(customer=customer, month=month.first).exists()


def _last_month(customer: Customer, now: datetime) -> Month:
    here = month_of(customer, now.year, now.month)
    local = now.astimezone(ZoneInfo(here.zone))
    before = local.replace(day=1) - timedelta(days=1)
    return Month(before.year, before.month, here.zone)


def _make_due(customer: Customer, now: datetime) -> bool:
    month = _last_month(customer, now)
    facts = gather(customer, month, now)
    try:
        with transaction.atomic():
            report = _keep(customer, month, facts, now)
            if report.number > 1:
                raise IntegrityError
            _tell(report, facts, now)
    except IntegrityError:  # another process was first
        return False
    return True


def _tell(report: Report, facts: Facts, now: datetime) -> None:
    """Contact persons who take notices and are not limited to some of the shops: the report is of all."""
    people = ContactPerson.objects.filter(
        customer=report.customer, takes_notices=True, retired_at=None, sites=None
    )
    for person in people.exclude(email=""):
        put(_letter(report, facts, person), now)


def _letter(report: Report, facts: Facts, person: ContactPerson) -> Letter:
    words = Words(person.language or Language.LV, facts.zone)
    month = words.month(facts.month)
    share = words.percent(facts.percent)
    filled = {
        "name": person.name,
        "month": month,
        "availability": share,
        "incidents": facts.incidents_opened,
        "proven": facts.proven,
        "sources": len(facts.backups),
        "link": f"{settings.CONFIG.public_url}/portal/reports/",
    }
    return Letter(
        channel=Channel.EMAIL,
        address=person.email,
        language=words.language,
        subject=words("subject", month=month, availability=share),
        text=words("letter", **filled),
        key=f"report:{report.pk}:{person.pk}",
        about=f"report:{report.pk}",
    )

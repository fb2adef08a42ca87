"""Lists that the people of a shop sign: printed empty, brought back signed, kept with the version they are about."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count

from collector.core.models import User
from collector.inventory.models import ContactPerson, Site
from collector.notices import evidence
from collector.notices.giving import NoticeRefused
from collector.notices.models import Sheet, Version

SCAN_MAX = 8 << 20
NAMES_MAX = 200


@dataclass(frozen=True, slots=True)
class Progress:
    """`confirmed` of `given` contacts; `signed` of `shops` lists are back. `late`: the last day is over."""

    given: int
    confirmed: int
    shops: int
    signed: int
    late: bool

    @property
    def percent(self) -> int:
        return 100 * self.confirmed // self.given if self.given else 0

    @property
    def whole(self) -> bool:
        return self.confirmed == self.given and self.signed >= self.shops


def sites_of(version: Version) -> list[Site]:
    """The shops of the customers that got it."""
    customers = version.readings.values("contact__customer")
    return list(Site.objects.filter(customer__in=customers).select_related("customer").order_by("name"))


def sites_for(contact: ContactPerson) -> list[Site]:
    """Those that the person is limited to, or all of the customer."""
    own = Site.objects.filter(customer=contact.customer_id)
    limited = own.filter(contacts=contact)
    return list((limited if contact.sites.exists() else own).order_by("name"))


def progress(version: Version, today: date) -> Progress:
    notice = version.notice
    given = version.readings.count() if notice.confirm else 0
    confirmed = version.readings.exclude(confirmed_at=None).count() if notice.confirm else 0
    shops = len(sites_of(version)) if notice.acknowledge else 0
    signed = version.sheets.aggregate(n=Count("site", distinct=True))["n"] if notice.acknowledge else 0
    late = bool(version.confirm_by and version.confirm_by < today)
    return Progress(given, confirmed, shops, signed, late)


def enter(
    version: Version,
    site: Site,
    *,
    names: Sequence[Mapping[str, str]],
    by: User,
    now: datetime,
    scan: bytes = b"",
) -> Sheet:
    """A signed list that came back. NoticeRefused where it holds nothing or the file is no PDF, PNG or JPEG."""
    if not by.may_work:
        raise NoticeRefused("only technicians and managers enter lists", code="notice.not_allowed")
    if version.published_at is None:
        raise NoticeRefused("a draft is signed by nobody", code="notice.published")
    people = [_person(one) for one in names if one.get("name", "").strip()]
    if not people and not scan:
        raise NoticeRefused("write who signed, or add the scan", code="notice.empty")
    if len(people) > NAMES_MAX or len(scan) > SCAN_MAX:
        raise NoticeRefused("at most 200 names and 8 MB", code="notice.too_long")
    if scan and not evidence.kind_of(scan):
        raise NoticeRefused("the scan is no PDF, PNG or JPEG file", code="notice.scan")
    digest = hashlib.sha256(scan).hexdigest() if scan else ""
    return Sheet.objects.create(
        version=version, site=site, names=people, at=now, by=by, scan=scan or None, scan_digest=digest
    )


def _person(given: Mapping[str, str]) -> dict[str, str]:
    on = given.get("on", "").strip()
    if on:
        try:
            date.fromisoformat(on)
        except ValueError as e:
            raise NoticeRefused(f"{on!r} is no day such as 2026-05-04", code="notice.empty") from e
    return {"name": given["name"].strip()[:200], "job": given.get("job", "").strip()[:200], "on": on}

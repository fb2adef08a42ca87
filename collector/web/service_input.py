"""What the forms of the service desk bring: wall times, people, tills. A wrong one is told, never guessed."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import QueryDict

from collector.core import clock
from collector.core.models import User
from collector.inventory.models import Site, Terminal
from collector.service import people
from collector.web.reading.page import whole


def when(params: QueryDict, name: str, zone: str = "") -> datetime | None:
    """A time of a wall clock (datetime-local) as a moment; None where there is none or it is nonsense."""
    try:
        found = datetime.fromisoformat(params.get(name, ""))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone or settings.CONFIG.time_zone))


def written(at: datetime | None, zone: str = "") -> str:
    """For the value of such a field."""
    return at.astimezone(ZoneInfo(zone or settings.CONFIG.time_zone)).strftime("%Y-%m-%dT%H:%M") if at else ""


def worker(params: QueryDict, name: str = "person") -> User | None:
    return people.workers().filter(pk=whole(params, name) or 0).first()


def tills(params: QueryDict, name: str = "terminals") -> list[Terminal]:
    return list(Terminal.objects.filter(pk__in=params.getlist(name), retired_at=None))


def site(params: QueryDict, name: str = "site") -> Site | None:
    return Site.objects.filter(pk=whole(params, name) or 0).first()


def number(params: QueryDict, name: str) -> int:
    return whole(params, name) or 0


def plain(at: datetime) -> str:
    return at.astimezone(ZoneInfo(settings.CONFIG.time_zone)).strftime("%d.%m.%Y %H:%M")


def day(params: QueryDict) -> datetime:
    """The day that an address asks for, at noon; today where it asks for none."""
    zone = ZoneInfo(settings.CONFIG.time_zone)
    try:
        found = datetime.fromisoformat(params.get("day", ""))
    except ValueError:
        return clock.now()
    return datetime(found.year, found.month, found.day, 12, tzinfo=zone)

"""Major incidents: when one is offered, and its checklist. A person declares it; nothing does it by itself."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from collector.core import calendars
from collector.core.models import User
from collector.incidents.acting import ActionRefused, acting, must_be_open, said
from collector.incidents.desk_models import MajorStep
from collector.incidents.models import OPEN, Incident, Kind
from collector.incidents.shipped import ChecklistItem, desk


def offered(incident: Incident) -> bool:
    """Fiscal data at risk, or priority 1 in several shops at once."""
    if incident.major_since is not None or not incident.is_open:
        return False
    shipped = desk().major
    if incident.code in shipped.codes:
        return True
    if incident.priority != 1 or incident.suppressed_since is not None:
        return False
    same = Incident.objects.filter(state__in=OPEN, priority=1, code=incident.code, suppressed_since=None)
    return same.values("site").distinct().count() >= shipped.sites


def declare(incident: int, by: User, note: str) -> Incident:
    """Everybody sees it, and its checklist begins."""
    why = said(note)
    with acting(incident, by) as act:
        found = act.incident
        must_be_open(found)
        if found.major_since is not None:
            raise ActionRefused("it is a major incident already", code="incident.state")
        found.major_since = act.now
        act.did(Kind.MAJOR, note=why)
        for item in desk().major.steps:
            found.major_steps.create(item=item.key, due_at=_due(item, found, act.now))
        return found


def check(incident: int, by: User, step: int, note: str = "") -> Incident:
    """One step is done. One that comes again is due anew as long as the incident is open."""
    with acting(incident, by) as act:
        found = act.incident
        row = found.major_steps.filter(pk=step).first()
        if row is None or row.done_at is not None:
            raise ActionRefused("this step is done already", code="incident.state")
        row.done_at, row.done_by, row.note = act.now, by, note.strip()[:400]
        row.save()
        item = item_of(row)
        if item and item.every_minutes and found.is_open:
            found.major_steps.create(item=row.item, due_at=act.now + timedelta(minutes=item.every_minutes))
        act.did(Kind.CHECKED, note=row.note, detail={"item": row.item})
        return found


def item_of(row: MajorStep) -> ChecklistItem | None:
    return next((item for item in desk().major.steps if item.key == row.item), None)


def drop_recurring(incident: Incident) -> None:
    """It is over: nobody has to tell the customers again."""
    again = [item.key for item in desk().major.steps if item.every_minutes]
    incident.major_steps.filter(item__in=again, done_at=None).delete()


def _due(item: ChecklistItem, incident: Incident, now: datetime) -> datetime | None:
    minutes = item.within_minutes or item.every_minutes
    if minutes:
        return now + timedelta(minutes=minutes)
    if item.within_working_days is None:
        return None
    zone = ZoneInfo(incident.zone)
    days = calendars.working_days(calendars.newest(calendars.LEGAL))
    last = days.after(now.astimezone(zone).date(), item.within_working_days)
    return datetime.combine(last + timedelta(days=1), time(), zone)

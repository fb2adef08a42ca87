"""The clocks of incidents as they are in the database, and what is kept of them to sort and to wake by: `renew` works
that out whenever something happened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Prefetch, QuerySet

from collector.core import calendars
from collector.core.worktime import WorkCalendar
from collector.incidents import contracts, history, priority, sla
from collector.incidents.contracts import Promise, Shop
from collector.incidents.desk_models import Contract
from collector.incidents.history import ASKED, Row
from collector.incidents.models import Incident, Kind, State, Transition
from collector.incidents.priority import Matrix
from collector.incidents.sla import Clock, Metric, Standing
from collector.inventory.models import Site

REOPEN_DAYS, CLOSE_DAYS = 5, 5
"""Where no contract says otherwise."""
_GOING = (Standing.RUNNING, Standing.PAUSED)


@dataclass(frozen=True, slots=True)
class Clocks:
    """None where nothing is promised."""

    reaction: Clock | None = None
    solution: Clock | None = None
    queue: Clock | None = None

    @property
    def going(self) -> list[Clock]:
        """Towards the customer, and not stopped: the queue's clock is an agreement of the house."""
        return [one for one in (self.reaction, self.solution) if one and one.standing in _GOING]

    @property
    def first(self) -> Clock | None:
        """The one that is used up first."""
        return min(self.going, key=lambda one: (one.sorts_at is None, one.sorts_at), default=None)


@dataclass(frozen=True, slots=True)
class Desk:
    """What is read once for many incidents: versions of contracts (more are added as they are met), and the matrix."""

    contracts: dict[int, Contract]
    matrix: Matrix


def with_rows(found: QuerySet[Incident]) -> QuerySet[Incident]:
    """Everything that clocks need, in a fixed number of queries."""
    lives = Prefetch("transitions", Transition.objects.select_related("by").order_by("id"))
    return found.select_related("site__customer", "terminal__site__customer").prefetch_related(lives)


def read(found: Iterable[Incident]) -> Desk:
    pks = {pk for one in found for pk in one.contracts or ()}
    return Desk(contracts.in_bulk(pks) if pks else {}, priority.matrix())


def of(incident: Incident, now: datetime, desk: Desk | None = None) -> Clocks:
    """Worked out from its rows; never from what is kept of it."""
    agreed = agreed_of(incident, desk)
    rows = rows_of(incident)
    if not agreed or not rows:
        return Clocks()
    facts = any(one.device_facts for one in agreed)
    life = history.steps(rows, source=incident.source, device_facts=facts)
    owes = incident.source in ASKED
    promised = {metric: _promise(incident, agreed, metric) for metric in Metric}
    tto, ttr, ola = (promised[metric] for metric in (Metric.TTO, Metric.TTR, Metric.OLA))
    return Clocks(
        reaction=sla.reaction(life, tto.calendar, tto.target, now, owes_answer=owes) if tto else None,
        solution=sla.solution(life, ttr.calendar, ttr.target, now) if ttr else None,
        queue=sla.in_queue(life, ola.calendar, ola.target, now) if ola else None,
    )


def agreed_of(incident: Incident, desk: Desk | None = None) -> list[Contract]:
    """The versions that were valid when it came; those that would be pinned where the desk has not looked yet."""
    if incident.contracts is None:
        return valid_now(incident)
    known = desk.contracts if desk else {}
    missing = [pk for pk in incident.contracts if pk not in known]
    if missing:
        known.update(contracts.in_bulk(missing))
    return [known[pk] for pk in incident.contracts if pk in known]


def rows_of(incident: Incident) -> list[Row]:
    """A fault that came back without a step of its own (a repetition that is not told) has one here."""
    found = [_row(one) for one in incident.transitions.all()]
    facts = [one for one in found if one.by_device and one.kind in _FACTS]
    if facts and facts[-1].kind == Kind.CLEARED and incident.is_open and incident.cleared_at is None:
        at = max(incident.last_seen_at, facts[-1].at)
        found.append(
            replace(facts[-1], id=0, kind=Kind.REOPENED, at=at, recorded_at=max(at, facts[-1].recorded_at))
        )
    return found


def valid_now(incident: Incident) -> list[Contract]:
    """On the day on which we heard of it: the clock of a till may be wrong."""
    place = incident.place
    if place is None:
        return []
    first = next(iter(incident.transitions.all()), None)
    heard_at = first.recorded_at if first else incident.opened_at
    return contracts.valid_for(place.customer_id, heard_at.astimezone(ZoneInfo(place.time_zone)).date())


def renew(incident: Incident, now: datetime, desk: Desk | None = None) -> Clocks:
    """Pin what was not pinned, judge the priority, and keep when the incident wants to be looked at. The row must be
    locked; only what is kept is written."""
    if incident.contracts is None:
        _pin(incident)
    judge(incident, now, desk)
    clocks = of(incident, now, desk)
    going = clocks.going if incident.is_open else []
    incident.due_at = min((one.sorts_at for one in going if one.sorts_at), default=None)
    incident.warn_at = None if incident.suppressed_since else next_warning(incident, going)
    incident.judge_at = _judges_at(incident, now)
    incident.close_at = closes_at(incident, desk) if incident.state == State.RESOLVED else None
    incident.renewed = True
    names = (
        "contracts", "hours", "impact", "urgency", "priority", "due_at", "warn_at", "judge_at", "close_at", "renewed"
    )  # fmt: skip
    Incident.objects.filter(pk=incident.pk).update(**{name: getattr(incident, name) for name in names})
    return clocks


def judge(incident: Incident, now: datetime, desk: Desk | None = None) -> bool:
    """By severity, place and opening hours, unless a person has set it. Did it change?"""
    before = incident.priority
    if incident.judged_by != "hand" and (incident.is_open or before is None):
        found = priority.judge(
            incident.severity, whole_site=incident.terminal_id is None, trading=trading(incident, now)
        )
        incident.impact, incident.urgency = found.impact, found.urgency
        incident.priority = (desk.matrix if desk else priority.matrix()).priority(found)
    return before is not None and before != incident.priority


def trading(incident: Incident, now: datetime) -> bool | None:
    """Is the shop open? None where its hours are not known."""
    place = incident.place
    return _hours_of(place).open_at(now) if place and place.hours else None


def next_warning(incident: Incident, going: Iterable[Clock]) -> datetime | None:
    """When the next share of a target is used up of which nobody was warned."""
    told = warned(incident.transitions.all())
    ahead = (
        mark.at
        for clock in going
        for mark in clock.marks
        if mark.at and mark.percent > told.get(clock.metric, 0)
    )
    return min(ahead, default=None)


def warned(rows: Iterable[Transition]) -> dict[str, int]:
    """Metric -> the highest share of which was warned since it was opened, or reopened."""
    found: dict[str, int] = {}
    for row in rows:
        if row.kind == Kind.REOPENED and row.from_state == State.RESOLVED:
            found.clear()
        elif row.kind == Kind.WARNED:
            metric = str(row.detail.get("clock", ""))
            found[metric] = max(found.get(metric, 0), int(row.detail.get("percent", 0)))
    return found


def closes_at(incident: Incident, desk: Desk | None = None) -> datetime | None:
    """The end of the last legal working day on which a resolved incident waits for somebody to disagree."""
    days = max((one.close_days for one in agreed_of(incident, desk)), default=CLOSE_DAYS)
    return _end_of_days(incident, days)


def reopens_until(incident: Incident, desk: Desk | None = None) -> datetime | None:
    days = max((one.reopen_days for one in agreed_of(incident, desk)), default=REOPEN_DAYS)
    return _end_of_days(incident, days)


def _end_of_days(incident: Incident, count: int) -> datetime | None:
    if incident.resolved_at is None:
        return None
    zone = ZoneInfo(incident.zone)
    days = calendars.working_days(calendars.newest(calendars.LEGAL))
    last = days.after(incident.resolved_at.astimezone(zone).date(), count)
    return datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)


def _pin(incident: Incident) -> None:
    place = incident.place
    incident.contracts = [one.pk for one in valid_now(incident)]
    incident.hours = {"zone": place.time_zone, "hours": place.hours} if place else {}


def _promise(incident: Incident, agreed: Sequence[Contract], metric: Metric) -> Promise | None:
    queue = incident.queue if metric is Metric.OLA else ""
    return contracts.promise(agreed, _shop(incident), metric, priority=incident.priority, queue=queue)


def _shop(incident: Incident) -> Shop:
    pinned = incident.hours
    return Shop(str(pinned.get("zone") or settings.TIME_ZONE), dict(pinned.get("hours") or {}))


def _hours_of(place: Site) -> WorkCalendar:
    return calendars.hours_alone(place.time_zone, place.hours)


def _judges_at(incident: Incident, now: datetime) -> datetime | None:
    place = incident.place
    if not incident.is_open or incident.judged_by == "hand" or not place or not place.hours:
        return None
    return _hours_of(place).next_change(now)


def _row(row: Transition) -> Row:
    until, undoes = row.detail.get("until"), row.detail.get("undoes")
    queue = row.detail.get("queue", row.note if row.kind == Kind.QUEUED else None)
    by_fault = row.by_id is None and row.kind in _BY_FAULT
    return Row(
        id=row.pk,
        kind=row.kind,
        at=row.at,
        recorded_at=row.recorded_at,
        to_state=row.to_state,
        by_device=by_fault,
        answer=row.public and row.by_id is not None and row.by is not None and row.by.is_of_staff,
        until=datetime.fromisoformat(str(until)) if until else None,
        queue=None if queue is None else str(queue),
        undoes=int(undoes) if isinstance(undoes, int) else None,
    )


_FACTS = (Kind.REPEATED, Kind.CLEARED, Kind.REOPENED, Kind.FLAPPING)
_BY_FAULT = (Kind.OPENED, Kind.RESOLVED, *_FACTS)

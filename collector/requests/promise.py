"""What the customer is promised: the priority by the desk's matrix, and the clocks of a request, worked out from its
log, the contracts and the opening hours that were valid when it came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from collector.incidents import contracts, life, sla
from collector.incidents import priority as priorities
from collector.incidents.contracts import Promise, Shop
from collector.incidents.sla import Clock, Metric
from collector.requests.models import Entry, Kind, Request


@dataclass(frozen=True, slots=True)
class Clocks:
    """None where nothing is promised."""

    reaction: Clock | None = None
    solution: Clock | None = None


def priority(impact: int, urgency: int) -> int:
    return priorities.matrix().priority(priorities.Judgement(impact, urgency))


def pin(request: Request, now: datetime) -> None:
    """Keep which contracts count, so that a later one does not rewrite what was promised."""
    zone = request.site.time_zone if request.site else settings.CONFIG.time_zone
    day = now.astimezone(ZoneInfo(zone)).date()
    request.contracts = [row.pk for row in contracts.valid_for(request.customer_id, day)]
    request.hours = {"zone": zone, "hours": request.site.hours if request.site else {}}


def clocks(request: Request, now: datetime) -> Clocks:
    """Never from what is kept of them."""
    steps = history(request)
    tto, ttr = _promised(request, Metric.TTO), _promised(request, Metric.TTR)
    if not steps:
        return Clocks()
    return Clocks(
        sla.reaction(steps, tto.calendar, tto.target, now, owes_answer=True) if tto else None,
        sla.solution(steps, ttr.calendar, ttr.target, now) if ttr else None,
    )


def of(request: Request, now: datetime) -> datetime | None:
    """Until when it is to be solved if nothing happens any more; None where no contract promises anything."""
    solution = clocks(request, now).solution
    return solution.sorts_at if solution else None


def _promised(request: Request, metric: Metric) -> Promise | None:
    rows = contracts.in_bulk(request.contracts)
    agreed = [rows[pk] for pk in request.contracts if pk in rows]
    shop = Shop(str(request.hours.get("zone") or settings.CONFIG.time_zone), request.hours.get("hours") or {})
    kind = "incident" if request.definition.get("incident") else "request"
    return contracts.promise(agreed, shop, metric, priority=request.priority, kind=kind)


def history(request: Request) -> list[sla.Step]:
    """The states of a request since it was opened, with what the clocks need of each."""
    found: list[sla.Step] = []
    answered = False
    for entry in request.entries.order_by("id"):
        answered = answered or _answers(entry)
        if entry.to_state or (answered and found and not found[-1].answered):
            found.append(_step(entry, found, answered))
    return found


def _answers(entry: Entry) -> bool:
    """A person of the staff told the customer something."""
    return entry.public and entry.by_id is not None and entry.kind != Kind.OPENED


def _step(entry: Entry, before: Sequence[sla.Step], answered: bool) -> sla.Step:
    until = entry.detail.get("until")
    kept = before[-1].until if before and not entry.to_state else None
    return sla.Step(
        at=entry.at,
        state=life.State(entry.to_state) if entry.to_state else before[-1].state,
        until=datetime.fromisoformat(str(until)) if until else kept,
        answered=answered,
    )

"""What the customer is promised: the priority, and the time until which a request is to be done, worked out from its
history, a calendar and a target by the clocks of incidents."""

from collections.abc import Sequence
from datetime import datetime

from collector.incidents import life, sla
from collector.requests.models import Entry, Kind, Request

MATRIX = ((1, 1, 2, 4), (1, 2, 3, 4), (2, 3, 3, 4))


def priority(impact: int, urgency: int) -> int:
    return MATRIX[impact - 1][urgency - 1]


def history(request: Request) -> list[sla.Step]:
    """The states of a request since it was opened, with what the clocks need."""
    found: list[sla.Step] = []
    answered = False
    for entry in request.entries.all():
        answered = answered or _answers(entry)
        if entry.to_state or (answered and found and not found[-1].answered):
            found.append(_step(entry, found, answered))
    return found


def _answers(entry: Entry) -> bool:
    """A person of the staff told the customer something."""
    return entry.public and entry.by_id is not None and entry.kind != Kind.OPENED


def _step(entry: Entry, before: Sequence[sla.Step], answered: bool) -> sla.Step:
    until = entry.detail.get("until")
    state = life.State(entry.to_state) if entry.to_state else before[-1].state
    kept = before[-1].until if before and not entry.to_state else None
    return sla.Step(
        at=entry.at,
        state=state,
        until=datetime.fromisoformat(str(until)) if until else kept,
        answered=answered,
        queue=str(entry.detail.get("queue", before[-1].queue if before else "")),
    )


def of(request: Request, now: datetime) -> datetime | None:
    """Until when it is to be solved; None where no contract promises anything."""
    return None

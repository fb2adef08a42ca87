"""What people do to incidents. Each is one transaction and one transition row; who may do it is checked
here."""

from datetime import datetime, timedelta

from django.db import transaction

from collector.core import clock
from collector.core.models import User
from collector.incidents import clocks, major, priority
from collector.incidents.acting import ActionRefused, acting, must_be_open, no_twin, said, take
from collector.incidents.life import PENDING, WAITS, State, Stimulus, can
from collector.incidents.models import Incident, Kind
from collector.incidents.priority import Judgement
from collector.incidents.shipped import desk

LONGEST_WAIT = timedelta(days=366)
RESOLUTION_MAX = 400
__all__ = ["ActionRefused"]


def acknowledge(incident: int, by: User) -> Incident:
    """I have seen it and take it: new becomes assigned to whoever acknowledges, once."""
    with acting(incident, by, Stimulus.TAKE) as act:
        found = act.incident
        if found.acknowledged_at is not None:
            return found
        found.acknowledged_at = act.now
        found.assignee = found.assignee or by
        act.did(Kind.ACKNOWLEDGED, by=Stimulus.TAKE)
        return found


def assign(incident: int, by: User, to: User) -> Incident:
    if not to.may_work or not to.is_active:
        raise ActionRefused(f"{to.username} may not work on incidents", code="incident.not_allowed")
    with acting(incident, by, Stimulus.TAKE) as act:
        act.incident.assignee = to
        act.did(Kind.ASSIGNED, by=Stimulus.TAKE, note=to.username)
        return act.incident


def start(incident: int, by: User) -> Incident:
    """Work begins. Whoever begins has it, if nobody had."""
    with acting(incident, by, Stimulus.START) as act:
        found = act.incident
        found.assignee = found.assignee or by
        found.acknowledged_at = found.acknowledged_at or act.now
        act.did(Kind.STARTED, by=Stimulus.START)
        return found


def wait(incident: int, by: User, kind: State, until: datetime, reason: str) -> Incident:
    """For the customer, a supplier or the EDS, until a moment at which somebody looks again."""
    if kind not in PENDING:
        raise ActionRefused(f"{kind} is not a wait", code="incident.state")
    why = said(reason)
    with acting(incident, by, WAITS[kind]) as act:
        _must_be_ahead(until, act.now)
        act.incident.pending_until, act.incident.pending_reason = until, why[:RESOLUTION_MAX]
        act.did(Kind.PENDING, by=WAITS[kind], note=why)
        return act.incident


def agree_visit(incident: int, by: User, at: datetime, note: str = "") -> Incident:
    """A visit was agreed with the customer: the clock stands until then, and no longer."""
    with acting(incident, by, Stimulus.VISIT) as act:
        _must_be_ahead(at, act.now)
        act.incident.pending_until, act.incident.pending_reason = at, note.strip()[:RESOLUTION_MAX]
        act.did(Kind.VISIT, by=Stimulus.VISIT, note=note.strip())
        return act.incident


def wake(incident: int, by: User, note: str = "") -> Incident:
    """What it waited for has come."""
    with acting(incident, by, Stimulus.WAKE) as act:
        act.did(Kind.WOKEN, by=Stimulus.WAKE, note=note.strip())
        return act.incident


def give_back(incident: int, by: User, note: str) -> Incident:
    """Nobody has it any more; it stands in its queue again."""
    why = said(note)
    with acting(incident, by, Stimulus.RETURN) as act:
        must_be_open(act.incident)
        act.incident.assignee = act.incident.acknowledged_at = None
        act.did(Kind.RETURNED, by=Stimulus.RETURN, note=why)
        return act.incident


def resolve(incident: int, by: User, note: str, code: str = "", *, public: bool = False) -> Incident:
    """Done, with a note that says how, and a resolution code. `public`: the customer reads the note."""
    how = said(note)
    if code and code not in {one.key for one in desk().resolution}:
        raise ActionRefused(f"{code} is not a resolution code", code="incident.code")
    with acting(incident, by, Stimulus.RESOLVE) as act:
        found = act.incident
        found.resolved_at, found.resolve_due_at = act.now, None
        found.resolution, found.resolution_code = how[:RESOLUTION_MAX], code
        act.did(Kind.RESOLVED, by=Stimulus.RESOLVE, note=how, public=public)
        major.drop_recurring(found)
        return found


def note(incident: int, by: User, text: str) -> Incident:
    """For the work log: the customer never sees it."""
    words = said(text)
    with acting(incident, by) as act:
        act.did(Kind.NOTED, note=words)
        return act.incident


def answer(incident: int, by: User, text: str) -> Incident:
    """For the public log: the customer reads it, and the reaction clock takes it for an answer."""
    words = said(text)
    with acting(incident, by) as act:
        act.did(Kind.ANSWERED, note=words, public=True)
        return act.incident


def reopen(incident: int, by: User, text: str) -> Incident:
    """It was not done after all; its clocks go on where they stood. Refused where the same fault already has a newer
    open incident, and when the days for it are over."""
    why = said(text)
    with acting(incident, by, Stimulus.REOPEN) as act:
        found = act.incident
        no_twin(found)
        last = clocks.reopens_until(found)
        if last is not None and act.now >= last:
            raise ActionRefused("it was resolved too long ago; open a new one", code="incident.too_late")
        found.resolved_at = found.cleared_at = found.resolve_due_at = None
        found.resolution = found.resolution_code = ""
        found.reopen_count += 1
        act.did(Kind.REOPENED, by=Stimulus.REOPEN if found.assignee_id else Stimulus.RETURN, note=why)
        return found


def close(incident: int, by: User) -> Incident:
    """Everybody agrees that it is done; otherwise time closes it."""
    with acting(incident, by, Stimulus.CLOSE) as act:
        act.did(Kind.CLOSED, by=Stimulus.CLOSE)
        return act.incident


def cancel(incident: int, by: User, text: str) -> Incident:
    """It was none: opened in error, or nobody wants it any more."""
    why = said(text)
    with acting(incident, by, Stimulus.CANCEL) as act:
        act.did(Kind.CANCELLED, by=Stimulus.CANCEL, note=why)
        return act.incident


def merge(incident: int, by: User, into: int) -> Incident:
    """It is the same matter as another open incident of the same customer, which goes on."""
    with transaction.atomic():
        list(Incident.objects.select_for_update(of=("self",)).filter(pk__in=(incident, into)).order_by("pk"))
        with acting(incident, by, Stimulus.MERGE) as act:
            goal = take(into, by)
            _must_fit(act.incident, goal)
            act.incident.merged_into = goal
            act.did(Kind.MERGED, by=Stimulus.MERGE, detail={"into": into})
            found = act.incident
        with acting(into, by) as act:
            act.did(Kind.MERGED, detail={"from": incident})
        return found


def prioritise(incident: int, by: User, impact: int, urgency: int) -> Incident:
    """By hand: time and opening hours change it no more. The target is chosen anew, what was used of it stays used."""
    judged = Judgement(impact, urgency)
    found_priority = priority.matrix().priority(judged)
    with acting(incident, by) as act:
        found = act.incident
        must_be_open(found)
        found.impact, found.urgency, found.priority, found.judged_by = impact, urgency, found_priority, "hand"
        act.did(Kind.PRIORITISED, detail={"priority": found_priority, "impact": impact, "urgency": urgency})
        return found


def judge_again(incident: int, by: User) -> Incident:
    """Back to what severity and opening hours say."""
    with acting(incident, by) as act:
        found = act.incident
        must_be_open(found)
        found.judged_by = ""
        clocks.judge(found, clock.now())
        act.did(Kind.PRIORITISED, detail={"priority": found.priority})
        return found


def _must_be_ahead(until: datetime, now: datetime) -> None:
    if not now < until <= now + LONGEST_WAIT:
        raise ActionRefused("choose a moment that is still to come, within a year", code="incident.until")


def _must_fit(incident: Incident, goal: Incident) -> None:
    if goal.pk == incident.pk or not can(goal.state, Stimulus.MERGE):
        raise ActionRefused("choose another incident that is open", code="incident.merge")
    if _customer(goal) is None or _customer(goal) != _customer(incident):
        raise ActionRefused("they are of different customers", code="incident.merge")


def _customer(incident: Incident) -> int | None:
    place = incident.place
    return place.customer_id if place else None

"""The life of an incident or a request: its states, what moves it, and where to. Pure. What is not in the table is
refused."""

from collections.abc import Iterable
from enum import StrEnum

from protocols.errors import PlombaError


class State(StrEnum):
    """Of incidents and of requests. `models.State` are the same words as the choices of a field."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    PENDING_CUSTOMER = "pending_customer"
    PENDING_SUPPLIER = "pending_supplier"
    PENDING_LEGAL = "pending_legal"
    SCHEDULED_VISIT = "scheduled_visit"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"


PENDING = (State.PENDING_CUSTOMER, State.PENDING_SUPPLIER, State.PENDING_LEGAL)
WAITING = (*PENDING, State.SCHEDULED_VISIT)
"""States that need a reason or an appointment, and a moment at which they end."""
TAKEN = (State.ASSIGNED, State.IN_PROGRESS, *WAITING)
OPEN = (State.NEW, *TAKEN)
ENDED = (State.RESOLVED, State.CLOSED, State.CANCELLED, State.MERGED)


class Stimulus(StrEnum):
    """What is done to it, or happens to it. TAKE: somebody has it now, or somebody else. RETURN: nobody has it any
    more; a resolved one that nobody has comes back so, too. APPROVAL: before anybody takes it, the customer has to
    agree; RETURN ends that. WAKE: what it waited for has come, or its time has."""

    TAKE = "take"
    START = "start"
    APPROVAL = "approval"
    WAIT_CUSTOMER = "wait_customer"
    WAIT_SUPPLIER = "wait_supplier"
    WAIT_LEGAL = "wait_legal"
    VISIT = "visit"
    WAKE = "wake"
    RETURN = "return"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"
    CANCEL = "cancel"
    MERGE = "merge"


class MoveRefused(PlombaError):
    """`incident.state`: from this state the stimulus leads nowhere."""

    code = "incident.state"


def _to(stimulus: Stimulus, to: State, states: Iterable[State]) -> dict[tuple[State, Stimulus], State]:
    return {(state, stimulus): to for state in states}


TABLE: dict[tuple[State, Stimulus], State] = {
    **_to(Stimulus.TAKE, State.ASSIGNED, (State.NEW,)),
    **{(state, Stimulus.TAKE): state for state in TAKEN},
    **_to(Stimulus.START, State.IN_PROGRESS, (State.NEW, State.ASSIGNED, *WAITING)),
    **_to(Stimulus.APPROVAL, State.PENDING_CUSTOMER, (State.NEW,)),
    **_to(Stimulus.WAIT_CUSTOMER, State.PENDING_CUSTOMER, TAKEN),
    **_to(Stimulus.WAIT_SUPPLIER, State.PENDING_SUPPLIER, TAKEN),
    **_to(Stimulus.WAIT_LEGAL, State.PENDING_LEGAL, TAKEN),
    **_to(Stimulus.VISIT, State.SCHEDULED_VISIT, TAKEN),
    **_to(Stimulus.WAKE, State.ASSIGNED, WAITING),
    **_to(Stimulus.RETURN, State.NEW, (*TAKEN, State.RESOLVED)),
    **_to(Stimulus.RESOLVE, State.RESOLVED, OPEN),
    **_to(Stimulus.REOPEN, State.ASSIGNED, (State.RESOLVED,)),
    **_to(Stimulus.CLOSE, State.CLOSED, (State.RESOLVED,)),
    **_to(Stimulus.CANCEL, State.CANCELLED, OPEN),
    **_to(Stimulus.MERGE, State.MERGED, OPEN),
}
WAITS = {
    State.PENDING_CUSTOMER: Stimulus.WAIT_CUSTOMER,
    State.PENDING_SUPPLIER: Stimulus.WAIT_SUPPLIER,
    State.PENDING_LEGAL: Stimulus.WAIT_LEGAL,
}
_FOR_GOOD = (Stimulus.CLOSE, Stimulus.WAKE, Stimulus.APPROVAL)
"""What time or somebody else did is not undone by a hand."""


def move(state: str, stimulus: Stimulus) -> State:
    """Where the stimulus leads from here. MoveRefused where it is not in the table."""
    to = TABLE.get((State(state), stimulus))
    if to is None:
        raise MoveRefused(f"what is {State(state).value} cannot {stimulus.value.replace('_', ' ')}")
    return to


def can(state: str, stimulus: Stimulus) -> bool:
    return (State(state), stimulus) in TABLE


def leads(state: str, to: str) -> bool:
    """Is there a stimulus that leads from here to there?"""
    return state == to or any((was, end) == (state, to) for (was, _), end in TABLE.items())


def undo(state: str, before: str) -> State:
    """Back from a step that led from `before` to `state`. MoveRefused where no step that can be undone does."""
    steps = (stimulus for (was, stimulus), to in TABLE.items() if (was, to) == (before, state))
    if not any(stimulus not in _FOR_GOOD for stimulus in steps):
        raise MoveRefused(f"the step from {before} to {state} cannot be undone")
    return State(before)

"""When somebody else must hear of an incident: by what is left of its time, and by silence. Pure; `escalating`
tells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Trigger(StrEnum):
    """`reaction` and `solution`: so many per cent of the target are used. `silence`: nobody did anything for so many
    minutes. `nobody`: nobody has it after so many minutes."""

    REACTION = "reaction"
    SOLUTION = "solution"
    SILENCE = "silence"
    NOBODY = "nobody"


class Target(StrEnum):
    """Who is told. `lead`: of the queue."""

    ASSIGNEE = "assignee"
    ON_CALL = "on_call"
    SECOND = "second_on_call"
    LEAD = "lead"
    MANAGERS = "managers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    id: int
    trigger: Trigger
    threshold: float
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """`queue` "" is for every queue; `priority`: for those of this priority and graver."""

    queue: str = ""
    priority: int = 4
    rungs: tuple[Rung, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What is used of a target, in the hours that count; `running` False: it has stopped."""

    used: timedelta
    target: timedelta
    running: bool = True

    @property
    def percent(self) -> float:
        return 100 * self.used / self.target if self.target else 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An open incident. `last_step`: the number of the last thing that a person did, which `quiet_since` dates (its
    opening where nobody did anything). `waits`: it is agreed that nothing happens now. `again`: how often it was
    reopened; each life has escalations of its own."""

    queue: str
    priority: int
    assignee: int | None
    opened_at: datetime
    quiet_since: datetime
    last_step: int = 0
    waits: bool = False
    again: int = 0
    reaction: Spent | None = None
    solution: Spent | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """`occurrence` is the same for the same reason, however often it is asked: with the rung it is done once."""

    rung: Rung
    occurrence: str
    percent: float | None = None


def chain_of(standing: Standing, chains: Sequence[Chain]) -> Chain | None:
    """The first that fits: those of a queue stand before those of all."""
    fits = [one for one in chains if one.queue in ("", standing.queue) and standing.priority <= one.priority]
    return min(fits, key=lambda one: (one.queue == "", one.priority), default=None)


def due(standing: Standing, chain: Chain, now: datetime, done: Iterable[tuple[int, str]] = ()) -> list[Due]:
    """What is to be told now and was not (`done`: rung and occurrence), in the order of the rungs."""
    told = set(done)
    found = [one for rung in chain.rungs if (one := _due(rung, standing, now)) is not None]
    return [one for one in found if (one.rung.id, one.occurrence) not in told]


def look_again(standing: Standing, chain: Chain, now: datetime) -> datetime | None:
    """Before this moment nothing new is due unless something happens to the incident; None: never. Working time passes
    no faster than the clock on the wall, so a target is never missed by looking then."""
    moments = (_not_before(rung, standing, now) for rung in chain.rungs)
    return min((at for at in moments if at is not None and at > now), default=None)


def _not_before(rung: Rung, standing: Standing, now: datetime) -> datetime | None:
    minutes = timedelta(minutes=rung.threshold)
    match rung.trigger:
        case Trigger.REACTION | Trigger.SOLUTION:
            spent = standing.reaction if rung.trigger is Trigger.REACTION else standing.solution
            return None if spent is None else now + spent.target * rung.threshold / 100 - spent.used
        case Trigger.SILENCE:
            return None if standing.waits else standing.quiet_since + minutes
        case Trigger.NOBODY:
            return standing.opened_at + minutes if standing.assignee is None else None


def _due(rung: Rung, standing: Standing, now: datetime) -> Due | None:
    match rung.trigger:
        case Trigger.REACTION | Trigger.SOLUTION:
            spent = standing.reaction if rung.trigger is Trigger.REACTION else standing.solution
            if spent is None or not spent.running or spent.percent < rung.threshold:
                return None
            return Due(rung, f"{rung.trigger}:{standing.again}", spent.percent)
        case Trigger.SILENCE:
            over = not standing.waits and now - standing.quiet_since >= timedelta(minutes=rung.threshold)
            return Due(rung, f"silence:{standing.last_step}") if over else None
        case Trigger.NOBODY:
            over = standing.assignee is None and now - standing.opened_at >= timedelta(minutes=rung.threshold)
            return Due(rung, f"nobody:{standing.again}") if over else None

"""Who speaks with a terminal's key: one agent, started again now and then, or two at once? Pure: `clones` keeps the
sessions and acts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

RETURNS = 3
"""So often may a session come back within `live` without another answering: a machine that is set back to a
snapshot in a laboratory."""


class Verdict(StrEnum):
    """`new`: the agent was started. `late`: on its way when the next one began. `returned`: the machine was set
    back to an earlier moment. `clone`: two live sessions with one key."""

    SAME = "same"
    NEW = "new"
    LATE = "late"
    RETURNED = "returned"
    CLONE = "clone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What is known of a session. `last_at`: when it was heard before another took its place; `replaced_at` is
    None for the current one; `returned_at`: when it took its place back."""

    name: str
    last_at: datetime
    replaced_at: datetime | None = None
    returned_at: datetime | None = None
    returns: int = 0


def decide(
    speaker: Spoken | None, current: Spoken | None, now: datetime, *, late: timedelta, live: timedelta
) -> Verdict:
    """`speaker` is None for a session that was never heard. A clone shows by a session that was replaced, and
    speaks again after the one that came back was heard too: one machine, however it is started, stopped or set
    back, has but one session that goes on."""
    if speaker is None:
        return Verdict.NEW
    if current is None or speaker.name == current.name:
        return Verdict.SAME
    if speaker.replaced_at is None or now - speaker.replaced_at <= late:
        return Verdict.LATE
    alternates = current.returned_at is not None and now - current.returned_at <= live
    recent = now - speaker.last_at <= live
    if recent and (alternates or returns(speaker, now, live) >= RETURNS):
        return Verdict.CLONE
    return Verdict.RETURNED


def returns(speaker: Spoken, now: datetime, live: timedelta) -> int:
    """How often it has come back in a row with this time, none more than `live` after the one before."""
    goes_on = speaker.returned_at is not None and now - speaker.returned_at <= live
    return speaker.returns + 1 if goes_on else 1

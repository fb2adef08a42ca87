"""From the rows of an incident's life to the steps that its clocks go by. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from collector.incidents.life import State
from collector.incidents.sla import Step, Told

OLDEST_FACT = timedelta(days=31)
"""A device that says that something happened longer before it could be heard has a wrong clock: then our time
counts."""
SPOKEN = ("phone", "person")
"""Sources where somebody of the desk spoke to the customer when it was opened."""
ASKED = ("portal", "mail", "label")
"""Sources where a person waits for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One transition. `by_device`: nobody of the desk did it and nothing but the fault itself; `answer`: a person told
    the customer something. `undoes`: the number of the row that it takes back."""

    id: int
    kind: str
    at: datetime
    recorded_at: datetime
    to_state: str
    by_device: bool = False
    answer: bool = False
    until: datetime | None = None
    queue: str | None = None
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class _Change:
    """Something of the step that holds from `at` on."""

    at: datetime
    told: Told
    state: State | None = None
    until: datetime | None = None
    answered: bool = False
    good: bool | None = None
    queue: str | None = None


def steps(rows: Sequence[Row], *, source: str, device_facts: bool) -> list[Step]:
    """In order of time. What the device told counts at its own time where `device_facts`, else when we heard of it. A
    step that was taken back never was."""
    gone = {row.undoes for row in rows if row.undoes is not None}
    lasting = [row for row in rows if row.id not in gone and row.undoes is None]
    if not lasting:
        return []
    first = _moment(lasting[0], device_facts)
    tracks = (
        _states(lasting, device_facts),
        _facts(lasting) if device_facts else (),
        _answers(lasting, source),
    )
    changes = [change for track in tracks for change in _in_order(track, first)]
    return list(_merged(sorted(changes, key=lambda change: change.at)))


def _states(rows: Iterable[Row], device_facts: bool) -> Iterable[_Change]:
    before = ""
    for row in rows:
        if row.to_state and (row.to_state != before or row.until or row.queue is not None):
            told = Told.DEVICE if row.by_device and device_facts else Told.DESK
            at = _moment(row, device_facts)
            yield _Change(at, told, state=State(row.to_state), until=row.until, queue=row.queue)
            before = row.to_state


def _facts(rows: Iterable[Row]) -> Iterable[_Change]:
    """The printer prints again, or stopped once more. What comes and goes is not told each time, and is not well."""
    for row in rows:
        if row.by_device and row.kind in ("cleared", "repeated", "reopened", "flapping"):
            yield _Change(_moment(row, True), Told.DEVICE, good=row.kind == "cleared")
        elif row.kind == "reopened":
            yield _Change(row.recorded_at, Told.DESK, good=False)


def _answers(rows: Sequence[Row], source: str) -> Iterable[_Change]:
    if source in SPOKEN:
        yield _Change(rows[0].recorded_at, Told.DESK, answered=True)
    for row in rows:
        if row.answer:
            yield _Change(row.recorded_at, Told.DESK, answered=True)
            return


def _moment(row: Row, device_facts: bool) -> datetime:
    if row.by_device and device_facts:
        return row.at if row.recorded_at - OLDEST_FACT <= row.at <= row.recorded_at else row.recorded_at
    return row.recorded_at if row.by_device else min(row.at, row.recorded_at)


def _in_order(changes: Iterable[_Change], first: datetime) -> Iterable[_Change]:
    """None before the one that was recorded before it."""
    last = first
    for change in changes:
        last = max(last, change.at)
        yield replace(change, at=last)


def _merged(changes: Iterable[_Change]) -> Iterable[Step]:
    held: Step | None = None
    for change in changes:
        if held is None:
            if change.state is None:
                continue
            held = Step(at=change.at, state=change.state, told=change.told)
        held = Step(
            at=change.at,
            state=change.state or held.state,
            until=change.until if change.state else held.until,
            answered=held.answered or change.answered,
            good=held.good if change.good is None else change.good,
            queue=held.queue if change.queue is None else change.queue,
            told=change.told,
        )
        yield held

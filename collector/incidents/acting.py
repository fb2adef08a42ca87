"""What every act of a person has in common: may he, does the incident allow it, one step, and the clocks anew."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from collector.core import clock
from collector.core.models import User
from collector.incidents import clocks, life
from collector.incidents.life import Stimulus
from collector.incidents.models import OPEN, Incident, Kind, Transition
from collector.incidents.steps import step
from protocols.errors import PlombaError

NOTE_MAX = 4000
KEPT = (
    "assignee_id", "acknowledged_at", "pending_until", "pending_reason", "resolved_at", "cleared_at", "resolve_due_at",
    "resolution", "resolution_code", "merged_into_id", "major_since", "reopen_count", "impact", "urgency", "priority",
    "judged_by",
)  # fmt: skip
"""What an act may change besides the state. What it was before goes into the step, so that it can be taken back."""


class ActionRefused(PlombaError):
    """`incident.not_allowed`: the person's role; `incident.state`: not in this state; `incident.unknown`: no
    such incident; `incident.note_missing`, `incident.note_too_long`; `incident.until`: a wait needs an end ahead;
    `incident.code`: no such resolution code; `incident.merge`, `incident.undo`, `incident.twin`, `incident.file`,
    `incident.work`: the words say why."""

    code = "incident.refused"


@dataclass(slots=True)
class Act:
    """One act on one locked incident. Change `incident`, then `did`, once."""

    incident: Incident
    by: User
    now: datetime
    before: Mapping[str, object] = field(default_factory=dict)

    def did(
        self,
        kind: Kind,
        *,
        by: Stimulus | None = None,
        to: str | None = None,
        note: str = "",
        public: bool = False,
        detail: Mapping[str, object] | None = None,
    ) -> Transition:
        """`by`: the stimulus that moves it; MoveRefused where the table does not have it."""
        to = life.move(self.incident.state, by) if by else to
        changed = {
            name: was for name, was in self.before.items() if was != _plain(getattr(self.incident, name))
        }
        return step(
            self.incident,
            kind,
            self.now,
            self.now,
            to=to,
            by=self.by.pk,
            note=note,
            public=public,
            detail={**(detail or {}), **({"before": changed} if changed else {})},
        )


@contextmanager
def acting(pk: int, by: User, *stimuli: Stimulus) -> Iterator[Act]:
    """A locked incident which every one of `stimuli` can move; its clocks are worked out anew at the end."""
    with transaction.atomic():
        found = take(pk, by)
        for stimulus in stimuli:
            if not life.can(found.state, stimulus):
                raise refused_state(found)
        act = Act(found, by, clock.now(), {name: _plain(getattr(found, name)) for name in KEPT})
        yield act
        clocks.renew(found, act.now)


def take(pk: int, by: User) -> Incident:
    """Locked. ActionRefused where the person may not work, or there is none."""
    if not by.may_work:
        raise ActionRefused("only technicians and managers may change incidents", code="incident.not_allowed")
    found = Incident.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if found is None:
        raise ActionRefused("there is no such incident", code="incident.unknown")
    return found


def must_be_open(incident: Incident) -> None:
    if incident.state not in OPEN:
        raise refused_state(incident)


def refused_state(incident: Incident) -> ActionRefused:
    word = incident.get_state_display().lower()
    return ActionRefused(f"the incident is {word}", code="incident.state")


def said(text: str) -> str:
    found = text.strip()
    if not found:
        raise ActionRefused("write in a few words what was done", code="incident.note_missing")
    if len(found) > NOTE_MAX:
        raise ActionRefused(f"the note is longer than {NOTE_MAX} characters", code="incident.note_too_long")
    return found


def no_twin(incident: Incident) -> None:
    """The same fault must not have a newer open incident: then that one is the place to go on."""
    twin = Incident.objects.filter(
        terminal=incident.terminal,
        site=incident.site,
        area=incident.area,
        subject_kind=incident.subject_kind,
        subject_id=incident.subject_id,
        code=incident.code,
        state__in=OPEN,
    ).exclude(pk=incident.pk)
    found = twin.first() if incident.code else None
    if found is not None:
        raise ActionRefused(f"the same fault has a newer open incident, {found.pk}", code="incident.state")


def _plain(value: object) -> object:
    """As it is kept in a step."""
    return value.isoformat() if isinstance(value, datetime) else value

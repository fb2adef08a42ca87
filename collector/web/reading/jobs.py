"""Jobs of one till as a person reads them, and what its form offers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from collector.backups.models import Run
from collector.inventory.models import Device, Terminal
from collector.jobs import operators
from collector.jobs.models import Job, State, Step
from collector.web import job_words
from collector.web.words import Sign
from protocols.errors import JobError
from protocols.wire.job import CATALOGUE, Operator, OperatorList, Refuse, Type, moment

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

ROWS = 50
SOON = timedelta(days=30)
_ENDED = {0: "done", 3: "refused", 75: "later", 2: "refused"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One job. `standing` is a key of job_words.STATES."""

    job: Job
    standing: str
    word: "Lazy | str"
    parameters: Sequence[tuple[object, object]]
    reason: str
    missing: int
    steps: Sequence[tuple[object, Step]]

    @property
    def sign(self) -> Sign:
        return job_words.STATES[self.standing]

    @property
    def may_cancel(self) -> bool:
        return self.standing in ("signing", "queued")


@dataclass(frozen=True, slots=True)
class Choice:
    """One type of the form."""

    type: str
    word: "Lazy"
    signatures: int
    lasts_s: int
    dry_run: bool
    needs: str
    fields: Sequence[tuple[str, object, str]]
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """The list of operators, each with the end of their time. After `ends` no till does a job by it; `soon`: a new one
    should be signed."""

    list: OperatorList | None = None
    people: Sequence[tuple[Operator, datetime]] = ()
    ends: datetime | None = None
    over: bool = False
    soon: bool = False


def jobs_of(terminal: Terminal, now: datetime) -> list[Shown]:
    rows: QuerySet[Job] = Job.objects.filter(terminal=terminal).prefetch_related("steps__by")
    return [_shown(row, now) for row in rows.order_by("-kept_at")[:ROWS]]


def choices(given: Mapping[str, str]) -> list[Choice]:
    """`given`: what another page has filled in: a type, and its parameters by their names."""
    return [_choice(type_, given if given.get("type") == type_.value else {}) for type_ in Type]


def known_of(terminal: Terminal) -> dict[str, list[str]]:
    """What the fields of the form suggest."""
    devices = Device.objects.filter(terminal=terminal, retired_at=None).order_by("name")
    backups = (
        Run.objects.filter(terminal=terminal).order_by("source").values_list("source", flat=True).distinct()
    )
    return {"device": [device.name for device in devices], "backup": sorted(set(backups))}


def operators_listed(now: datetime) -> Listed:
    """The newest list."""
    try:
        listed = operators.listed()
    except JobError:
        listed = None
    if listed is None:
        return Listed()
    ends = moment(listed.expires)
    people = [(one, moment(one.valid_to)) for one in listed.operators]
    return Listed(listed, people, ends, over=ends <= now, soon=ends - now <= SOON)


def _shown(row: Job, now: datetime) -> Shown:
    known = {type_.value: word for type_, word in job_words.TYPES.items()}
    standing = _standing(row, now)
    kind = CATALOGUE.get(Type(row.type)) if row.type in known else None
    keys = {str(one["operator"]) for one in row.signatures}
    return Shown(
        job=row,
        standing=standing,
        word=known.get(row.type, row.type),
        parameters=[(job_words.PARAMETERS.get(k, k), v) for k, v in row.parameters.items() if v != ""],
        reason=job_words.refusal(row.code, row.code) if row.code else "",
        missing=max(0, (kind.signatures if kind else 1) - len(keys)),
        steps=[(job_words.STEPS.get(step.kind, step.kind), step) for step in row.steps.all()],
    )


def _standing(row: Job, now: datetime) -> str:
    if row.state == State.ENDED:
        return _ENDED.get(-1 if row.exit is None else row.exit, "failed")
    if row.state != State.CANCELLED and row.expires <= now:
        return "expired"
    return row.state


def _choice(type_: Type, given: Mapping[str, str]) -> Choice:
    kind = CATALOGUE[type_]
    return Choice(
        type=type_.value,
        word=job_words.TYPES[type_],
        signatures=kind.signatures,
        lasts_s=int(kind.lasts.total_seconds()),
        dry_run=kind.dry_run,
        needs="" if kind.refuse is Refuse.NEVER else kind.refuse.value,
        fields=[
            (name, job_words.PARAMETERS[name], given.get(name, ""))
            for name in kind.parameters.model_fields
            if name != "type"
        ],
        chosen=bool(given),
    )

"""What can be done to a job in the office: keep it, sign it a second time, cancel it. Each leaves a step. A job is
checked as far as that goes without a till, so that a person learns at once what the till would refuse."""

from datetime import datetime

from django.db import IntegrityError, transaction
from pydantic import ValidationError

from collector.core import live
from collector.core.models import User
from collector.inventory.models import Terminal
from collector.jobs import operators
from collector.jobs.models import Job, State, Step
from protocols.errors import JobError
from protocols.wire import job, job_signing
from protocols.wire.job import SignedJob, moment


def parsed(document: bytes) -> SignedJob:
    """JobError job.malformed, job.too_large."""
    if len(document) > 2 * job.JOB_BYTES:
        raise JobError("the job is too large", code="job.too_large")
    try:
        return SignedJob.model_validate_json(document)
    except ValidationError as e:
        raise JobError("this is no signed job", code="job.malformed") from e


def keep(signed: SignedJob, now: datetime, by: User | None = None, *, target: str = "") -> Job:
    """Keep a new job; it is queued as soon as it has all its signatures. JobError with the code that the till would
    refuse it with, job.no_such_terminal, job.replayed, operators.missing. `target`: it must be for this till."""
    found = job.read_job(signed.text)
    if target and found.target != target:
        raise JobError("the job is for another till", code="job.wrong_target")
    who = _signers(signed, found, now)
    job_signing.check_times(found, now)
    if found.dry_run and not found.kind.dry_run:
        raise JobError(f"{found.type} cannot be tried without doing it", code="job.no_dry_run")
    terminal = Terminal.objects.filter(pk=found.target, retired_at=None).first()
    if terminal is None:
        raise JobError("the till that this job is for is not known here", code="job.no_such_terminal")
    try:
        with transaction.atomic():
            if Job.objects.filter(pk=found.id).exists() or Job.objects.filter(nonce=found.nonce).exists():
                raise JobError("this very job is here already", code="job.replayed")
            row = Job.objects.create(
                id=found.id,
                terminal=terminal,
                type=found.type.value,
                dry_run=found.dry_run,
                parameters=found.parameters.model_dump(exclude={"type"}),
                text=signed.text,
                signatures=[one.model_dump() for one in signed.signatures],
                nonce=found.nonce,
                state=_state(len(who), found),
                not_before=moment(found.not_before),
                expires=moment(found.expires),
                kept_at=now,
            )
            _step(row, "signed", now, by, ", ".join(who))
    except IntegrityError as e:
        raise JobError("this very job came at the same moment", code="job.replayed") from e
    return row


def sign(pk: str, signature: job.Signed, now: datetime, by: User | None = None) -> Job:
    """Put another operator's signature under it. JobError as of `keep`; job.state where none is missing."""
    with transaction.atomic():
        row = _locked(pk)
        if row.state != State.SIGNING:
            raise JobError("no signature is missing", code="job.state")
        found = job.read_job(row.text)
        signed = signed_of(row).model_copy(update={"signatures": (*signed_of(row).signatures, signature)})
        before, who = _signers(signed_of(row), found, now), _signers(signed, found, now)
        if len(who) == len(before):
            raise JobError(
                "it has this person's signature already; another one is missing", code="job.same_operator"
            )
        job_signing.check_times(found, now)
        row.signatures = [one.model_dump() for one in signed.signatures]
        row.state = _state(len(who), found)
        row.save(update_fields=["signatures", "state"])
        _step(row, "signed", now, by, who[-1])
    return row


def cancel(pk: str, now: datetime, by: User | None = None) -> Job:
    """JobError job.state where the till has it already."""
    with transaction.atomic():
        row = _locked(pk)
        if row.state not in (State.SIGNING, State.QUEUED):
            raise JobError("the till has fetched it: it cannot be cancelled any more", code="job.state")
        row.state, row.ended_at = State.CANCELLED, now
        row.save(update_fields=["state", "ended_at"])
        _step(row, "cancelled", now, by)
    return row


def signed_of(row: Job) -> SignedJob:
    return SignedJob(text=row.text, signatures=tuple(job.Signed(**one) for one in row.signatures))


def _signers(signed: SignedJob, found: job.Job, now: datetime) -> list[str]:
    listed = operators.listed()
    if listed is None:
        raise JobError("there is no list of operators yet", code="operators.missing")
    if now >= moment(listed.expires):
        raise JobError("the list of operators has expired", code="operators.expired")
    who = job_signing.signers(signed, found, listed, now)
    if not who:
        raise JobError("nobody signed it", code="job.signatures_missing")
    return [one.name for one in who]


def _state(signers: int, found: job.Job) -> str:
    return State.QUEUED.value if signers >= found.kind.signatures else State.SIGNING.value


def _locked(pk: str) -> Job:
    row = Job.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None:
        raise JobError("there is no such job", code="job.unknown")
    return row


def _step(row: Job, kind: str, at: datetime, by: User | None = None, note: str = "") -> None:
    Step.objects.create(job=row, kind=kind, at=at, by=by, note=note[:400])
    live.publish_on_commit("job", row.pk, terminal=row.terminal_id)

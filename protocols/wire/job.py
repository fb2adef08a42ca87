"""Jobs of operators: the closed catalogue of what can be asked of a till, and the documents that are signed. Who
signed them is for `protocols.wire.job_signing`; nothing here runs anything.

What is signed is the text of a document, byte for byte, behind a word that says what it is. A document has one text
only (`canonical`), so that two readers never read two things out of one signature."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from protocols.errors import JobError

JOB_BYTES, LIST_BYTES, OFFER_BYTES = 4 << 10, 64 << 10, 160 << 10
"""Limits of one job's text, of an operator list's text, and of what a collector hands out at once."""
SIGNATURES = 4
JOBS = 8
SKEW = timedelta(minutes=5)
"""How far the clocks of operator, till and collector may lie apart."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Thing = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@$ -]{0,99}$")]
"""A service or a printer by the name that the computer has for it. It is compared, and handed over as one
argument; nothing reads it as text."""
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Signature = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{86}$")]
Version = Annotated[str, Field(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Moment = Annotated[str, Field(pattern=r"^20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ$")]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Type(StrEnum):
    READ_STATE_NOW = "read_state_now"
    DRAWER_TEST = "drawer_test"
    RUN_BACKUP = "run_backup"
    RUN_DRILL = "run_drill"
    RESTORE_FILE = "restore_file"
    RESTORE_OVER = "restore_over"
    RESTART_SERVICE = "restart_service"
    CLEAR_SPOOLER = "clear_spooler"
    COLLECT_LOGS = "collect_logs"
    RELOAD_CONFIGURATION = "reload_configuration"
    SELF_TEST = "self_test"
    UPDATE = "update"


class ReadStateNow(Part):
    """`device` is its name in the agent's configuration, "" for all."""

    type: Literal["read_state_now"] = "read_state_now"
    device: Name | Literal[""] = ""


class DrawerTest(Part):
    """One pulse on one pin of the printer's drawer connector. Nothing is printed."""

    type: Literal["drawer_test"] = "drawer_test"
    device: Name
    what: Literal["pin_2", "pin_5"]


class RunBackup(Part):
    type: Literal["run_backup"] = "run_backup"
    backup: Name


class RunDrill(Part):
    type: Literal["run_drill"] = "run_drill"
    backup: Name


class Restore(Part):
    """`backup` is its name in the configuration of the till that does it. `of` is the terminal whose set it is, ""
    for its own; `snapshot` is the set's digest. The key that opens it is no part of any job: a person brings it."""

    backup: Name
    of: Annotated[str, Field(max_length=80)] = ""
    snapshot: Digest


class RestoreFile(Restore):
    """Into a new file in the agent's own folder."""

    type: Literal["restore_file"] = "restore_file"


class RestoreOver(Restore):
    """In the place of the live file, which is kept beside."""

    type: Literal["restore_over"] = "restore_over"


class RestartService(Part):
    type: Literal["restart_service"] = "restart_service"
    service: Thing


class ClearSpooler(Part):
    type: Literal["clear_spooler"] = "clear_spooler"
    printer: Thing


class CollectLogs(Part):
    """So many bytes of the end of each log that the till's configuration names."""

    type: Literal["collect_logs"] = "collect_logs"
    bytes_each: Annotated[int, Field(ge=1024, le=32768)] = 8192


class ReloadConfiguration(Part):
    type: Literal["reload_configuration"] = "reload_configuration"


class SelfTest(Part):
    type: Literal["self_test"] = "self_test"


class Update(Part):
    """To the agent's package of this version and no other bytes: `sha256` is in hex, and what the operators sign."""

    type: Literal["update"] = "update"
    version: Version
    sha256: Digest


Parameters = Annotated[
    ReadStateNow
    | DrawerTest
    | RunBackup
    | RunDrill
    | RestoreFile
    | RestoreOver
    | RestartService
    | ClearSpooler
    | CollectLogs
    | ReloadConfiguration
    | SelfTest
    | Update,
    Field(discriminator="type"),
]


class Refuse(StrEnum):
    """While what is open at the till's fiscal device the job must wait."""

    NEVER = ""
    RECEIPT = "receipt"
    SHIFT = "shift"


@dataclass(frozen=True, slots=True)
class Kind:
    """One entry of the catalogue. `lasts`: the longest time from `not_before` to `expires`. `heavy`: costs disk or
    processor for long. `ends_s`: it is stopped after so long."""

    parameters: type[Part]
    ends_s: float
    lasts: timedelta = timedelta(days=7)
    heavy: bool = False
    refuse: Refuse = Refuse.NEVER
    signatures: int = 1
    dry_run: bool = True


CATALOGUE: Mapping[Type, Kind] = {
    Type.READ_STATE_NOW: Kind(ReadStateNow, 60, timedelta(days=1)),
    Type.DRAWER_TEST: Kind(DrawerTest, 30, timedelta(minutes=15), refuse=Refuse.RECEIPT),
    Type.RUN_BACKUP: Kind(RunBackup, 6 * 3600, heavy=True),
    Type.RUN_DRILL: Kind(RunDrill, 6 * 3600, heavy=True, refuse=Refuse.RECEIPT),
    Type.RESTORE_FILE: Kind(RestoreFile, 6 * 3600, heavy=True),
    Type.RESTORE_OVER: Kind(
        RestoreOver, 6 * 3600, timedelta(days=1), heavy=True, refuse=Refuse.RECEIPT, signatures=2
    ),
    Type.RESTART_SERVICE: Kind(RestartService, 180, timedelta(days=1), refuse=Refuse.RECEIPT),
    Type.CLEAR_SPOOLER: Kind(ClearSpooler, 60, timedelta(days=1), refuse=Refuse.RECEIPT),
    Type.COLLECT_LOGS: Kind(CollectLogs, 60),
    Type.RELOAD_CONFIGURATION: Kind(ReloadConfiguration, 60),
    Type.SELF_TEST: Kind(SelfTest, 120),
    Type.UPDATE: Kind(Update, 3600, heavy=True, refuse=Refuse.SHIFT, signatures=2, dry_run=False),
}


class Job(Part):
    """`target` is the terminal's id. `nonce` makes the job one that can be done once."""

    version: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    target: Annotated[str, Field(min_length=1, max_length=80)]
    nonce: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22}$")]
    not_before: Moment
    expires: Moment
    dry_run: bool = False
    parameters: Parameters

    @model_validator(mode="after")
    def _times_are_times(self) -> "Job":
        moment(self.not_before), moment(self.expires)
        return self

    @property
    def type(self) -> Type:
        return Type(self.parameters.type)

    @property
    def kind(self) -> Kind:
        return CATALOGUE[self.type]


class Signed(Part):
    """`operator` is a public key."""

    operator: Key
    signature: Signature


class SignedJob(Part):
    """`text` is what was signed."""

    text: Annotated[str, Field(max_length=JOB_BYTES)]
    signatures: Annotated[tuple[Signed, ...], Field(max_length=SIGNATURES)] = ()


class Operator(Part):
    """A person with a key. `may` lists the types of jobs that the person may sign."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    key: Key
    may: Annotated[tuple[Type, ...], Field(strict=False, max_length=32)]
    valid_from: Moment
    valid_to: Moment


class OperatorList(Part):
    """`number` only ever grows. After `expires` nothing more is done on the word of this list, so that who was
    taken off a newer one does not stay for ever where that is held back."""

    version: Literal[1] = 1
    number: Annotated[int, Field(ge=1, le=2**31)]
    issued: Moment
    expires: Moment
    operators: Annotated[tuple[Operator, ...], Field(max_length=200)]

    @model_validator(mode="after")
    def _sound(self) -> "OperatorList":
        for text in (
            self.issued,
            self.expires,
            *(t for o in self.operators for t in (o.valid_from, o.valid_to)),
        ):
            moment(text)
        if len({one.key for one in self.operators}) < len(self.operators):
            raise ValueError("one key stands there twice")
        return self


class SignedOperators(Part):
    """Signed by the company's root key. `root` says which that was, and proves nothing."""

    text: Annotated[str, Field(max_length=LIST_BYTES)]
    root: Key
    signature: Signature


class Offer(Part):
    """What waits for one terminal at PATH_JOBS."""

    version: Literal[1] = 1
    operators: SignedOperators | None = None
    jobs: Annotated[tuple[SignedJob, ...], Field(max_length=JOBS)] = ()


def moment(text: str) -> datetime:
    """ValueError for a time that does not exist."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def canonical(part: Part) -> str:
    """The one text of a document: keys in order, nothing left out, no spaces."""
    return json.dumps(part.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def read_offer(body: bytes) -> Offer:
    """JobError with the code job.too_large or job.malformed."""
    if len(body) > OFFER_BYTES:
        raise JobError(f"{len(body)} bytes of jobs are too many", code="job.too_large")
    try:
        return Offer.model_validate_json(body)
    except ValidationError as e:
        raise JobError(f"what waits is no list of jobs: {_say(e)}", code="job.malformed") from e


def read_job(text: str) -> Job:
    """JobError: job.too_large, job.malformed, job.unknown_type, job.parameters."""
    if len(text.encode("utf-8", "replace")) > JOB_BYTES:
        raise JobError("the job is too large", code="job.too_large")
    try:
        job = Job.model_validate_json(text)
    except ValidationError as e:
        raise JobError(f"the job is not as agreed: {_say(e)}", code=_code(e)) from e
    if canonical(job) != text:
        raise JobError("the job is not written in its one form", code="job.malformed")
    return job


def read_operators(signed: SignedOperators) -> OperatorList:
    """As it is written; JobError operators.malformed. Its signature is not looked at."""
    try:
        found = OperatorList.model_validate_json(signed.text)
    except ValidationError as e:
        raise JobError(
            f"the list of operators is not as agreed: {_say(e)}", code="operators.malformed"
        ) from e
    if canonical(found) != signed.text:
        raise JobError("the list of operators is not written in its one form", code="operators.malformed")
    return found


def _code(failure: ValidationError) -> str:
    """The first thing that is wrong decides."""
    error = failure.errors(include_url=False, include_input=False)[0]
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return "job.unknown_type"
    return "job.parameters" if _first(error["loc"]) == "parameters" else "job.malformed"


def _first(place: Sequence[int | str]) -> int | str:
    return place[0] if place else ""


def _say(failure: ValidationError) -> str:
    error = failure.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"[:300]

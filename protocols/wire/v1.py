"""Wire version 1: what agent and collector send each other. A released version only gains optional fields.
Strict on sending; a receiver validates with `extra="ignore"` so that a newer peer is understood."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

VERSION: Final = 1
REPORT_BYTES = 1 << 20
MESSAGES = 500
"""Limits of one report: body size and number of messages."""

PATH_REPORTS = "/api/agent/v1/reports"
PATH_ENROL = "/api/agent/v1/enrol"
PATH_AUTHORITY = "/api/agent/v1/authority"
PATH_OBJECTS = "/api/agent/v1/objects"
PATH_CONFIGURATION = "/api/agent/v1/configuration"
PATH_JOBS = "/api/agent/v1/jobs"
PATH_KEY = "/api/agent/v1/key"

REKEY = "rekey"
"""Waits at the collector: it wishes that the terminal makes itself a new key."""
CLAIMED = "claimed"

Text = Annotated[str, Field(max_length=400)]
Id = Annotated[str, Field(min_length=1, max_length=80)]
Scalar = bool | int | float | Text | None
Detail = Annotated[dict[Id, Scalar], Field(max_length=64)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SubjectKind(StrEnum):
    TERMINAL = "terminal"
    DEVICE = "device"
    BACKUP = "backup"


class Subject(Model):
    """What a message is about; `id` is the name from the agent's configuration, "" for the terminal
    itself."""

    kind: SubjectKind
    id: Annotated[str, Field(max_length=80)] = ""


class Message(Model):
    """`seq` counts from 1 within an epoch, without holes; `at` is the terminal's time when it happened."""

    seq: Annotated[int, Field(ge=1)]
    at: AwareDatetime


class DeviceInfo(Model):
    id: Id
    family: Id
    port: Text


class Machine(Model):
    """What the computer is known by. "" where the system does not tell; `machine_id` is a hash of the system's
    own, so that it tells nothing else."""

    disk_serial: Annotated[str, Field(max_length=80)] = ""
    board_serial: Annotated[str, Field(max_length=80)] = ""
    machine_id: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""


class Hello(Message):
    """The agent started. `clean` is None on the first start of an installation."""

    kind: Literal["hello"] = "hello"
    agent: Id
    hostname: Text
    os: Text
    boot_at: AwareDatetime
    clean: bool | None = None
    devices: Annotated[tuple[DeviceInfo, ...], Field(max_length=64)] = ()
    backups: Annotated[tuple[Id, ...], Field(max_length=64)] = ()
    machine: Machine | None = None


class Change(StrEnum):
    RAISED = "raised"
    CLEARED = "cleared"


class Event(Message):
    """A fault from the closed list began or ended. `since` is when the condition was first seen."""

    kind: Literal["event"] = "event"
    subject: Subject
    code: Id
    change: Change
    since: AwareDatetime
    reason: Text = ""
    detail: Detail = {}


class Fact(Message):
    """Something worth a line on the timeline that is not a fault, such as `agent.stopped` or
    `drawer.opened`."""

    kind: Literal["fact"] = "fact"
    subject: Subject
    name: Id
    detail: Detail = {}


class Contact(StrEnum):
    """What the port says. `in_use`: the POS holds it, a healthy state."""

    OK = "ok"
    IN_USE = "in_use"
    NO_REPLY = "no_reply"
    MISSING = "missing"
    DENIED = "denied"
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"


class State(Message):
    """The whole state of one device, sent when something in it changed and at least every few minutes.
    `state` holds the known fields of DeviceState only; `last_good_at` is None when the device never
    answered."""

    kind: Literal["state"] = "state"
    device: Id
    contact: Contact
    reason: Text = ""
    last_good_at: AwareDatetime | None = None
    round_trip_ms: float | None = None
    profile: Text = ""
    identity: Annotated[dict[Id, Text], Field(max_length=16)] = {}
    state: Detail = {}


class Sample(Message):
    """Figures of the terminal or of one device at one moment; units in the names, such as
    `disk_free_bytes`."""

    kind: Literal["sample"] = "sample"
    subject: Subject
    values: Annotated[dict[Id, float], Field(min_length=1, max_length=64)]


class Backup(Message):
    """One backup run ended. `snapshot` is "" where none was made; `facts` are counts and sums from the same
    read."""

    kind: Literal["backup"] = "backup"
    source: Id
    engine: Id
    ok: bool
    snapshot: Annotated[str, Field(max_length=80)] = ""
    started_at: AwareDatetime
    duration_s: float
    source_bytes: int = 0
    stored_bytes: int = 0
    facts: Detail = {}
    error: Text = ""
    classes: Annotated[tuple[Id, ...], Field(max_length=16)] = ()
    """Which sets of the law it fills, where the till's file names them; else its engine tells."""


class Drill(Message):
    """One restore drill ended: a snapshot was restored into a scratch place and compared with its facts."""

    kind: Literal["drill"] = "drill"
    source: Id
    snapshot: Annotated[str, Field(max_length=80)]
    ok: bool
    started_at: AwareDatetime
    duration_s: float
    facts: Detail = {}
    error: Text = ""


class InventoryItem(Model):
    """What is not known is "". `sha256` is in hex, of a program's file."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    version: Annotated[str, Field(max_length=100)] = ""
    vendor: Annotated[str, Field(max_length=200)] = ""
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


class Inventory(Message):
    """The whole list of `what`, such as `software`, as it is now; sent when it changed. `left_off` counts what the
    list was too long for."""

    kind: Literal["inventory"] = "inventory"
    what: Id
    items: Annotated[tuple[InventoryItem, ...], Field(max_length=3000)]
    left_off: int = 0


class JobResult(Message):
    """A job of an operator (protocols.wire.job) ended, was refused, or was broken off; `job` is its id. `exit`: 0
    done, 1 failed, 2 its parameters name nothing here, 3 refused, 75 may be asked again later; `code` says why, ""
    when it is done. Nothing ran where `duration_s` is 0. `output` is masked, its end is kept."""

    kind: Literal["job_result"] = "job_result"
    job: Id
    type: Annotated[str, Field(max_length=80)] = ""
    exit: int
    code: Annotated[str, Field(max_length=80)] = ""
    dry_run: bool = False
    started_at: AwareDatetime
    duration_s: float = 0.0
    output: Annotated[str, Field(max_length=60_000)] = ""
    evidence: Annotated[dict[Id, Scalar], Field(max_length=256)] = {}


class Outcome(StrEnum):
    """`local`: the till holds every key of it as its own, so nothing of it counts there."""

    APPLIED = "applied"
    REFUSED = "refused"
    LOCAL = "local"


class DifferenceReason(StrEnum):
    """`local`: the till's own file marks the key as local. `absent`: the till has no such device or backup."""

    LOCAL = "local"
    ABSENT = "absent"


class Difference(Model):
    """One key in which the till runs with something else than was wished; values as TOML, "" where there is none."""

    key: Annotated[str, Field(min_length=1, max_length=160)]
    reason: DifferenceReason
    local: Text = ""
    desired: Text = ""


class Configuration(Message):
    """What became of a Desired document, or what holds after a start. `number` and `digest` are of the document
    that was judged last, 0 and "" where the till knows none; of a refused one `code`, `key` and `error` say why,
    and the last good one stays. `holds` is the number of the one by which the till runs, 0 for its own file alone."""

    kind: Literal["configuration"] = "configuration"
    number: Annotated[int, Field(ge=0)]
    digest: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    outcome: Outcome
    holds: Annotated[int, Field(ge=0)] = 0
    code: Annotated[str, Field(max_length=80)] = ""
    key: Annotated[str, Field(max_length=160)] = ""
    error: Text = ""
    differs: Annotated[tuple[Difference, ...], Field(max_length=100)] = ()
    left_off: int = 0


AnyMessage = Annotated[
    Hello | Event | Fact | State | Sample | Backup | Drill | Inventory | JobResult | Configuration,
    Field(discriminator="kind"),
]
MESSAGE: TypeAdapter[AnyMessage] = TypeAdapter(AnyMessage)


class Queue(Model):
    """What still waits in the spool after this report."""

    messages: int
    oldest_at: AwareDatetime | None = None


class UnderWay(Model):
    """How far a backup is at `at`; `total` 0 and `left_s` None where nobody knows. Never stored at the till: it goes
    along with a report, and is as new as that."""

    source: Id
    stage: Id
    done: Annotated[int, Field(ge=0)]
    total: Annotated[int, Field(ge=0)] = 0
    bytes_s: Annotated[float, Field(ge=0)] = 0.0
    left_s: Annotated[float, Field(ge=0)] | None = None
    at: AwareDatetime


class BackupTraffic(Model):
    """What backups have sent in a month of UTC (`2026-11`), in bytes."""

    month: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}$")]
    used: Annotated[int, Field(ge=0)]
    limit: Annotated[int, Field(ge=0)]


class Run(Model):
    """Who speaks in this session, so that two that use one key can be told apart."""

    hostname: Text
    boot_at: AwareDatetime


class Lane(StrEnum):
    """`ordered`: incidents and the journal, without a hole and in the order of their numbers, linked by a chain.
    `loose`: states and figures, each for itself and in any order. The two lanes of one spool have epochs of their
    own."""

    ORDERED = "ordered"
    LOOSE = "loose"


class Report(Model):
    """POST PATH_REPORTS. `epoch` is the birth of this lane of the spool in milliseconds since 1970: a new spool
    counts from 1 again without ever meeting an old number. `chain` is the link (protocols.wire.chain, in hex) of
    the last message, of an ordered report only. `session` is a random name of this run of the agent; `run` comes
    with it until the collector has answered once. `under_way`: the backups that run now; in the first report after
    the last has ended an empty list, else None. `backup_traffic` goes along when it is another than before."""

    version: Literal[1] = VERSION
    terminal: Id
    epoch: Annotated[int, Field(ge=1)]
    sent_at: AwareDatetime
    queue: Queue | None = None
    lane: Lane = Lane.ORDERED
    chain: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    session: Annotated[str, Field(max_length=80)] = ""
    run: Run | None = None
    under_way: Annotated[tuple[UnderWay, ...], Field(max_length=64)] | None = None
    backup_traffic: BackupTraffic | None = None
    messages: Annotated[tuple[AnyMessage, ...], Field(max_length=MESSAGES)]


class Receipt(Model):
    """The answer, after commit. Ordered: everything up to `complete_to` is stored without a gap, and `chain` is the
    link there; `signature` by `signer` (both base64url, Ed25519 over protocols.wire.chain.receipt_bytes) proves it.
    Loose: all of the report is stored, and `complete_to` is the highest number of its epoch. `held`: so many messages
    of the loose lane of this terminal are there, of all epochs; it falls only where the collector was put back.
    `next_s` is the pause that the collector wishes before the next report that holds nothing urgent; with `credit` it
    holds for any report, which may have so many messages. `waiting` names what the terminal should fetch, `carry_key`
    (X25519, base64url) is for a queue that is carried by hand."""

    version: Literal[1] = VERSION
    epoch: int
    complete_to: int
    server_time: AwareDatetime
    next_s: float | None = None
    lane: Lane = Lane.ORDERED
    chain: str = ""
    signer: str = ""
    signature: str = ""
    carry_key: str = ""
    held: int | None = None
    credit: int | None = None
    waiting: tuple[Id, ...] = ()


class Enrol(Model):
    """POST PATH_ENROL, signed with the new key itself. `public_key` is the raw Ed25519 key in base64url
    without padding; `code` is the secret part of the one-time code, or CLAIMED where a person has claimed this key
    on a page."""

    version: Literal[1] = VERSION
    code: Id
    public_key: Annotated[str, Field(min_length=43, max_length=43)]
    hostname: Text
    os: Text
    agent: Id


class Enrolled(Model):
    """`waits`: reports are refused until a technician has approved the terminal."""

    version: Literal[1] = VERSION
    terminal: Id
    name: Text
    site: Text
    customer: Text
    server_time: AwareDatetime
    waits: bool = False


class Rekey(Model):
    """POST PATH_KEY, signed with the key that the terminal has now, or with the new one where the answer to the
    first was lost. `proof` (base64url, by the new key over protocols.wire.rekey.proof_bytes) shows that the sender
    has the new key too."""

    version: Literal[1] = VERSION
    public_key: Annotated[str, Field(min_length=43, max_length=43)]
    proof: Annotated[str, Field(min_length=86, max_length=86)]
    session: Annotated[str, Field(max_length=80)] = ""


class Rekeyed(Model):
    """From now on only `public_key` counts."""

    version: Literal[1] = VERSION
    public_key: str
    server_time: AwareDatetime


class Desired(Model):
    """The answer to GET PATH_CONFIGURATION: what the collector wishes for one terminal. `number` counts the changes
    of the content for this terminal, `digest` is protocols.wire.desired.digest_of `tables`, which have the shape
    of agent.toml. `by`, `at` and `comment` are of the newest change."""

    version: Literal[1] = VERSION
    terminal: Id
    number: Annotated[int, Field(ge=1)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    tables: dict[str, JsonValue]
    by: Text = ""
    at: AwareDatetime | None = None
    comment: Text = ""


class Problem(Model):
    """RFC 9457 problem document, `application/problem+json`. `code` is stable; `type` is `urn:plomba:` and
    the code. `waiting` as in a receipt."""

    type: str
    title: str
    status: int
    code: Id
    detail: str = ""
    server_time: AwareDatetime | None = None
    complete_to: int | None = None
    waiting: tuple[Id, ...] = ()


def json_schema() -> dict[str, object]:
    """The schema of every document of this version, under its name."""
    documents = (Report, Receipt, Enrol, Enrolled, Rekey, Rekeyed, Desired, Problem)
    defs: dict[str, object] = {}
    for document in documents:
        schema = document.model_json_schema(ref_template="#/$defs/{model}")
        defs.update(schema.pop("$defs", {}))
        defs[document.__name__] = schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plomba wire, version 1",
        "$defs": dict(sorted(defs.items())),
    }

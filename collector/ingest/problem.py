"""Every reason for which the door refuses, with its stable code, and the RFC 9457 document that tells it."""

from dataclasses import dataclass, field
from datetime import datetime

from protocols.errors import PlombaError
from protocols.wire import v1

PROBLEMS = {
    "path.unknown": (404, "There is nothing at this address"),
    "path.query": (400, "An address with a query is not taken here, because the signature does not cover it"),
    "headers.too_large": (431, "The headers are larger than allowed"),
    "method.not_allowed": (405, "This method is not for this address"),
    "report.too_large": (413, "The report is larger than allowed"),
    "report.incomplete": (400, "The request ended before its body was complete"),
    "report.slow": (408, "The body did not come in time"),
    "signature.missing": (401, "The request is not signed"),
    "signature.malformed": (401, "The signature headers are not of the agreed form"),
    "signature.invalid": (401, "The signature does not fit the key of this terminal"),
    "signature.expired": (401, "The signature is not of this time"),
    "digest.mismatch": (401, "The body is not the one that was signed"),
    "report.replayed": (409, "This very request was here before"),
    "terminal.unknown": (403, "No terminal is enrolled under this name"),
    "terminal.retired": (403, "This terminal has been retired"),
    "terminal.waiting": (403, "This terminal waits for the approval of a technician"),
    "terminal.quarantined": (403, "Two agents speak with the key of this terminal; a technician must choose"),
    "terminal.mismatch": (403, "The report is of another terminal than its signature"),
    "report.version": (400, "This version of the wire format is not known here"),
    "report.malformed": (400, "The report is not as agreed"),
    "report.gap": (409, "Messages before this report are missing here"),
    "report.chain": (409, "Other messages are stored here under numbers of this epoch"),
    "report.encoding": (415, "The body is in an encoding that is not taken here"),
    "report.failed": (500, "The report could not be stored because of a fault in the collector"),
    "collector.busy": (503, "The collector has too much to do right now"),
    "configuration.none": (404, "Nothing is wished for this terminal here"),
    "package.unknown": (404, "There is no such package of the agent here"),
    "enrol.malformed": (400, "The enrolment is not as agreed"),
    "enrol.key_malformed": (400, "The key is not a raw Ed25519 key in base64url"),
    "enrol.code_invalid": (403, "This enrolment code is not known here"),
    "enrol.code_used": (403, "This enrolment code has been used"),
    "enrol.code_expired": (403, "This enrolment code has expired"),
    "enrol.key_known": (403, "This key belongs to another terminal"),
    "enrol.not_claimed": (403, "Nobody has claimed this key yet"),
    "rekey.malformed": (400, "The change of the key is not as agreed"),
    "rekey.not_wanted": (409, "This collector has not asked for a new key"),
    "rekey.key_known": (403, "This key was used before"),
    "enrol.too_many": (429, "Too many wrong enrolment codes from this address"),
}  # fmt: skip


class Refused(PlombaError):
    """What the door answers instead of a receipt. `code` is one of PROBLEMS; `terminal` is "" until
    proven."""

    code = "report.refused"

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        terminal: str = "",
        complete_to: int | None = None,
        retry_after_s: int | None = None,
        waiting: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail or PROBLEMS[code][1], code=code)
        self.detail = detail
        self.terminal = terminal
        self.complete_to = complete_to
        self.retry_after_s = retry_after_s
        self.waiting = waiting

    @property
    def status(self) -> int:
        return PROBLEMS[self.code][0]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def answer(refused: Refused, now: datetime) -> Answer:
    status, title = PROBLEMS[refused.code]
    document = v1.Problem(
        type=f"urn:plomba:{refused.code}",
        title=title,
        status=status,
        code=refused.code,
        detail=refused.detail[:400],
        server_time=now,
        complete_to=refused.complete_to,
        waiting=refused.waiting,
    )
    headers = {} if refused.retry_after_s is None else {"retry-after": str(refused.retry_after_s)}
    if refused.code in ("report.too_large", "report.slow", "report.incomplete"):
        headers["connection"] = "close"
    body = document.model_dump_json(
        exclude_none=True, exclude=None if refused.waiting else {"waiting"}
    ).encode()
    return Answer(status, body, "application/problem+json", headers)

"""Signed requests to the collector, and what its answers mean. It retries nothing but one request whose time
stamp was refused, and keeps no message."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from agent.clock import Clock
from agent.uplink.connection import Answer, Connection
from protocols.errors import CollectorUnreachable, ReportRefused
from protocols.wire import signing, v1

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

RETRY_AFTER_MAX_S = 3600.0
_JSON = "application/json"
_WORTH_BYTES = 2048
"""Smaller reports are not compressed."""
_LATER = {408, 425, 429}
_CONTENT = {"report.malformed", "report.too_large"}

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Offset:
    """How far the collector's clock is ahead of this one, `uncertain_s` either way."""

    seconds: float
    uncertain_s: float
    measured_at: datetime


class Unreadable(ReportRefused):
    """What is in the report is refused, not who sent it or when."""

    code = "report.malformed"


class Gap(ReportRefused):
    """Messages before this report are missing at the collector: it has all up to `complete_to` only."""

    code = "report.gap"

    def __init__(self, message: str, complete_to: int, *, code: str) -> None:
        super().__init__(message, code=code)
        self.complete_to = complete_to


class Forked(ReportRefused):
    """The collector holds other messages under the numbers of this epoch behind `agrees_to`: this disk was put
    back."""

    code = "report.chain"

    def __init__(self, message: str, agrees_to: int) -> None:
        super().__init__(message, code=self.code)
        self.agrees_to = agrees_to


class Waits(ReportRefused):
    """Refused, and yet something waits for this terminal that it may fetch: see `waiting` of a receipt."""

    def __init__(self, message: str, waiting: tuple[str, ...], *, code: str) -> None:
        super().__init__(message, code=code)
        self.waiting = waiting


class Client:
    """Not for two threads at once. `keyid` is the terminal's id, or at enrolment the public key."""

    def __init__(self, connection: Connection, key: "Ed25519PrivateKey", keyid: str, clock: Clock) -> None:
        self._connection = connection
        self._key = key
        self._keyid = keyid
        self._clock = clock
        self._middle = clock.now()
        self._half_trip_s = 0.0
        self.offset: Offset | None = None

    def report(self, body: bytes) -> v1.Receipt:
        """Post one report. CollectorUnreachable: the same may be sent again, after `retry_after_s` where
        that is given. Unreadable: something in it is wrong. ReportRefused: see the code; nothing of it is
        stored."""
        encoding = "zstd" if len(body) >= _WORTH_BYTES else ""
        if encoding:
            import zstandard  # noqa: PLC0415 - most reports are small, and it costs memory

            body = zstandard.ZstdCompressor(level=3).compress(body)
        receipt = _read(
            v1.Receipt, self.send("POST", v1.PATH_REPORTS, body, content_type=_JSON, encoding=encoding)
        )
        self._learn(receipt.server_time)
        return receipt

    def enrol(self, request: v1.Enrol) -> v1.Enrolled:
        body = request.model_dump_json().encode()
        enrolled = _read(v1.Enrolled, self.send("POST", v1.PATH_ENROL, body, content_type=_JSON))
        self._learn(enrolled.server_time)
        return enrolled

    def rekey(self, request: v1.Rekey) -> v1.Rekeyed:
        """Errors as of `report`. It may be asked again with either key."""
        return _read(
            v1.Rekeyed,
            self.send("POST", v1.PATH_KEY, request.model_dump_json().encode(), content_type=_JSON),
        )

    @property
    def key(self) -> "Ed25519PrivateKey":
        """The one that signs just now."""
        return self._key

    def use_key(self, key: "Ed25519PrivateKey") -> "Ed25519PrivateKey":
        """Sign with this one from now on; the one before."""
        before, self._key = self._key, key
        return before

    def send(self, method: str, path: str, body: bytes, *, content_type: str, encoding: str = "") -> Answer:
        """One signed request; its answer of 2xx, or one of the errors of `report`. `encoding`: what the body is in
        already."""
        more = {"Content-Type": content_type} | ({"Content-Encoding": encoding} if encoding else {})
        answer = self._signed(method, path, body, more)
        problem = _problem(answer)
        if problem and problem.code == "signature.expired" and problem.server_time:
            self._learn(problem.server_time)
            answer = self._signed(method, path, body, more)
            problem = _problem(answer)
        if 200 <= answer.status < 300:
            return answer
        raise self._refusal(answer, problem)

    def close(self) -> None:
        self._connection.close()

    def _signed(self, method: str, path: str, body: bytes, more: Mapping[str, str]) -> Answer:
        started, now = self._clock.monotonic(), self._clock.now()
        created = now.timestamp() + (self.offset.seconds if self.offset else 0.0)
        headers = signing.sign(
            self._key,
            method,
            path,
            body,
            keyid=self._keyid,
            created=max(int(created), 0),
            nonce=secrets.token_urlsafe(16),
        )
        answer = self._connection.request(method, path, body, {**headers, **more})
        self._half_trip_s = (self._clock.monotonic() - started) / 2
        self._middle = now + timedelta(seconds=self._half_trip_s)
        return answer

    def _learn(self, server_time: datetime) -> None:
        seconds = (server_time - self._middle).total_seconds()
        self.offset = Offset(seconds, self._half_trip_s, self._middle)

    def _refusal(self, answer: Answer, problem: v1.Problem | None) -> CollectorUnreachable | ReportRefused:
        if problem is None or answer.status >= 500 or answer.status in _LATER:
            code = problem.code if problem else f"uplink.http_{answer.status}"
            return CollectorUnreachable(
                f"the collector cannot take it now ({answer.status})",
                code=code,
                retry_after_s=self._retry_after_s(answer.headers.get("retry-after", "")),
            )
        said = f"{problem.title}: {problem.detail}" if problem.detail else problem.title
        if problem.code in _CONTENT:
            return Unreadable(said, code=problem.code)
        if problem.code == Forked.code:
            return Forked(said, problem.complete_to or 0)
        if problem.waiting:
            return Waits(said, problem.waiting, code=problem.code)
        if problem.complete_to is not None:
            return Gap(said, problem.complete_to, code=problem.code)
        return ReportRefused(said, code=problem.code)

    def _retry_after_s(self, text: str) -> float | None:
        """Seconds or an HTTP date (RFC 9110 section 10.2.3), at most RETRY_AFTER_MAX_S; None where
        neither."""
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), RETRY_AFTER_MAX_S)
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        now = self._clock.now() + timedelta(seconds=self.offset.seconds if self.offset else 0.0)
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
        return min(max(seconds, 0.0), RETRY_AFTER_MAX_S)


def _problem(answer: Answer) -> v1.Problem | None:
    """The problem document of a refusal; None where somebody else on the way answered."""
    if answer.status < 300 or "problem+json" not in answer.headers.get("content-type", ""):
        return None
    try:
        return v1.Problem.model_validate_json(answer.body, extra="ignore")
    except ValidationError:
        return None


def _read(model: type[M], answer: Answer) -> M:
    try:
        return model.model_validate_json(answer.body, extra="ignore")
    except ValidationError as e:
        raise CollectorUnreachable("the answer is not the collector's", code="uplink.answer") from e

"""The collector as a repository: every request signed with the terminal's key, no authority trusted but the
collector's own. It can add objects and read this terminal's own, and has no verb for anything else."""

import json
import logging
import secrets
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError
from urllib3.exceptions import HTTPError

from agent.backup.repository import MISSING, NO_DELETE, ObjectInfo, missing
from agent.backup.repository.direct import DirectWay, NotPut
from agent.backup.repository.meter import SLICE_BYTES, Free, Meter
from agent.backup.repository.storage import Storage
from agent.clock import Clock
from protocols.errors import (
    BackupError,
    ConfigError,
    IntegrityError,
    PlombaError,
    RepositoryRefused,
    RepositoryUnreachable,
)
from protocols.wire import signing
from protocols.wire.direct import DIRECT
from protocols.wire.erasure import LIST_BYTES as LIST_BYTES_OF_ERASURES
from protocols.wire.erasure import PATH_TAIL
from protocols.wire.snapshot import KINDS, OBJECT_BYTES, OF, PACKS, split_name
from protocols.wire.v1 import PATH_OBJECTS, Problem

CONNECT_S, READ_S = 10.0, 120.0
LIST_BYTES = 64 << 20
PARTS, PART_BYTES = "parts/", 256 << 10
_LATER = {408, 425, 429}

Bytes = bytes | memoryview
"""A pack is sent from where it was made: a copy would be megabytes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """`terminal` is the id from the enrolment, which names the key at the collector. `storage`: packs may go straight
    to this store. `of`: another terminal, whose objects are read as far as a signed job for this one says so."""

    url: str
    ca_file: Path
    terminal: str
    key: Ed25519PrivateKey
    storage: Storage | None = None
    of: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    length: int


class HttpsRepository:
    """From any thread."""

    def __init__(self, access: Access, clock: Clock, meter: Meter | None = None) -> None:
        parts = urlsplit(access.url)
        if parts.scheme != "https" or not parts.hostname:
            raise ConfigError("collector", "url", f"{access.url!r} is no https address")
        self._access = access
        self._clock = clock
        self._meter = meter or Free()
        self._ahead_s = 0.0
        self._broken: set[str] = set()
        self._sending = Lock()
        self._direct = DirectWay(access.storage) if access.storage else None
        self._goes_direct = True
        self._whose = f"{OF}{access.of}/" if access.of else ""
        self._pool = urllib3.HTTPSConnectionPool(
            parts.hostname,
            parts.port or 443,
            ssl_context=_trust_only(access.ca_file),
            maxsize=2,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
        )

    @property
    def address(self) -> str:
        return self._access.url

    @property
    def streams(self) -> int:
        return 2

    @property
    def checks_packs(self) -> bool:
        return True

    def put_new(self, name: str, data: Bytes) -> None:
        split_name(name)
        if self._whose:
            raise RepositoryRefused("what another till keeps can only be read", code="backup.append_only")
        way = self._direct if self._goes_direct and name.startswith(f"{PACKS}/") else None
        if way and self._put_direct(way, name, data):
            return
        if name in self._broken:
            self._put_slices(name, memoryview(data))
            self._broken.discard(name)
            return
        try:
            self._ask("PUT", name, data)
        except RepositoryUnreachable:
            self._broken.add(name)  # the next try goes on where this one broke
            raise

    def _put_direct(self, way: DirectWay, name: str, data: Bytes) -> bool:
        """False where it has to go through the collector: from then on all does, as long as this object lives."""
        place = f"{DIRECT}{name}/{len(data)}"
        try:
            told = self._ask("GET", place).body
            turn = _Turn(self._sending)
            try:
                way.put(told, _Metered(data, self._meter, turn), len(data))
            finally:
                turn.end()
            self._ask("PUT", place)
        except (NotPut, RepositoryRefused, IntegrityError) as e:
            if self._goes_direct:
                log.warning("packs go through the collector, not straight to its store: %s", e)
            self._goes_direct = False
            return False
        return True

    def _put_slices(self, name: str, data: memoryview) -> None:
        """The collector says how much it has; each slice is there for good when it is answered."""
        held = self._ask("HEAD", f"{PARTS}{name}").length
        for at in range(held, len(data), PART_BYTES):
            piece = bytes(data[at : at + PART_BYTES])
            self._ask("PUT", f"{PARTS}{name}/{at}/{len(data)}", piece)

    def get(self, name: str) -> bytes:
        split_name(name)
        return self._ask("GET", self._whose + name, limit=OBJECT_BYTES).body

    def erasures(self) -> bytes:
        """What must not come back, as protocols.wire.erasure writes it."""
        return self._ask("GET", self._whose + PATH_TAIL, limit=LIST_BYTES_OF_ERASURES).body

    def list(self, kind: str) -> Iterator[ObjectInfo]:
        if kind not in KINDS:
            raise RepositoryRefused(f"{kind} is no kind of object", code="backup.object_name")
        try:
            objects = json.loads(self._ask("GET", self._whose + kind, limit=LIST_BYTES).body)["objects"]
            found = [ObjectInfo(str(one["name"]), int(one["size"])) for one in objects]
        except (ValueError, KeyError, TypeError) as e:
            raise RepositoryUnreachable("the collector's list of objects cannot be read") from e
        yield from found

    def stat(self, name: str) -> ObjectInfo:
        split_name(name)
        return ObjectInfo(name, self._ask("HEAD", self._whose + name).length)

    def delete(self, name: str) -> None:
        raise RepositoryRefused(f"a till cannot delete {name} at the collector", code=NO_DELETE)

    def is_missing(self, error: Exception) -> bool:
        return isinstance(error, PlombaError) and error.code == MISSING

    def is_permanent(self, error: Exception) -> bool:
        return not (isinstance(error, PlombaError) and error.retriable)

    def close(self) -> None:
        self._pool.close()
        if self._direct:
            self._direct.close()

    def _ask(self, method: str, name: str, body: Bytes = b"", *, limit: int = 1 << 20) -> _Answer:
        answer = self._signed(method, name, body, limit)
        problem = _problem(answer)
        if problem and problem.code == "signature.expired" and problem.server_time:
            # a till with a wrong clock must still be able to back up: sign once more by the collector's clock
            self._ahead_s = (problem.server_time - self._clock.now()).total_seconds()
            answer = self._signed(method, name, body, limit)
            problem = _problem(answer)
        if answer.status in (200, 201, 202):
            return answer
        raise _error(name, answer.status, problem)

    def _signed(self, method: str, name: str, body: Bytes, limit: int) -> _Answer:
        path = f"{PATH_OBJECTS}/{name}"
        turn = _Turn(self._sending) if method == "PUT" else None
        try:
            return self._in_turn(turn, method, path, body, limit)
        finally:
            if turn:
                turn.end()

    def _in_turn(self, turn: "_Turn | None", method: str, path: str, body: Bytes, limit: int) -> _Answer:
        created = int(self._clock.now().timestamp() + self._ahead_s)
        headers = signing.sign(
            self._access.key,
            method,
            path,
            body,
            keyid=self._access.terminal,
            created=created,
            nonce=secrets.token_urlsafe(16),
        )
        headers["Content-Type"] = "application/octet-stream"
        if turn:
            headers["Content-Length"] = str(len(body))
        return self._request(
            method, path, _Metered(body, self._meter, turn) if turn else None, headers, limit
        )

    def _request(
        self, method: str, path: str, body: "_Metered | None", headers: dict[str, str], limit: int
    ) -> _Answer:
        try:
            response = self._pool.urlopen(
                method,
                path,
                body=body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            content = response.read(limit + 1)
        except (HTTPError, OSError, ValueError) as e:
            raise RepositoryUnreachable(f"the collector does not answer: {_why(e)}") from e
        if len(content) > limit:
            response.close()
            raise RepositoryUnreachable("the answer is too long to be the collector's")
        response.release_conn()
        return _Answer(response.status, content, _length(response.headers.get("Content-Length"), content))


class _Turn:
    """One body at a time: two that share the line end together, and then the line is idle while both wait for their
    answers. So the next one begins when the last has left, and is signed only then."""

    def __init__(self, lock: Lock) -> None:
        self._lock, self._mine = lock, lock.acquire()

    def end(self) -> None:
        if self._mine:
            self._mine = False
            self._lock.release()


class _Metered:
    """A body that leaves slice by slice, as the limit allows."""

    def __init__(self, body: Bytes, meter: Meter, turn: _Turn) -> None:
        self._body, self._meter, self._turn = memoryview(body), meter, turn

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self._body), SLICE_BYTES):
            piece = self._body[at : at + SLICE_BYTES]
            self._meter.spend(len(piece))
            yield bytes(piece)
        self._turn.end()


def _trust_only(ca_file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as e:
        raise ConfigError(str(ca_file), "ca", f"is not a certificate authority that can be read ({e})") from e
    return context


def _problem(answer: _Answer) -> Problem | None:
    if answer.status < 400 or not answer.body:
        return None
    try:
        return Problem.model_validate_json(answer.body, extra="ignore")
    except ValidationError:
        return None


def _error(name: str, status: int, problem: Problem | None) -> BackupError:
    detail = (problem.detail or problem.title) if problem else f"status {status}"
    code = problem.code if problem else None
    if status == 404:
        return missing(name)
    if status == 422:
        return IntegrityError(f"the collector did not take {name}: {detail}", code=code)
    if status in _LATER or status >= 500:
        return RepositoryUnreachable(f"the collector cannot take it now: {detail}", code=code)
    return RepositoryRefused(f"the collector refuses {name}: {detail}", code=code)


def _length(header: str | None, content: bytes) -> int:
    return int(header) if header and header.isdecimal() else len(content)


def _why(error: Exception) -> str:
    inner = getattr(error, "reason", None) or error.__cause__ or error
    return str(getattr(inner, "strerror", None) or inner)[:200]

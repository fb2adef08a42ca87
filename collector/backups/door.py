"""What an already authenticated terminal may ask of the store over HTTP: put a new object, read its own, list
its own. There is no verb that removes or replaces. The ingest room checks the signature and calls
`answer`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from collector.backups.catalogue import accept, accept_part
from collector.backups.store import Put, Store
from collector.inventory.models import Terminal
from protocols.errors import BackupError, RepositoryRefused
from protocols.wire.snapshot import KINDS
from protocols.wire.v1 import PATH_OBJECTS, Problem

PARTS = "parts/"
"""Before the name of an object that comes in slices, over a line that broke."""

BINARY, JSON, PROBLEM = "application/octet-stream", "application/json", "application/problem+json"
_STATUS = {
    "backup.object_missing": 404,
    "backup.object_name": 404,
    "backup.append_only": 405,
    "backup.pack_missing": 409,
    "backup.part_offset": 409,
    "backup.object_size": 413,
    "backup.signer": 403,
    "backup.integrity": 422,
    "backup.format": 422,
    "backup.repository_full": 507,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """`length` is the Content-Length, which for HEAD is not that of `body`. `code` and `detail` say why it was
    refused; empty where it was not."""

    status: int
    content_type: str
    body: bytes
    length: int
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    detail: str = ""


def answer(terminal: Terminal, method: str, path: str, body: bytes, *, store: Store, at: datetime) -> Answer:
    """`path` begins with PATH_OBJECTS. Blocking: reads and writes files and the database. Never raises for
    anything that a terminal may send; a problem document says what was wrong."""
    tail = path.removeprefix(PATH_OBJECTS).strip("/")
    try:
        if method == "PUT":
            return _put(terminal, tail, body, store, at)
        if method in ("GET", "HEAD"):
            return _read(terminal, method, tail, store)
        raise RepositoryRefused("objects can be added and read, nothing else", code="backup.append_only")
    except BackupError as e:
        return _problem(e, at)


def _put(terminal: Terminal, name: str, body: bytes, store: Store, at: datetime) -> Answer:
    if name.startswith(PARTS):
        return _put_part(terminal, name.removeprefix(PARTS), body, store, at)
    outcome = accept(terminal, name, body, at, store)
    return _whole(201 if outcome is Put.CREATED else 200, JSON, json.dumps({"outcome": outcome}).encode())


def _put_part(terminal: Terminal, tail: str, body: bytes, store: Store, at: datetime) -> Answer:
    """`<kind>/<digest>/<offset>/<total>`."""
    name, _, rest = _cut(tail)
    offset, _, total = rest.partition("/")
    if not (offset.isdecimal() and total.isdecimal()):
        raise RepositoryRefused("this is no slice of a backup object", code="backup.object_name")
    outcome = accept_part(terminal, name, body, at, store, offset=int(offset), total=int(total))
    if outcome is None:
        return _whole(202, JSON, json.dumps({"held": int(offset) + len(body)}).encode())
    return _whole(201 if outcome is Put.CREATED else 200, JSON, json.dumps({"outcome": outcome}).encode())


def _cut(tail: str) -> tuple[str, str, str]:
    kind, _, rest = tail.partition("/")
    digest, slash, rest = rest.partition("/")
    return f"{kind}/{digest}", slash, rest


def _read(terminal: Terminal, method: str, tail: str, store: Store) -> Answer:
    if tail in KINDS:
        objects = [{"name": stored.name, "size": stored.size} for stored in store.list(terminal.id, tail)]
        return _whole(200, JSON, json.dumps({"objects": objects}).encode())
    if method == "HEAD" and tail.startswith(PARTS):
        return Answer(200, BINARY, b"", store.part_size(terminal.id, tail.removeprefix(PARTS)))
    if method == "HEAD":
        return Answer(200, BINARY, b"", store.stat(terminal.id, tail).size)
    return _whole(200, BINARY, store.get(terminal.id, tail))


def _problem(error: BackupError, at: datetime) -> Answer:
    status = _STATUS.get(error.code, 503 if error.retriable else 403)
    problem = Problem(
        type=f"urn:plomba:{error.code}",
        title="The backup object was not taken or not found",
        status=status,
        code=error.code,
        detail=str(error)[:400],
        server_time=at,
    )
    headers = {"Retry-After": "60"} if status in (503, 507) else {}
    headers |= {"Allow": "GET, HEAD, PUT"} if status == 405 else {}
    body = problem.model_dump_json(exclude_none=True).encode()
    return Answer(status, PROBLEM, body, len(body), headers, error.code, str(error))


def _whole(status: int, content_type: str, body: bytes) -> Answer:
    return Answer(status, content_type, body, len(body))

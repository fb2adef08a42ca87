"""What an already authenticated terminal may ask of the store over HTTP: put a new object, read its own, list its own,
learn where in an object store it may put a pack, and read the set of another till that a signed job names. There is no
verb that removes or replaces, and what is given out is noted. The ingest room checks the signature and calls
`answer`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from collector.backups import erasures, reads
from collector.backups.catalogue import accept, accept_part
from collector.backups.lending import Lent, Loan
from collector.backups.place import Place, Put, Stored
from collector.backups.reads import Reader
from collector.inventory.models import Terminal
from protocols.errors import BackupError, RepositoryRefused
from protocols.wire.direct import DIRECT
from protocols.wire.erasure import PATH_TAIL
from protocols.wire.snapshot import KINDS, OF
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
    "backup.no_direct": 403,
    "backup.not_lent": 403,
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


def answer(
    terminal: Terminal, method: str, path: str, body: bytes, *, store: Place, at: datetime, lent: Lent
) -> Answer:
    """`path` begins with PATH_OBJECTS. Blocking: reads and writes the storage and the database. Never raises for
    anything that a terminal may send; a problem document says what was wrong. `lent`: what this terminal may read of
    another one."""
    tail = path.removeprefix(PATH_OBJECTS).strip("/")
    try:
        if tail.startswith(OF) and method in ("GET", "HEAD"):
            of, _, name = tail.removeprefix(OF).partition("/")
            return _read_lent(terminal, method, name, Loan(of, lent, store), at)
        if method == "PUT":
            return _put(terminal, tail, body, store, at)
        if method in ("GET", "HEAD"):
            return _read(terminal, method, tail, store, at)
        raise RepositoryRefused("objects can be added and read, nothing else", code="backup.append_only")
    except BackupError as e:
        return _problem(e, at)


def _put(terminal: Terminal, name: str, body: bytes, store: Place, at: datetime) -> Answer:
    if name.startswith(PARTS):
        return _put_part(terminal, name.removeprefix(PARTS), body, store, at)
    if name.startswith(DIRECT):
        outcome = store.arrived(terminal.id, *_named(name))
        return _whole(201 if outcome is Put.CREATED else 200, JSON, json.dumps({"outcome": outcome}).encode())
    outcome = accept(terminal, name, body, at, store)
    return _whole(201 if outcome is Put.CREATED else 200, JSON, json.dumps({"outcome": outcome}).encode())


def _put_part(terminal: Terminal, tail: str, body: bytes, store: Place, at: datetime) -> Answer:
    """`<kind>/<digest>/<offset>/<total>`."""
    name, _, rest = _cut(tail)
    offset, _, total = rest.partition("/")
    if not (offset.isdecimal() and total.isdecimal()):
        raise RepositoryRefused("this is no slice of a backup object", code="backup.object_name")
    outcome = accept_part(terminal, name, body, at, store, offset=int(offset), total=int(total))
    if outcome is None:
        return _whole(202, JSON, json.dumps({"held": int(offset) + len(body)}).encode())
    return _whole(201 if outcome is Put.CREATED else 200, JSON, json.dumps({"outcome": outcome}).encode())


def _named(tail: str) -> tuple[str, int]:
    """`direct/<kind>/<digest>/<size>`."""
    name, _, size = _cut(tail.removeprefix(DIRECT))
    if not (size.isascii() and size.isdecimal()):
        raise RepositoryRefused("this is no place for a backup object", code="backup.object_name")
    return name, int(size)


def _cut(tail: str) -> tuple[str, str, str]:
    kind, _, rest = tail.partition("/")
    digest, slash, rest = rest.partition("/")
    return f"{kind}/{digest}", slash, rest


def _read_lent(terminal: Terminal, method: str, name: str, loan: Loan, at: datetime) -> Answer:
    """`<kind>` or `<kind>/<digest>`."""
    if name in KINDS:
        return _listed(loan.list(name))
    if name == PATH_TAIL:
        return _whole(200, JSON, erasures.document(loan.of))
    if method == "HEAD":
        return Answer(200, BINARY, b"", loan.stat(name).size)
    snapshot, job = loan.set_of(name)
    data = loan.get(name)
    reads.note(loan.of, Reader("lent", reader=terminal.id, job=job), snapshot, len(data), at)
    return _whole(200, BINARY, data)


def _read(terminal: Terminal, method: str, tail: str, store: Place, at: datetime) -> Answer:
    if tail in KINDS:
        return _listed(store.list(terminal.id, tail))
    if method == "GET" and tail == PATH_TAIL:
        return _whole(200, JSON, erasures.document(terminal.id))
    if method == "GET" and tail.startswith(DIRECT):
        return _whole(200, JSON, store.address(terminal.id, *_named(tail)).model_dump_json().encode())
    if method == "HEAD" and tail.startswith(PARTS):
        return Answer(200, BINARY, b"", store.part_size(terminal.id, tail.removeprefix(PARTS)))
    if method == "HEAD":
        return Answer(200, BINARY, b"", store.stat(terminal.id, tail).size)
    data = store.get(terminal.id, tail)
    reads.note(terminal.id, Reader("own", reader=terminal.id), "", len(data), at)
    return _whole(200, BINARY, data)


def _listed(found: list[Stored]) -> Answer:
    objects = [{"name": stored.name, "size": stored.size} for stored in found]
    return _whole(200, JSON, json.dumps({"objects": objects}).encode())


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

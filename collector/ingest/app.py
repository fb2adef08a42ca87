"""The raw ASGI application under /api/agent/. Every check that costs less comes before one that costs more;
what is refused leaves no trace but a count."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import close_old_connections

from collector.backups import catalogue
from collector.backups import door as backups_door
from collector.core import clock
from collector.ingest import clones, documents, enrolling, problem, rekeying
from collector.ingest.encoding import decoded
from collector.ingest.keys import Keys, Known
from collector.ingest.nonces import Nonces
from collector.ingest.parsing import parse
from collector.ingest.problem import Answer, Refused
from collector.ingest.refusals import Refusals
from collector.ingest.request import (
    Receive,
    Scope,
    Send,
    check_headers,
    check_length,
    headers_of,
    read_body,
    reply,
)
from collector.ingest.sessions import Verdict
from collector.ingest.writer import Writer
from collector.inventory.models import Terminal
from collector.jobs import lending, packages
from protocols.errors import ReportRefused
from protocols.wire import signing, v1
from protocols.wire.package import PATH_PACKAGES
from protocols.wire.snapshot import OBJECT_BYTES

PREFIX = "/api/agent/"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `signed` is read, not proven."""

    method: str
    path: str
    headers: dict[str, str]
    receive: Receive
    peer: str

    def signed(self) -> signing.Signed:
        try:
            return signing.read(self.method, self.path, self.headers)
        except ReportRefused as e:
            raise Refused(e.code, str(e)) from e


Route = Callable[[Call], Awaitable[Answer]]


class Door:
    """`ca_file`: the authority's certificate, given to everyone who asks."""

    def __init__(self, writer: Writer, refusals: Refusals, ca_file: Path) -> None:
        self._writer = writer
        self._refusals = refusals
        self._ca_file = ca_file
        self._keys = Keys()
        self._nonces = Nonces()
        self._brake = enrolling.Brake()
        self._routes: dict[str, dict[str, Route]] = {
            v1.PATH_REPORTS: {"POST": self._report},
            v1.PATH_ENROL: {"POST": self._enrol},
            v1.PATH_KEY: {"POST": self._rekey},
            v1.PATH_AUTHORITY: {"GET": self._authority},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _call(scope, receive)
        try:
            check_headers(scope)
            answer = await self._route(call)(call)
        except Refused as e:
            self._refusals.count(e, clock.now())
            answer = problem.answer(e, clock.now())
        except Exception:  # the agent gets an answer that it understands, and keeps its report
            log.exception("a request to %s met a bug", call.path)
            answer = problem.answer(Refused("report.failed", retry_after_s=60), clock.now())
        await reply(send, answer)

    def close(self) -> None:
        self._keys.close()

    def _route(self, call: Call) -> Route:
        if call.path.startswith(v1.PATH_OBJECTS + "/"):
            return self._object
        if call.path.startswith(PATH_PACKAGES + "/"):
            return self._package
        methods = self._routes.get(call.path) or dict.fromkeys(
            documents.DOCUMENTS.get(call.path, {}), self._document
        )
        if not methods:
            raise Refused("path.unknown")
        if call.method not in methods:
            raise Refused("method.not_allowed", f"allowed: {', '.join(methods)}")
        return methods[call.method]

    async def _report(self, call: Call) -> Answer:
        terminal, raw, known = await self._signed(call, v1.REPORT_BYTES)
        body = decoded(raw, call.headers.get("content-encoding", ""), v1.REPORT_BYTES)
        parsed = parse(body, terminal)
        await self._check_session(parsed.report, known, call.peer)
        outcome = await self._writer.put(parsed, len(body))
        if isinstance(outcome, Refused):
            raise outcome
        return Answer(200, outcome.model_dump_json().encode())

    async def _check_session(self, report: v1.Report, known: Known, address: str) -> None:
        """Costs nothing while the same agent speaks. `terminal.quarantined` where two do."""
        if report.session == known.session and not known.quarantined:
            return
        if report.session:
            verdict = await asyncio.to_thread(clones.heard, report, address, clock.now())
            self._keys.forget(report.terminal)
            if verdict is not Verdict.CLONE:
                return
        elif not known.quarantined:
            return
        chosen = bool(report.session) and report.session == known.chosen
        raise Refused("terminal.quarantined", terminal=report.terminal, waiting=(v1.REKEY,) if chosen else ())

    async def _rekey(self, call: Call) -> Answer:
        terminal, body, _known = await self._signed(call, rekeying.LIMIT)
        rekeyed = await asyncio.to_thread(rekeying.rekey, terminal, body, clock.now())
        self._keys.forget(terminal)
        return Answer(200, rekeyed.model_dump_json().encode())

    async def _enrol(self, call: Call) -> Answer:
        await check_length(call.headers, enrolling.LIMIT, call.receive)
        signed = call.signed()
        key = enrolling.key_of(signed.keyid)
        body = await read_body(call.receive, enrolling.LIMIT)
        self._verify(signed, body, key, "")
        enrolled = await asyncio.to_thread(enrolling.enrol, body, signed.keyid, call.peer, self._brake)
        self._keys.forget(enrolled.terminal)
        return Answer(200, enrolled.model_dump_json().encode())

    async def _object(self, call: Call) -> Answer:
        terminal, body = await self._proven(call, OBJECT_BYTES)
        found = await asyncio.to_thread(_object, terminal, call.method, call.path, body)
        if found.code:
            self._refusals.count(
                Refused(found.code, found.detail or found.code, terminal=terminal), clock.now()
            )
        headers = {**found.headers, "content-length": str(found.length)}
        return Answer(found.status, found.body, found.content_type, headers)

    async def _document(self, call: Call) -> Answer:
        terminal, body = await self._proven(call, documents.LIMIT)
        handler = documents.DOCUMENTS[call.path][call.method]
        return await asyncio.to_thread(documents.answer, terminal, handler, body)

    async def _package(self, call: Call) -> Answer:
        """The same for every terminal that is enrolled: what it may install, operators say."""
        if call.method != "GET":
            raise Refused("method.not_allowed", "allowed: GET")
        terminal, _body = await self._proven(call, 0)
        sha256, _slash, offset = call.path.removeprefix(PATH_PACKAGES + "/").partition("/")
        if not (offset.isascii() and offset.isdigit() and len(offset) < 12):
            raise Refused("path.unknown", terminal=terminal)
        try:
            piece = await asyncio.to_thread(packages.piece, sha256, int(offset))
        except packages.NoPackage as e:
            raise Refused(e.code, str(e), terminal=terminal) from e
        return Answer(200, piece, "application/octet-stream")

    async def _authority(self, _call: Call) -> Answer:
        return Answer(200, self._ca_file.read_bytes(), "application/x-pem-file")

    async def _proven(self, call: Call, limit: int) -> tuple[str, bytes]:
        """The terminal that signed the request, and its body. Refused where two terminals have its key."""
        terminal, body, known = await self._signed(call, limit)
        if known.quarantined:
            raise Refused("terminal.quarantined", terminal=terminal)
        return terminal, body

    async def _signed(self, call: Call, limit: int) -> tuple[str, bytes, Known]:
        """The terminal whose key signed the request, its body, and what is known of the terminal."""
        await check_length(call.headers, limit, call.receive)
        signed = call.signed()
        known = await self._keys.known(signed.keyid)
        body = await read_body(call.receive, limit)
        self._verify(signed, body, known.key, signed.keyid)
        return signed.keyid, body, known

    def _verify(self, signed: signing.Signed, body: bytes, key: Ed25519PublicKey, terminal: str) -> None:
        now_s = clock.now().timestamp()
        try:
            signing.verify(signed, body, key, now_s)
        except ReportRefused as e:
            raise Refused(e.code, str(e), terminal=terminal) from e
        if not self._nonces.is_new(signed.keyid, signed.nonce, signed.created, now_s):
            raise Refused("report.replayed", terminal=terminal)


def _object(terminal_id: str, method: str, path: str, body: bytes) -> backups_door.Answer:
    """In a thread that may wait for disk and database."""
    close_old_connections()
    try:
        terminal = Terminal.objects.get(pk=terminal_id)
        now = clock.now()
        return backups_door.answer(
            terminal,
            method,
            path,
            body,
            store=catalogue.store(),
            at=now,
            lent=lambda of: lending.lent(terminal.pk, of, now),
        )
    finally:
        close_old_connections()


def _call(scope: Scope, receive: Receive) -> Call:
    """The path as it was sent, because that is what was signed."""
    raw = scope.get("raw_path") or scope["path"].encode()
    client = scope.get("client")
    return Call(
        method=scope["method"],
        path=raw.decode("latin-1").partition("?")[0],
        headers=headers_of(scope),
        receive=receive,
        peer=client[0] if client else "",
    )

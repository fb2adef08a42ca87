"""A collector to send to: real TLS, real HTTP, signatures checked by an independent library. It shares no
code with the real one, keeps everything it saw, and misbehaves on demand."""

import base64
import json
import ssl
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageVerifier, algorithms
from http_message_signatures.resolvers import MappingKeyResolver

from agent.runtime.clock import SystemClock
from tests.agent.uplink.authority import Authority

TERMINAL = "11111111-2222-3333-4444-555555555555"


@dataclass
class Answer:
    """What to answer instead; `headers` go on top."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def problem(status: int, code: str, **more: Any) -> Answer:
    body = {"type": f"urn:plomba:{code}", "title": code, "status": status, "code": code, **more}
    return Answer(status, body, {"Content-Type": "application/problem+json"})


class Lost(Exception):
    """Stored, but the line breaks before the answer."""


Behaviour = Callable[["Collector", dict[str, Any]], Answer | None]
"""May look at a report before it is stored, answer instead (None: go on), or raise Lost."""


class Collector:
    def __init__(
        self, authority: Authority, folder: Path, *, names: tuple[str, ...] = ("127.0.0.1",)
    ) -> None:
        self.authority = authority
        self.terminal = TERMINAL
        self.keys: dict[str, Ed25519PublicKey] = {}
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.nonces: list[str] = []
        self.reports: list[dict[str, Any]] = []
        self.stored: dict[tuple[int, int], dict[str, Any]] = {}
        self.order: list[tuple[int, int]] = []
        self.connections = 0
        self.errors: list[BaseException] = []
        self.plan: deque[Behaviour] = deque()
        self.documents: dict[str, bytes] = {}
        self.always: Behaviour | None = None
        self.ahead = timedelta()
        self.next_s: float | None = None
        self.arrived = threading.Condition()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.server_chain(folder, names))
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.collector = self
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for(self, done: Callable[[], bool], timeout_s: float = 60) -> None:
        with self.arrived:
            assert self.arrived.wait_for(done, timeout_s), "the collector waited in vain"

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead

    def complete_to(self, epoch: int) -> int:
        complete = 0
        while (epoch, complete + 1) in self.stored:
            complete += 1
        return complete

    def receive(self, path: str, method: str, headers: dict[str, str], body: bytes) -> Answer:
        self.paths.append(path)
        self.bodies.append(body)
        if path == "/api/agent/v1/authority":
            return Answer(200, {"pem": ""})
        refusal = self._check(path, method, headers, body)
        if refusal:
            return refusal
        if headers.get("content-encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
            self.bodies[-1] = body
        return self._enrol(json.loads(body)) if path.endswith("/enrol") else self._report(json.loads(body))

    def _check(self, path: str, method: str, headers: dict[str, str], body: bytes) -> Answer | None:
        """RFC 9421 as an independent library understands it."""
        keys = dict(self.keys)
        if path.endswith("/enrol"):
            keys |= _own_key(json.loads(body))
        verifier = HTTPMessageVerifier(
            signature_algorithm=algorithms.ED25519,
            key_resolver=MappingKeyResolver(public_keys=keys, private_keys={}),
        )
        message = SimpleNamespace(method=method, url=f"{self.url}{path}", headers=headers)
        [result] = verifier.verify(
            message,
            max_age=None,
            expect_tag="plomba",
            require_components=('"@method"', '"@path"', '"content-digest"'),
            body=body,
        )
        created = result.parameters["created"]
        self.nonces.append(str(result.parameters["nonce"]))
        at = created if isinstance(created, datetime) else datetime.fromtimestamp(int(created), UTC)
        if abs((self.now() - at).total_seconds()) > 300:
            return problem(401, "signature.expired", server_time=self.now().isoformat())
        return None

    def _enrol(self, request: dict[str, Any]) -> Answer:
        if request["code"] != "ABCDE-FGHJK":
            return problem(403, "enrol.code")
        place = {
            "terminal": self.terminal,
            "name": "Kase 1",
            "site": "Brīvības iela 1",
            "customer": "SIA Maize",
        }
        return Answer(200, {"version": 1, **place, "server_time": self.now().isoformat()})

    def _report(self, report: dict[str, Any]) -> Answer:
        behaviour = self.plan.popleft() if self.plan else self.always
        lost = False
        try:
            instead = behaviour(self, report) if behaviour else None
        except Lost:
            instead, lost = None, True
        if instead:
            return instead
        with self.arrived:
            self.reports.append(report)
            for message in report["messages"]:
                key = (report["epoch"], message["seq"])
                self.order.append(key)
                self.stored.setdefault(key, message)
            self.arrived.notify_all()
        if lost:
            raise Lost
        if report["lane"] == "loose":
            numbers = [seq for epoch, seq in self.stored if epoch == report["epoch"]]
            return self.receipt(report["epoch"], max(numbers), lane="loose")
        return self.receipt(report["epoch"], self.complete_to(report["epoch"]))

    def receipt(self, epoch: int, complete_to: int, **more: Any) -> Answer:
        body = {"version": 1, "epoch": epoch, "complete_to": complete_to, "next_s": self.next_s, **more}
        return Answer(200, {**body, "server_time": self.now().isoformat()})


def _own_key(request: dict[str, Any]) -> dict[str, Ed25519PublicKey]:
    raw = base64.urlsafe_b64decode(request["public_key"] + "=")
    return {request["public_key"]: Ed25519PublicKey.from_public_bytes(raw)}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    collector: Collector

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or trusts somebody else, is part of the tests; anything else is kept."""
        error = sys.exception()
        if error and not isinstance(error, OSError):
            self.collector.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Server

    def setup(self) -> None:
        self.server.collector.connections += 1
        super().setup()

    def do_GET(self) -> None:
        self.server.collector.paths.append(self.path)
        document = self.server.collector.documents.get(self.path)
        if document is not None:
            self._send(200, "application/json", document, {})
            return
        self._send(200, "application/x-pem-file", self.server.collector.authority.pem, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = self.server.collector.receive(self.path, "POST", headers, body)
        except Lost:
            self.close_connection = True
            return
        self._send(answer.status, "application/json", json.dumps(answer.body).encode(), answer.headers)

    def _send(self, status: int, content_type: str, body: bytes, more: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

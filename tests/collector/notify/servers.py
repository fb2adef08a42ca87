"""The other side of every channel, real and on loopback: a mail server with STARTTLS, and an HTTP server that takes
web hooks, SMS and push messages. Each keeps what came."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from collector.core import authority, clock
from tests.collector.served import free_port

USER, PASSWORD = "plomba", "slepens vards"


def make_tls(folder: Path, *names: str) -> Path:
    """An authority of the tests and a server's certificate by it in `folder`; the authority's file."""
    authority.make_authority(folder, "Test", clock.now())
    authority.make_server(folder, names or ("localhost", "127.0.0.1"), clock.now())
    return folder / authority.CA_CERT


def tls_of(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / authority.SERVER_CERT, folder / authority.SERVER_KEY)
    return context


@dataclass(frozen=True, slots=True)
class Mail:
    """As it was taken: the envelope, and what is in it."""

    sender: str
    receivers: list[str]
    message: EmailMessage
    encrypted: bool
    signed_in: bool


class MailServer:
    """`replies`: what it answers to RCPT for an address instead of 250 ("550 5.1.1 no such user"); `at_data`: what it
    answers to a whole mail. With `tls` it takes mail after STARTTLS and signing in only."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.mails: list[Mail] = []
        self.replies: dict[str, str] = {}
        self.at_data = ""
        self.port = free_port()
        self._tls = tls
        more: dict[str, Any] = (
            {"tls_context": tls, "require_starttls": True, "auth_required": True, "authenticator": _let_in}
            if tls
            else {}
        )
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **more)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in list(self.mails) if address in mail.receivers]

    def forget(self) -> None:
        self.mails.clear()
        self.replies.clear()
        self.at_data = ""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self.replies.get(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.at_data:
            return self.at_data
        message = message_from_bytes(envelope.content or b"", policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(
            Mail(
                sender=envelope.mail_from or "",
                receivers=list(envelope.rcpt_tos),
                message=message,
                encrypted=session.ssl is not None,
                signed_in=bool(session.authenticated),
            )
        )
        return f"250 2.0.0 taken as {len(self.mails)}"


def _let_in(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
) -> AuthResult:
    right = given.login == USER.encode() and given.password == PASSWORD.encode()
    return AuthResult(success=right, handled=False)


@dataclass(frozen=True, slots=True)
class Asked:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class HttpServer:
    """`answer` is asked what to say to each request; the default is 200 to everything."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda _asked: Answer()
        self._server = _Quiet(("127.0.0.1", 0), _Handler)
        self._server.kept_by = self
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(30)
        self._server.server_close()

    def forget(self) -> None:
        self.asked.clear()
        self.answer = lambda _asked: Answer()


class _Quiet(ThreadingHTTPServer):
    """A client that does not like the certificate is no error of the server."""

    daemon_threads = True
    kept_by: HttpServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    server: _Quiet
    timeout = 30

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        kept = self.server.kept_by
        asked = Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, self.rfile.read(length))
        kept.asked.append(asked)
        answer = kept.answer(asked)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[tuple[MailServer, HttpServer]]:
    """Both with certificates of one authority, which is made in `folder` as `authority.CA_CERT`."""
    make_tls(folder)
    with MailServer(tls_of(folder)) as mail, HttpServer(tls_of(folder)) as http:
        yield mail, http

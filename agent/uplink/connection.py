"""One kept-alive HTTPS connection to the collector, trusted through one certificate authority. It signs
nothing and knows no message."""

import select
import socket
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from protocols.errors import CollectorUnreachable, UplinkError

ANSWER_BYTES = 1 << 20
"""An answer that is longer is not the collector's."""

Dial = Callable[[float], socket.socket]
"""Opens a way to the collector within so many seconds, or raises OSError; TLS with the collector is spoken over it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def trust_only(ca_pem: str) -> ssl.SSLContext:
    """TLS 1.2 or newer, host name checked, and no authority but this one. There is no way to switch it
    off."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=ca_pem)
    except ssl.SSLError as e:
        raise UplinkError("the collector's authority is no certificate", code="uplink.authority") from e
    return context


class Connection:
    """Not for two threads at once. Any failure to get a whole answer is CollectorUnreachable."""

    def __init__(
        self,
        url: str,
        context: ssl.SSLContext,
        *,
        connect_s: float = 10.0,
        read_s: float = 30.0,
        dial: Dial | None = None,
    ) -> None:
        """`dial`: instead of TCP to the address."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise UplinkError(f"{url!r} is no https address", code="uplink.address")
        self._line = _Line(
            parts.hostname, parts.port or 443, context, connect_s=connect_s, read_s=read_s, dial=dial
        )
        self.sent_bytes = 0
        """Of requests so far, without what TLS and TCP add. Any thread may read it."""

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.sent_bytes += (
            len(body) + len(path) + sum(len(name) + len(value) + 4 for name, value in headers.items())
        )
        try:
            self._line.reuse_or_drop()
            self._line.request(method, path, body, dict(headers))
            response = self._line.getresponse()
            content = response.read(ANSWER_BYTES + 1)
        except (HTTPException, OSError, ValueError) as e:
            self._line.close()
            raise CollectorUnreachable(f"the collector does not answer: {_why(e)}", code=_code(e)) from e
        self._whole(response, content)
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content)

    def _whole(self, response: HTTPResponse, content: bytes) -> None:
        """CollectorUnreachable where the answer is not, and the line starts anew."""
        left = response.length
        if len(content) <= ANSWER_BYTES and not left:
            return
        self._line.close()
        if len(content) > ANSWER_BYTES:
            raise CollectorUnreachable("the answer is too long to be the collector's", code="uplink.answer")
        raise CollectorUnreachable("the collector's answer broke off", code="uplink.unreachable")

    def close(self) -> None:
        self._line.close()


class _Line(HTTPSConnection):
    """One time-out until it is connected, another one after."""

    def __init__(
        self,
        host: str,
        port: int,
        context: ssl.SSLContext,
        *,
        connect_s: float,
        read_s: float,
        dial: Dial | None,
    ) -> None:
        super().__init__(host, port, timeout=connect_s, context=context)
        self._trust = context
        self._connect_s, self._read_s = connect_s, read_s
        self._dial = dial

    def connect(self) -> None:
        if self._dial:
            self.sock = self._trust.wrap_socket(self._dial(self._connect_s), server_hostname=self.host)
        else:
            super().connect()
        self.sock.settimeout(self._read_s)

    def reuse_or_drop(self) -> None:
        """A line on which the other side has spoken unasked is one that it has closed."""
        if self.sock and _readable(self.sock):
            self.close()


def _readable(line: socket.socket) -> bool:
    """Not by select(2) where there is another way: it knows no file with a number above 1023."""
    if sys.platform != "win32":
        poll = select.poll()
        poll.register(line, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([line], [], [], 0)[0])


def _code(error: Exception) -> str:
    return "uplink.certificate" if "CERTIFICATE_VERIFY_FAILED" in str(error) else "uplink.unreachable"


def _why(error: Exception) -> str:
    """The innermost reason, without the addresses of objects."""
    inner = error.__cause__ or error
    return str(getattr(inner, "strerror", None) or inner or type(inner).__name__)[:200]

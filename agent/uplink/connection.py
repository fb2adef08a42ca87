"""One kept-alive HTTPS connection to the collector, trusted through one certificate authority. It signs
nothing and knows no message."""

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

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
        self._pool = urllib3.HTTPSConnectionPool(
            parts.hostname,
            parts.port or 443,
            ssl_context=context,
            maxsize=1,
            retries=False,
            timeout=urllib3.Timeout(connect=connect_s, read=read_s),
        )
        if dial:
            self._pool.ConnectionCls = _dialled(dial, connect_s)
        self.sent_bytes = 0
        """Of requests so far, without what TLS and TCP add. Any thread may read it."""

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.sent_bytes += (
            len(body) + len(path) + sum(len(name) + len(value) + 4 for name, value in headers.items())
        )
        try:
            response = self._pool.urlopen(
                method,
                path,
                body=body,
                headers=dict(headers),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            content = response.read(ANSWER_BYTES + 1)
        except (HTTPError, OSError, ValueError) as e:
            raise CollectorUnreachable(f"the collector does not answer: {_why(e)}", code=_code(e)) from e
        if len(content) > ANSWER_BYTES:
            response.close()
            raise CollectorUnreachable("the answer is too long to be the collector's", code="uplink.answer")
        response.release_conn()
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, content)

    def close(self) -> None:
        self._pool.close()


def _dialled(dial: Dial, connect_s: float) -> type[HTTPSConnection]:
    class Dialled(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return dial(connect_s)

    return Dialled


def _code(error: Exception) -> str:
    return "uplink.certificate" if "CERTIFICATE_VERIFY_FAILED" in str(error) else "uplink.unreachable"


def _why(error: Exception) -> str:
    """The innermost reason, without the addresses of objects."""
    inner = getattr(error, "reason", None) or error.__cause__ or error
    return str(getattr(inner, "strerror", None) or inner)[:200]

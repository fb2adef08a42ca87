"""One HTTP request to an address that somebody typed in. Never to this house's own network unless the configuration
names it, never after a redirect, and never longer than the limit, whatever the other side does."""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from collector.core import clock
from collector.core.config import Config
from collector.notify.channels.channel import DeliveryError

READ_MOST = 4096
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Answer:
    """`body`: the first 4 KiB of it, the rest is left."""

    status: int
    body: str
    retry_after_s: float | None

    @property
    def words(self) -> str:
        return f"HTTP {self.status} {' '.join(self.body.split())[:200]}".strip()


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float, method: str = "POST") -> Answer:
    """Whatever the other side answered. DeliveryError where nothing was asked or nothing came; `doubtful` where the
    request had gone out. `timeout_s` bounds each wait, and twice that the whole."""
    parts, port = _address(url)
    ip = _allowed_address(parts, port)
    connection = _Pinned(parts, port, ip, timeout_s)
    try:
        connection.connect()
    except ssl.SSLError as e:
        raise _failed("http.certificate", f"the certificate of {parts.hostname} is not trusted: {e}") from e
    except OSError as e:
        raise _failed("http.unreachable", f"{parts.hostname} is not reached: {e}") from e
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, {"User-Agent": "Plomba", **headers})
        return _read(connection, clock.monotonic() + 2 * timeout_s)
    except ValueError as e:
        what = "a header for it holds a letter that no header may hold; look into the gateway file"
        raise DeliveryError(what, code="http.headers", retriable=False) from e
    except (http.client.HTTPException, OSError) as e:
        what = f"{parts.hostname} took the request and gave no answer: {e or type(e).__name__}"
        raise _failed("http.no_answer", what, doubtful=True) from e
    finally:
        connection.close()


def check(url: str) -> None:
    """DeliveryError where `post` would refuse the address for what it is; nothing is sent."""
    parts, port = _address(url)
    _allowed_address(parts, port)


def _failed(code: str, what: str, *, doubtful: bool = False) -> DeliveryError:
    return DeliveryError(what, code=code, retriable=True, doubtful=doubtful)


def _address(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as e:
        raise _wrong(f"{url[:100]!r} is no address") from e
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _wrong("the address does not begin with https:// and a name")
    if parts.username or parts.password:
        raise _wrong("the address holds a password")
    if any(ord(letter) <= 32 or ord(letter) > 126 for letter in url):
        raise _wrong("the address holds a blank or a letter that must be encoded")
    return parts, port


def _wrong(what: str) -> DeliveryError:
    return DeliveryError(what, code="http.address", retriable=False, bad_address=True)


def _allowed_address(parts: SplitResult, port: int) -> IPAddress:
    """The one that is then connected to: a name that answers differently a moment later changes nothing. All
    addresses of the name must be allowed. In the clear only within the networks that the configuration names."""
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:
        raise _failed("http.unknown_name", f"the name {host} is not known: {e}") from e
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        inside = _named(address)
        if not inside and not is_public(address):
            raise DeliveryError(
                f"{host} is {address}, in a private network; name it in [notify] allow if that is meant",
                code="http.private_address",
                retriable=False,
            )
        if parts.scheme == "http" and not inside:
            raise DeliveryError(
                "the address must begin with https://", code="http.in_the_clear", retriable=False
            )
    return addresses[0]


def is_public(address: IPAddress) -> bool:
    """Also of what carries an IPv4 address inside (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if not inner and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def _named(address: IPAddress) -> bool:
    config: Config = settings.CONFIG
    return any(address in network for network in config.notify.allow)


class _Pinned(http.client.HTTPConnection):
    """Connects to an address that was looked up and judged before; the certificate must be for the name."""

    def __init__(self, parts: SplitResult, port: int, ip: IPAddress, timeout_s: float) -> None:
        super().__init__(parts.hostname or "", port, timeout=timeout_s)
        self._ip = ip
        self._encrypted = parts.scheme == "https"
        if self._encrypted:
            self.default_port = 443

    def connect(self) -> None:
        self.sock = socket.create_connection((str(self._ip), self.port), self.timeout)
        if self._encrypted:
            try:
                self.sock = _trust().wrap_socket(self.sock, server_hostname=self.host)
            except OSError:
                self.sock.close()
                raise


def _trust() -> ssl.SSLContext:
    config: Config = settings.CONFIG
    context = ssl.create_default_context()
    if config.notify.ca_file:
        context.load_verify_locations(config.path(config.notify.ca_file))
    return context


def _read(connection: _Pinned, until: float) -> Answer:
    """A body that trickles is cut off when the time is over: the status has come by then."""
    answer = connection.getresponse()
    body = b""
    while len(body) < READ_MOST and clock.monotonic() < until:
        part = answer.read1(READ_MOST - len(body))
        if not part:
            break
        body += part
    return Answer(answer.status, body.decode("utf-8", "replace"), _wait(answer.headers["Retry-After"]))


def _wait(said: str | None) -> float | None:
    return float(said) if said and said.isascii() and said.isdigit() and len(said) < 7 else None


def judged(answer: Answer, what: str, *, gone: tuple[int, ...] = (404, 410)) -> str:
    """The words of a good answer, DeliveryError for others. A status that asks for patience (408, 425, 429, 5xx)
    may go later; `gone` says that the address is nobody's."""
    if 200 <= answer.status < 300:
        return answer.words
    passing = answer.status in (408, 425, 429) or answer.status >= 500
    raise DeliveryError(
        f"{what} said {answer.words}",
        code="http.gone" if answer.status in gone else "http.busy" if passing else "http.refused",
        retriable=passing,
        bad_address=answer.status in gone,
        retry_after_s=answer.retry_after_s,
    )

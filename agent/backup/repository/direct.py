"""Puts packs straight into the object store behind the collector, to an address that the collector has signed for the
one pack. Trusts the store that the till was told of, and no other; what it can be made to send is bounded."""

import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

import urllib3
from pydantic import ValidationError
from urllib3.exceptions import HTTPError

from agent.backup.repository.storage import Storage
from protocols.errors import ConfigError, RepositoryUnreachable
from protocols.wire.direct import HEADERS, Address

CONNECT_S, READ_S = 10.0, 120.0
_ANSWER_BYTES = 64 << 10
_TAKEN = 412


class NotPut(RepositoryUnreachable):
    """The pack did not come into the store; the collector may take it all the same."""

    code = "backup.store_unreachable"


class DirectWay:
    """From any thread."""

    def __init__(self, storage: Storage) -> None:
        parts = urlsplit(storage.url)
        if parts.scheme != "https" or not parts.hostname:
            raise ConfigError("collector", "storage_url", f"{storage.url!r} is no https address")
        self.url = storage.url
        self._pool = urllib3.HTTPSConnectionPool(
            parts.hostname,
            parts.port or 443,
            ssl_context=_context(storage.ca),
            maxsize=2,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
        )

    def put(self, told: bytes, body: Iterable[bytes], size: int) -> None:
        """`told` is the collector's answer. NotPut with the reason. An object that is there already is well: the
        collector looks at it."""
        path, headers = self._target(told)
        try:
            response = self._pool.urlopen(
                "PUT",
                path,
                body=body,
                headers={**headers, "Content-Length": str(size)},
                redirect=False,
                retries=False,
                preload_content=False,
            )
            answer = response.read(_ANSWER_BYTES)
            if len(answer) == _ANSWER_BYTES:
                response.close()
            response.release_conn()
        except (HTTPError, OSError, ValueError) as e:
            raise NotPut(f"the store at {self.url} does not answer: {_why(e)}") from e
        if response.status not in (200, 201, 204, _TAKEN):
            raise NotPut(f"the store at {self.url} refuses the pack: status {response.status}{_code(answer)}")

    def close(self) -> None:
        self._pool.close()

    def _target(self, told: bytes) -> tuple[str, dict[str, str]]:
        try:
            address = Address.model_validate_json(told, extra="ignore")
        except ValidationError as e:
            raise NotPut("the collector's address of the store cannot be read") from e
        if not address.url.startswith(f"{self.url}/"):
            host = urlsplit(address.url).netloc[:80]
            raise NotPut(
                f"the collector names another store ({host}) than this till was told of ({self.url})"
            )
        if strange := sorted({name.lower() for name in address.headers} - HEADERS):
            raise NotPut(f"the collector wants headers that no store needs: {', '.join(strange)[:80]}")
        return address.url.removeprefix(self.url), address.headers


def _context(ca: str) -> ssl.SSLContext:
    """Trusts the one authority that was told, or this computer's; nothing makes it trust less."""
    context = ssl.create_default_context() if not ca else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        try:
            context.load_verify_locations(cadata=ca)
        except (ssl.SSLError, ValueError) as e:
            raise ConfigError("collector", "storage_ca", f"is no certificate of an authority ({e})") from e
    return context


def _code(answer: bytes) -> str:
    """What an S3 store calls it: <Code>AccessDenied</Code>."""
    _, opened, rest = answer.partition(b"<Code>")
    code, closed, _ = rest.partition(b"</Code>")
    return f" ({code.decode('ascii', 'replace')[:60]})" if opened and closed else ""


def _why(error: Exception) -> str:
    inner = getattr(error, "reason", None) or error.__cause__ or error
    return str(getattr(inner, "strerror", None) or inner)[:200]

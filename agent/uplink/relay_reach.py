"""How a way to the collector ended, read from the error that it ended with."""

import errno
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from protocols.errors import CollectorUnreachable
from protocols.wire.relay import Reach

_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}


def reach_of(error: CollectorUnreachable) -> Reach:
    """By what the system said."""
    for link in _links(error):
        match link:
            case socket.gaierror():
                return Reach.NO_NAME
            case ConnectionRefusedError() | ConnectionResetError() | ssl.SSLError():
                return Reach.REFUSED
            case TimeoutError():
                return Reach.SILENT
            case OSError() if link.errno in _NO_ROUTE:
                return Reach.NO_ROUTE
            case _:
                continue
    return Reach.REFUSED if error.code == "uplink.answer" else Reach.SILENT


def host_port(url: str) -> str:
    """`host:port` of an https address, as CONNECT names it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"[{host}]:{parts.port or 443}" if ":" in host else f"{host}:{parts.port or 443}"


def _links(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it says it comes from."""
    todo: list[object] = [error]
    seen: set[int] = set()
    while todo:
        link = todo.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            todo += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]

"""One HTTP request of an agent as plain ASGI gives it: headers, and a body that is never read beyond a
limit."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from collector.ingest.problem import Answer, Refused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_S = 30.0
SLOWEST_BYTES_S = 32 * 1024
"""A body is given up that takes longer than this and what its limit takes over the slowest line we mean to serve."""
_DRAIN = 4 << 20
"""So much of a body that is too large is read away, so that its sender gets to see the answer."""


HEADER_BYTES = 32 << 10


def check_headers(scope: Scope) -> None:
    """Refused with `headers.too_large` or `path.query`: neither is signed, so neither may say anything."""
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
        raise Refused("headers.too_large", f"at most {HEADER_BYTES} bytes")
    if scope.get("query_string"):
        raise Refused("path.query")


def headers_of(scope: Scope) -> dict[str, str]:
    """Lower-case names; a header that comes twice is joined by a comma, as RFC 9110 says."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


async def check_length(call_headers: dict[str, str], limit: int, receive: Receive) -> None:
    length = call_headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length[:19]) > limit:
        await drain(receive)
        raise Refused("report.too_large", f"at most {limit} bytes")


async def read_body(receive: Receive, limit: int) -> bytes:
    """Refused with `report.too_large`, `report.incomplete` or `report.slow`."""
    try:
        async with asyncio.timeout(BODY_S + limit / SLOWEST_BYTES_S):
            return await _read(receive, limit)
    except TimeoutError as e:
        raise Refused("report.slow") from e


async def drain(receive: Receive) -> None:
    """Read away what a sender still sends whose announced length is refused, up to a bound."""
    with suppress(Refused):
        await read_body(receive, 0)


async def reply(send: Send, answer: Answer) -> None:
    headers = {"content-type": answer.content_type, "content-length": str(len(answer.body)), **answer.headers}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more and size <= limit + _DRAIN:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused("report.incomplete")
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size <= limit:
            parts.append(part)
        else:
            parts.clear()
    if size > limit:
        raise Refused("report.too_large", f"at most {limit} bytes")
    return b"".join(parts)

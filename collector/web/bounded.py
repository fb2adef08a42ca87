"""How much a browser may send at once: Django writes a whole body to the disk before any page is asked, also for
strangers."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from collector.ingest.request import Receive, Scope, Send

MOST_BYTES = 64 << 20
"""Ten files of ten megabytes do not fit; what is allowed for a request together (25 MB) does, with room."""

Message = MutableMapping[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def bounded(app: App, most_bytes: int = MOST_BYTES) -> App:
    """The same application, which never sees a larger body: one that says its length is refused with 413, one that
    does not is cut off."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif _length(scope) > most_bytes:
            await _refuse(send)
        else:
            await app(scope, _counted(receive, most_bytes), send)

    return guarded


def _length(scope: Scope) -> int:
    said = dict(scope["headers"]).get(b"content-length", b"0")
    return int(said) if said.isdigit() else 0


def _counted(receive: Receive, most_bytes: int) -> Receive:
    left = most_bytes

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return counted


async def _refuse(send: Send) -> None:
    text = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": text})
    await send({"type": "http.response.body", "body": b"This is larger than is allowed."})

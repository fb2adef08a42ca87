"""The one event stream of a page: names of what changed, never contents. The page then asks for the fragments
that it shows, with its own filters and its own rights."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from typing import cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from collector.core import clock
from collector.core import live as hub
from collector.core.models import User
from collector.web import access

BEAT_S = 15.0
PAUSE_S: Mapping[str, float] = {
    "incidents": 0.25,
    "requests": 0.25,
    "devices": 1.0,
    "backups": 1.0,
    "jobs": 0.25,
    "changes": 1.0,
    "visits": 1.0,
    "problems": 1.0,
    "contacts": 10.0,
}
"""Least pause between two equal events: a storm repaints a page a few times, not once per till."""
_TOPICS: Mapping[object, tuple[str, ...]] = {
    "incident": ("incidents",),
    "request": ("requests",),
    "device": ("devices",),
    "terminal": ("contacts",),
    "backup": ("backups",),
    "job": ("jobs",),
    "change": ("changes",),
    "visit": ("visits",),
    "problem": ("problems",),
    "resync": tuple(PAUSE_S),
}


@access.by_itself(access.STAFF)
async def live(request: HttpRequest) -> HttpResponseBase:
    """`terminal` in the address narrows to one till. For the staff: it tells of every customer's."""
    user = await request.auser()
    if not isinstance(user, User):
        return HttpResponse(status=401)
    if not user.is_of_staff:
        return HttpResponse(status=403)
    response = StreamingHttpResponse(
        _events(request.GET.get("terminal", "")), content_type="text/event-stream"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


class _Inbox:
    """What changed since it was last told to this page."""

    def __init__(self, terminal: str) -> None:
        self._terminal = terminal
        self._waiting: set[str] = set()
        self._told_at: dict[str, float] = {}
        self._wake = asyncio.Event()
        self.closed = False

    async def fill(self) -> None:
        async with aclosing(cast("AsyncGenerator[Mapping[str, object]]", hub.subscribe())) as news:
            async for piece in news:
                if self._concerns(piece):
                    self._waiting.update(_TOPICS.get(piece["topic"], ()))
                    self._wake.set()
        self.closed = True
        self._wake.set()

    def _concerns(self, piece: Mapping[str, object]) -> bool:
        named = piece["id"] if piece["topic"] == "terminal" else piece.get("terminal")
        return not self._terminal or named in (None, self._terminal)

    def take(self) -> list[str]:
        now = clock.monotonic()
        due = [name for name in PAUSE_S if name in self._waiting and self._left_s(name, now) <= 0]
        self._waiting.difference_update(due)
        self._told_at.update(dict.fromkeys(due, now))
        return due

    def _left_s(self, name: str, now: float) -> float:
        told_at = self._told_at.get(name)
        return 0.0 if told_at is None else told_at + PAUSE_S[name] - now

    async def wait(self) -> bool:
        """Until there may be something to take; False when only the time for a beat has come."""
        now = clock.monotonic()
        left = min((self._left_s(name, now) for name in self._waiting), default=BEAT_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(left, 0.01)):
                await self._wake.wait()
        woken = self._wake.is_set() or bool(self._waiting)
        self._wake.clear()
        return woken


async def _events(terminal: str) -> AsyncIterator[str]:
    inbox = _Inbox(terminal)
    filling = asyncio.create_task(inbox.fill())
    try:
        yield f"retry: 2000\n\n{_event('beat')}"
        while not inbox.closed:
            names = inbox.take()
            if names:
                yield "".join(_event(name) for name in names)
            elif not await inbox.wait():
                yield _event("beat")
    finally:
        filling.cancel()
        with suppress(asyncio.CancelledError):
            await filling


def _event(name: str) -> str:
    return f"event: {name}\ndata: {clock.now().isoformat(timespec='milliseconds')}\n\n"

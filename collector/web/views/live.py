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

    async def wait(self, most_s: float) -> None:
        """Until there may be something to take."""
        now = clock.monotonic()
        left = min((self._left_s(name, now) for name in self._waiting), default=most_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(min(left, most_s), 0.01)):
                await self._wake.wait()
        self._wake.clear()


async def _events(terminal: str) -> AsyncIterator[str]:
    """Beats come whatever else does: a page listens to a few names only, and knows by beats that the link stands."""
    inbox = _Inbox(terminal)
    filling = asyncio.create_task(inbox.fill())
    beat_s = clock.monotonic() + BEAT_S
    try:
        yield f"retry: 2000\n\n{_event('beat')}"
        while not inbox.closed:
            names = inbox.take()
            if clock.monotonic() >= beat_s:
                beat_s = clock.monotonic() + BEAT_S
                names.append("beat")
            if names:
                yield "".join(_event(name) for name in names)
            else:
                await inbox.wait(beat_s - clock.monotonic())
    finally:
        filling.cancel()
        with suppress(asyncio.CancelledError):
            await filling


def _event(name: str) -> str:
    return f"event: {name}\ndata: {clock.now().isoformat(timespec='milliseconds')}\n\n"

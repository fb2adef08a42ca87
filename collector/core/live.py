"""What just changed, told to the open pages of this process. A page that cannot keep up is told to read anew.
Nothing is kept: who was not listening asks the database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from threading import Lock

from django.db import transaction

QUEUE = 200
RESYNC: Mapping[str, object] = {"topic": "resync"}
CLOSED: Mapping[str, object] = {"topic": "closed"}


@dataclass(eq=False, slots=True)
class _Listener:
    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[Mapping[str, object]]

    def put(self, news: Mapping[str, object]) -> None:
        """On the listener's own loop. The last place of the queue is kept for "resync"."""
        if self.queue.qsize() < QUEUE - 1:
            self.queue.put_nowait(news)
        elif not self.queue.full():
            self.queue.put_nowait(RESYNC)


_listeners: set[_Listener] = set()
_lock = Lock()
_closed = False


def publish(news: Mapping[str, object]) -> None:
    """From any thread, after commit. `news["topic"]` is "terminal", "device" or "incident"; `news["id"]` its
    key."""
    with _lock:
        listeners = list(_listeners)
    for listener in listeners:
        try:
            listener.loop.call_soon_threadsafe(listener.put, news)
        except RuntimeError:  # its loop is gone, and with it the page
            _forget(listener)


def publish_on_commit(topic: str, key: object, **more: object) -> None:
    """Publish when the running transaction commits; at once where there is none."""
    news = {"topic": topic, "id": key, **more}
    transaction.on_commit(lambda: publish(news))


async def subscribe() -> AsyncIterator[Mapping[str, object]]:
    """Everything published from now on, until the process stops. Ends the subscription when the caller
    does."""
    listener = _Listener(asyncio.get_running_loop(), asyncio.Queue(QUEUE))
    with _lock:
        _listeners.add(listener)
    try:
        while not _closed:
            news = await listener.queue.get()
            if news is CLOSED:
                return
            yield news
    finally:
        _forget(listener)


def close() -> None:
    """End every subscription, so that open event streams do not hold up the stop of the process."""
    global _closed  # noqa: PLW0603 - one hub per process
    _closed = True
    publish(CLOSED)


def _forget(listener: _Listener) -> None:
    with _lock:
        _listeners.discard(listener)

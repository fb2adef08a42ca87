"""News for open pages: from any thread, in order, and a page that is too slow is told so."""

import asyncio
from collections.abc import Mapping
from threading import Thread

import pytest
from django.db import transaction

from collector.core import live


async def listen(count: int, ready: asyncio.Event) -> list[Mapping[str, object]]:
    found: list[Mapping[str, object]] = []
    stream = live.subscribe()
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    ready.set()
    found.append(await first)
    while len(found) < count:
        found.append(await anext(stream))
    await stream.aclose()  # type: ignore[attr-defined]
    return found


def test_every_listener_gets_everything_in_order() -> None:
    async def story() -> None:
        ready = [asyncio.Event(), asyncio.Event()]
        listeners = [asyncio.ensure_future(listen(50, event)) for event in ready]
        for event in ready:
            await event.wait()
        thread = Thread(target=lambda: [live.publish({"topic": "terminal", "id": n}) for n in range(50)])
        thread.start()
        for found in await asyncio.gather(*listeners):
            assert [news["id"] for news in found] == list(range(50))
        thread.join()
        assert not live._listeners

    asyncio.run(story())


def test_a_slow_listener_is_told_to_read_anew() -> None:
    async def story() -> None:
        stream = live.subscribe()
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        for n in range(live.QUEUE * 3):
            live.publish({"topic": "terminal", "id": n})
        await first
        rest = [await anext(stream) for _ in range(live.QUEUE - 1)]
        assert rest[-1] == live.RESYNC
        assert live.RESYNC not in rest[:-1]
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(story())


@pytest.mark.django_db(transaction=True)
def test_nothing_is_told_of_what_was_rolled_back() -> None:
    told: list[Mapping[str, object]] = []

    async def story() -> None:
        ready = asyncio.Event()
        listener = asyncio.ensure_future(listen(1, ready))
        await ready.wait()
        await asyncio.to_thread(change)
        told.extend(await listener)

    def change() -> None:
        with transaction.atomic():
            live.publish_on_commit("incident", 1)
            transaction.set_rollback(True)
        with transaction.atomic():
            live.publish_on_commit("incident", 2, kind="opened")
        transaction.get_connection().close()

    asyncio.run(story())
    assert told == [{"topic": "incident", "id": 2, "kind": "opened"}]

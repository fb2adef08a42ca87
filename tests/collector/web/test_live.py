"""The event stream: names of what changed, soon, not too often, only to people who are signed in."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient, Client

from collector.core import live as hub
from collector.web.views import live
from tests.collector.web import world


def play(body: Callable[[AsyncIterator[str]], object], terminal: str = "") -> None:
    async def run() -> None:
        stream = live._events(terminal)
        try:
            async with asyncio.timeout(10):
                first = await anext(stream)
                assert first.startswith("retry: 2000\n\nevent: beat\n")
                await asyncio.sleep(0)  # lets the subscription begin
                await body(stream)  # type: ignore[misc]
        finally:
            await stream.aclose()  # type: ignore[attr-defined]
        assert not hub._listeners, "the subscription ends with the stream"

    asyncio.run(run())


async def names(stream: AsyncIterator[str]) -> list[str]:
    text = await anext(stream)
    return [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]


def test_an_incident_is_told_at_once() -> None:
    async def body(stream: AsyncIterator[str]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        hub.publish({"topic": "incident", "id": 1, "terminal": "t1"})
        assert await names(stream) == ["incidents"]
        assert loop.time() - began < 0.2

    play(body)


def test_a_storm_becomes_a_few_events_and_the_last_one_is_not_lost() -> None:
    async def body(stream: AsyncIterator[str]) -> None:
        loop = asyncio.get_running_loop()
        for number in range(150):
            hub.publish({"topic": "incident", "id": number, "terminal": "t1"})
        assert await names(stream) == ["incidents"]
        told = loop.time()
        hub.publish({"topic": "incident", "id": 999, "terminal": "t1"})
        assert await names(stream) == ["incidents"]
        assert loop.time() - told >= live.PAUSE_S["incidents"] * 0.9

    play(body)


def test_a_till_hears_only_of_itself() -> None:
    async def body(stream: AsyncIterator[str]) -> None:
        hub.publish({"topic": "device", "id": 4, "terminal": "other"})
        hub.publish({"topic": "terminal", "id": "other"})
        hub.publish({"topic": "terminal", "id": "mine"})
        assert await names(stream) == ["contacts"]
        hub.publish({"topic": "resync"})
        assert set(await names(stream)) >= {"incidents", "devices", "backups"}

    play(body, "mine")


def test_silence_is_broken_by_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT_S", 0.05)

    async def body(stream: AsyncIterator[str]) -> None:
        assert await names(stream) == ["beat"]
        assert await names(stream) == ["beat"]

    play(body)


def test_beats_come_among_news_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that does not listen to that news would think that the link is gone."""
    monkeypatch.setattr(live, "BEAT_S", 0.3)
    monkeypatch.setitem(live.PAUSE_S, "contacts", 0.1)  # type: ignore[arg-type]

    async def body(stream: AsyncIterator[str]) -> None:
        heard: list[str] = []
        while heard.count("beat") < 2:
            hub.publish({"topic": "terminal", "id": "t1"})
            heard += await names(stream)
        assert heard.count("contacts") >= 3

    play(body)


@pytest.mark.django_db
def test_strangers_hear_nothing() -> None:
    assert Client().get("/live").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_people_get_a_stream_that_nobody_stores() -> None:
    person = world.person("reader")

    async def run() -> None:
        client = AsyncClient()
        await client.aforce_login(person)
        answer = await client.get("/live")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        answer.close()
        await sync_to_async(connections.close_all)()

    asyncio.run(run())

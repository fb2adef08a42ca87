"""A stranger cannot fill the disk: bodies are bounded before anything is written."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from collector.ingest.request import Receive, Scope, Send
from collector.web.bounded import Message, bounded


def spoken(
    pieces: Sequence[bytes], length: bytes | None, most: int = 10
) -> tuple[list[Message], list[Message]]:
    """What the application behind got, and what went out."""
    got: list[Message] = []
    sent: list[Message] = []
    waiting: list[dict[str, Any]] = [
        {"type": "http.request", "body": one, "more_body": True} for one in pieces
    ]

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(_scope: Scope, take: Receive, _send: Send) -> None:
        while True:
            got.append(await take())
            if got[-1]["type"] == "http.disconnect" or not got[-1].get("more_body"):
                return

    headers = [] if length is None else [(b"content-length", length)]
    asyncio.run(bounded(app, most)({"type": "http", "headers": headers}, receive, send))
    return got, sent


def test_what_says_that_it_is_too_large_is_refused_at_once() -> None:
    got, sent = spoken([b"x" * 11], b"11")
    assert (got, sent[0]["status"]) == ([], 413)


@pytest.mark.parametrize("length", [None, b"3", b"nonsense"])
def test_what_says_nothing_or_lies_is_cut_off(length: bytes | None) -> None:
    got, _sent = spoken([b"x" * 6, b"x" * 6, b"x" * 6], length)
    assert [one["type"] for one in got] == ["http.request", "http.disconnect"]


def test_what_is_allowed_goes_through_whole() -> None:
    got, sent = spoken([b"x" * 6, b"x" * 4], b"10")
    assert b"".join(one["body"] for one in got) == b"x" * 10
    assert sent == []

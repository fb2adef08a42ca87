"""Backup objects come through the same signed door; what they hold is tried with the backups room."""

import pytest
import requests

from collector.core import clock
from protocols.wire import signing, v1
from protocols.wire.snapshot import KINDS, OBJECT_BYTES
from tests.collector.served import Served, Till


def ask(till: Till, method: str, tail: str, body: bytes = b"", *, sign: bool = True) -> requests.Response:
    path = f"{v1.PATH_OBJECTS}/{tail}"
    headers = {}
    if sign:
        created, nonce = int(clock.now().timestamp()), f"{method}{tail}{clock.monotonic()}"
        headers = signing.sign(till.key, method, path, body, keyid=till.id, created=created, nonce=nonce)
    return till.session.request(method, till.served.url + path, data=body, headers=headers, timeout=30)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_terminal_lists_its_own(served: Served, kind: str) -> None:
    answer = ask(served.terminal(), "GET", kind)
    assert (answer.status_code, answer.json()) == (200, {"objects": []})


def test_unsigned(served: Served) -> None:
    answer = ask(served.terminal(), "GET", sorted(KINDS)[0], sign=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature.missing")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_missing(served: Served, method: str) -> None:
    answer = ask(served.terminal(), method, f"{sorted(KINDS)[0]}/{'0' * 64}")
    assert answer.status_code == 404


@pytest.mark.parametrize("method", ["DELETE", "POST", "PATCH"])
def test_nothing_removes_or_replaces(served: Served, method: str) -> None:
    answer = ask(served.terminal(), method, f"{sorted(KINDS)[0]}/{'0' * 64}")
    assert (answer.status_code, answer.json()["code"]) == (405, "backup.append_only")


def test_garbage_is_not_taken(served: Served) -> None:
    answer = ask(served.terminal(), "PUT", f"{sorted(KINDS)[0]}/{'0' * 64}", b"garbage")
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


def test_too_large(served: Served) -> None:
    answer = ask(served.terminal(), "PUT", f"{sorted(KINDS)[0]}/{'0' * 64}", b" " * (OBJECT_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "report.too_large")

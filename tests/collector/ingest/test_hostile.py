"""What no agent of ours sends: everything is refused with its code or stored whole, nothing is a failure of
the collector, and the next terminal notices nothing."""

import json

import pytest
import requests

from protocols.wire import v1
from tests.collector.ingest.test_door import refused
from tests.collector.ingest.test_objects import ask
from tests.collector.served import Served, Till, fact, until

AT = "2026-05-04T09:00:00Z"
TERMINAL = {"kind": "terminal"}


@pytest.fixture
def till(served: Served) -> Till:
    return served.terminal()


def send(till: Till, body: bytes) -> requests.Response:
    return till.post(v1.PATH_REPORTS, body)


def one(till: Till, **message: object) -> bytes:
    base = {"kind": "fact", "seq": 1, "at": AT, "subject": TERMINAL, "name": "MARK"}
    return till.document(messages=[{**base, **message}])


def nothing_happened(till: Till) -> None:
    assert till.stored() == []
    assert till.served.terminal().report(fact(1)).ok


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity"])
@pytest.mark.parametrize("text", [False, True], ids=["number", "text"])
def test_no_number(till: Till, number: str, text: bool) -> None:
    given = json.dumps(number) if text else number
    for message in (
        {"kind": "sample", "values": {"cpu": "HERE"}},
        {
            "kind": "backup",
            "source": "pos",
            "engine": "sqlite",
            "ok": True,
            "started_at": AT,
            "duration_s": "HERE",
        },
        {"kind": "state", "device": "printer", "contact": "ok", "round_trip_ms": "HERE"},
    ):
        body = one(till, **message).replace(b'"HERE"', given.encode())
        refused(send(till, body), 400, "report.malformed")
    nothing_happened(till)


@pytest.mark.parametrize(
    "raw", [b"\xed\xa0\x80", b"\xc0\x80", b"\xff"], ids=["surrogate", "overlong", "byte"]
)
@pytest.mark.parametrize("field", ["name", "newer"])
def test_bytes_that_are_not_utf_8(till: Till, raw: bytes, field: str) -> None:
    body = one(till, **{field: "HERE"}).replace(b"HERE", raw)
    refused(send(till, body), 400, "report.malformed")
    nothing_happened(till)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_another_encoding_hides_nothing(till: Till, encoding: str) -> None:
    body = one(till, newer="a\0b").decode().encode(encoding)
    refused(send(till, body), 400, "report.malformed")
    nothing_happened(till)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("levels", [65, 500, 950, 5000])
def test_nesting(till: Till, opening: bytes, levels: int) -> None:
    closing = (b"]" if opening == b"[" else b"}") * levels
    body = one(till, newer="HERE").replace(b'"HERE"', opening * levels + b"1" + closing)
    refused(send(till, body), 400, "report.malformed")
    nothing_happened(till)


def test_some_nesting_of_a_newer_agent_is_kept(till: Till) -> None:
    body = one(till, newer="HERE").replace(b'"HERE"', b"[" * 50 + b"]" * 50)
    assert send(till, body).ok
    assert till.stored() == [1]


@pytest.mark.parametrize("nothing", ["\0", "\0" * 300, "\ud800", "\udfff\ud800"])
def test_what_is_no_text_is_stored_without_it(till: Till, nothing: str) -> None:
    messages = [
        {"kind": "hello", "agent": "1", "hostname": nothing, "os": nothing, "boot_at": AT},
        {"kind": "state", "device": f"p{nothing[:9]}", "contact": "ok", "reason": nothing, "state": {"a": nothing}},
        {"kind": "fact", "subject": TERMINAL, "name": "x", "detail": {f"a{nothing[:9]}": nothing}},
        {"kind": "backup", "source": f"s{nothing[:9]}", "engine": "e", "ok": False, "started_at": AT,
         "duration_s": 1, "error": nothing},
    ]  # fmt: skip
    numbered = [{"seq": n, "at": AT, **message} for n, message in enumerate(messages, 1)]
    assert send(till, till.document(messages=numbered)).ok
    assert till.stored() == [1, 2, 3, 4]


@pytest.mark.parametrize("letters", [401, 100_000])
def test_texts_that_are_too_long(till: Till, letters: int) -> None:
    refused(send(till, one(till, detail={"a": "x" * letters})), 400, "report.malformed")
    assert send(till, one(till, detail={"a": "\U0001f600" * 400})).ok


def test_the_longest_texts_fit_the_database(till: Till) -> None:
    key, text = "ž" * 80, "ž" * 400
    messages = [
        {"kind": "hello", "agent": key, "hostname": text, "os": text, "boot_at": AT,
         "devices": [{"id": key, "family": key, "port": text}]},
        {"kind": "state", "device": key, "contact": "ok", "reason": text, "profile": text},
        {"kind": "event", "subject": {"kind": "device", "id": key}, "code": key, "change": "raised",
         "since": AT, "reason": text},
        {"kind": "backup", "source": key, "engine": key, "ok": False, "snapshot": key, "started_at": AT,
         "duration_s": 1, "error": text},
        {"kind": "drill", "source": key, "snapshot": key, "ok": False, "started_at": AT, "duration_s": 1,
         "error": text},
    ]  # fmt: skip
    numbered = [{"seq": n, "at": AT, **message} for n, message in enumerate(messages, 1)]
    assert send(till, till.document(messages=numbered)).ok


def test_a_host_name_longer_than_a_till_s_name(served: Served) -> None:
    till = Till(served)
    body = v1.Enrol(code=served.codes(1)[0], public_key=till.public, hostname="h" * 400, os="o", agent="a")
    answer = till.post(v1.PATH_ENROL, body.model_dump_json().encode(), keyid=till.public)
    assert answer.json()["name"] == "h" * 100


@pytest.mark.parametrize(
    "path", [v1.PATH_REPORTS, v1.PATH_ENROL, v1.PATH_AUTHORITY, v1.PATH_OBJECTS + "/packs"]
)
def test_a_query_is_not_covered_by_the_signature(till: Till, path: str) -> None:
    body = till.document(fact(1))
    headers = till.headers(path, body)
    url = f"{till.served.url}{path}?terminal=another"
    refused(till.session.post(url, data=body, headers=headers, timeout=30), 400, "path.query")
    nothing_happened(till)


def test_headers_are_bounded(till: Till) -> None:
    body = till.document(fact(1))
    headers = {**till.headers(v1.PATH_REPORTS, body), "X-Much": "a" * 40_000}
    refused(till.post(v1.PATH_REPORTS, body, headers=headers), 431, "headers.too_large")
    nothing_happened(till)


@pytest.mark.parametrize("tail", ["Packs", "packs/" + "A" * 64, "packs/%00", "etc/passwd"])
def test_names_that_are_no_objects_are_refused_and_counted(served: Served, tail: str) -> None:
    till = served.terminal()
    signed = ask(till, "PUT", f"packs/{'0' * 64}", b"garbage")
    assert signed.json()["code"] == "backup.integrity"
    answer = ask(till, "PUT", tail, b"x")
    assert (answer.status_code, answer.json()["code"]) == (404, "backup.object_name")

    def counted() -> bool:
        rows = served.rows("SELECT code, count FROM ingest_refusal WHERE terminal = ?", till.id)
        return {("backup.integrity", 1), ("backup.object_name", 1)} == set(rows)

    until(counted, "both refusals are counted")

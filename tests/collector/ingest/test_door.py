"""Every refusal of the door, over TLS against a real process: the right code, counted, nothing stored."""

import http.client
import json
import ssl

import pytest
import requests

from collector.core import clock
from protocols.wire import v1
from tests.collector.served import Served, Till, fact, until


@pytest.fixture
def till(served: Served) -> Till:
    return served.terminal()


def refused(answer: requests.Response, status: int, code: str) -> v1.Problem:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = v1.Problem.model_validate_json(answer.content)
    assert (problem.code, problem.status, problem.type) == (code, status, f"urn:plomba:{code}")
    assert problem.server_time
    assert abs((problem.server_time - clock.now()).total_seconds()) < 10
    return problem


def test_a_report_is_stored_and_answered(till: Till) -> None:
    receipt = v1.Receipt.model_validate_json(till.report(fact(1), fact(2)).content)
    assert (receipt.epoch, receipt.complete_to) == (1, 2)
    assert till.stored() == [1, 2]


def test_the_same_messages_again_change_nothing(till: Till) -> None:
    for _ in range(3):
        assert till.report(fact(1), fact(2)).json()["complete_to"] == 2
    assert till.report(fact(1), fact(2), fact(3)).json()["complete_to"] == 3
    assert till.stored() == [1, 2, 3]


def test_an_empty_report_is_a_sign_of_life(till: Till) -> None:
    assert till.report().json()["complete_to"] == 0
    seen = till.served.rows("SELECT last_seen_at FROM inventory_terminal WHERE id = ?", till.id)
    assert seen[0][0] is not None


def test_a_new_epoch_counts_from_one(till: Till) -> None:
    till.report(fact(1), fact(2))
    till.epoch = 2
    assert till.report(fact(1)).json()["complete_to"] == 1
    assert till.stored() == [1, 2, 1]


def test_a_hole_is_refused_and_told_from_where_to_send(till: Till) -> None:
    till.report(fact(1), fact(2))
    assert refused(till.report(fact(4)), 409, "report.gap").complete_to == 2
    assert refused(till.report(fact(3), fact(5)), 409, "report.gap").complete_to == 2
    assert till.stored() == [1, 2]
    assert till.report(fact(3), fact(4)).json()["complete_to"] == 4


def test_unsigned(till: Till) -> None:
    refused(till.post(v1.PATH_REPORTS, till.document(fact(1)), headers={}), 401, "signature.missing")


def test_malformed_signature(till: Till) -> None:
    body = till.document(fact(1))
    headers = till.headers(v1.PATH_REPORTS, body) | {"Signature": "sig1=:AAAA:"}
    refused(till.post(v1.PATH_REPORTS, body, headers=headers), 401, "signature.malformed")


def test_signature_of_another_key(till: Till, served: Served) -> None:
    other = Till(served)
    other.id = till.id
    refused(other.report(fact(1)), 401, "signature.invalid")
    assert till.stored() == []


def test_changed_body(till: Till) -> None:
    body = till.document(fact(1))
    headers = till.headers(v1.PATH_REPORTS, body)
    refused(till.post(v1.PATH_REPORTS, body + b" ", headers=headers), 401, "digest.mismatch")


@pytest.mark.parametrize("age_s", [400, -400])
def test_signature_of_another_time(till: Till, age_s: float) -> None:
    body = till.document(fact(1))
    headers = till.headers(v1.PATH_REPORTS, body, age_s=age_s)
    refused(till.post(v1.PATH_REPORTS, body, headers=headers), 401, "signature.expired")
    assert till.stored() == []


def test_replayed_request(till: Till) -> None:
    body = till.document(fact(1))
    headers = till.headers(v1.PATH_REPORTS, body)
    assert till.post(v1.PATH_REPORTS, body, headers=headers).ok
    refused(till.post(v1.PATH_REPORTS, body, headers=headers), 409, "report.replayed")


def test_unknown_terminal(served: Served) -> None:
    refused(Till(served).report(fact(1)), 403, "terminal.unknown")


def test_retired_terminal_within_seconds(till: Till) -> None:
    till.report(fact(1))
    till.served.rows(
        "UPDATE inventory_terminal SET retired_at = enrolled_at WHERE id = ? RETURNING id", till.id
    )
    until(lambda: till.report().status_code == 403, "refused", 10)
    refused(till.report(fact(2)), 403, "terminal.retired")
    assert till.stored() == [1]


def test_report_of_another_terminal(till: Till, served: Served) -> None:
    body = till.document(fact(1), terminal=served.terminal().id)
    refused(till.post(v1.PATH_REPORTS, body), 403, "terminal.mismatch")


def test_other_version(till: Till) -> None:
    refused(till.post(v1.PATH_REPORTS, till.document(version=2)), 400, "report.version")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"version": 1}',
        b"\xff\xfe",
        b'{"version": 1, "epoch": NaN}',
        b"[" * 100_000,
        b'{"version": 1' + b"0" * 5000 + b"}",
    ],
)
def test_garbage(till: Till, body: bytes) -> None:
    code = "report.version" if body.startswith(b'{"version": 10') else "report.malformed"
    answer = till.post(v1.PATH_REPORTS, body)
    assert answer.status_code == 400
    assert answer.json()["code"] in (code, "report.malformed")


@pytest.mark.parametrize(
    "changed",
    [
        {"epoch": 2**63},
        {"epoch": 0},
        {"sent_at": "0001-01-01T00:00:00+14:00"},
        {"sent_at": "2026-01-01T00:00:00"},
        {"queue": {"messages": 2**70}},
        {"session": "s", "run": {"hostname": "h", "boot_at": "0001-01-01T00:00:00+14:00"}},
        {"session": "s" * 81},
        {"messages": [{"kind": "unheard of", "seq": 1, "at": "2026-01-01T00:00:00Z"}]},
        {"messages": None},
    ],
)
def test_values_that_no_database_holds(till: Till, changed: dict[str, object]) -> None:
    refused(till.post(v1.PATH_REPORTS, till.document(**changed)), 400, "report.malformed")


def test_numbers_that_do_not_ascend(till: Till) -> None:
    refused(till.report(fact(2), fact(1)), 400, "report.malformed")
    refused(till.report(fact(1), fact(1)), 400, "report.malformed")
    assert till.stored() == []


def test_fields_of_a_newer_agent_are_kept(till: Till) -> None:
    document = json.loads(till.document(fact(1), new_field=7))
    document["messages"][0]["newer"] = {"deep": True}
    assert till.post(v1.PATH_REPORTS, json.dumps(document).encode()).ok
    kept = till.served.rows("SELECT body FROM ingest_message WHERE terminal_id = ?", till.id)[0][0]
    assert (json.loads(kept) if isinstance(kept, str) else kept)["newer"] == {"deep": True}


def test_text_that_postgresql_cannot_hold_is_stored_without_it(till: Till) -> None:
    body = till.document(fact(1, "a\0b")).replace(b'"a\\u0000b"', b'"\\ud800\\u0000b"')
    assert till.post(v1.PATH_REPORTS, body).ok
    assert till.stored() == [1]


def test_too_large_is_refused_before_it_is_read(till: Till) -> None:
    body = b" " * (v1.REPORT_BYTES + 1)
    refused(till.post(v1.PATH_REPORTS, body), 413, "report.too_large")


def test_too_large_in_chunks(till: Till) -> None:
    body = b" " * (v1.REPORT_BYTES + 1)
    headers = till.headers(v1.PATH_REPORTS, body)
    connection = http.client.HTTPSConnection(
        "127.0.0.1",
        till.served.port,
        context=ssl.create_default_context(cafile=till.served.authority),
        timeout=30,
    )
    parts = (body[i : i + 65536] for i in range(0, len(body), 65536))
    connection.request("POST", v1.PATH_REPORTS, parts, headers, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (413, "report.too_large")
    connection.close()


def test_largest_report_is_taken(till: Till) -> None:
    messages = [fact(n) for n in range(1, v1.MESSAGES + 1)]
    body = till.document(*messages)
    body = body + b" " * (v1.REPORT_BYTES - len(body))
    assert till.post(v1.PATH_REPORTS, body).json()["complete_to"] == v1.MESSAGES


def test_one_message_too_many(till: Till) -> None:
    document = json.loads(till.document(*[fact(n) for n in range(1, v1.MESSAGES + 1)]))
    document["messages"].append(json.loads(fact(v1.MESSAGES + 1).model_dump_json()))
    refused(till.post(v1.PATH_REPORTS, json.dumps(document).encode()), 400, "report.malformed")


def test_addresses_and_methods(till: Till) -> None:
    url = till.served.url
    refused(till.session.get(url + "/api/agent/v9/reports", timeout=30), 404, "path.unknown")
    refused(till.session.get(url + v1.PATH_REPORTS, timeout=30), 405, "method.not_allowed")


def test_refusals_are_counted_in_groups(served: Served) -> None:
    till = served.terminal()
    for _ in range(5):
        till.post(v1.PATH_REPORTS, b"{")

    def counted() -> bool:
        rows = served.rows("SELECT code, count FROM ingest_refusal WHERE terminal = ?", till.id)
        return ("report.malformed", 5) in rows

    until(counted, "five refusals in one row")


def test_another_path_is_another_signature(till: Till) -> None:
    body = till.document(fact(1))
    headers = till.headers(v1.PATH_ENROL, body)
    refused(till.post(v1.PATH_REPORTS, body, headers=headers), 401, "signature.invalid")

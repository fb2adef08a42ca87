"""Receipts that prove, a pace for long queues, and bodies that are packed."""

import base64
import json

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.ingest import credit
from protocols.wire import chain, v1
from tests.collector.served import Served, Till, fact


@pytest.fixture
def till(served: Served) -> Till:
    return served.terminal()


def packed(till: Till, body: bytes, encoding: str = "zstd") -> dict[str, object]:
    headers = {**till.headers(v1.PATH_REPORTS, body), "Content-Encoding": encoding}
    answer = till.post(v1.PATH_REPORTS, body, headers=headers)
    return {"status": answer.status_code, **answer.json()}


def test_a_receipt_is_signed_for_the_chain_that_the_messages_make(till: Till) -> None:
    messages = [fact(1), fact(2)]
    link = chain.start(1)
    for message in messages:
        link = chain.link(link, chain.canonical(message.model_dump(mode="json")))
    body = till.document(*messages, chain=link.hex())
    receipt = v1.Receipt.model_validate_json(till.post(v1.PATH_REPORTS, body).content)
    assert (receipt.chain, receipt.complete_to) == (link.hex(), 2)
    told = chain.receipt_bytes(till.id, 1, 2, link.hex(), receipt.server_time)
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(receipt.signer + "="))
    key.verify(base64.urlsafe_b64decode(receipt.signature + "=="), told)


def test_another_message_under_a_number_that_is_taken_is_refused_by_its_link(till: Till) -> None:
    """First behind what is there, then in its place."""
    till.report(fact(1), fact(2))
    for body in (till.document(fact(3), chain="0" * 64), till.document(fact(1), fact(2), chain="0" * 64)):
        answer = till.post(v1.PATH_REPORTS, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "report.chain")
    assert till.stored() == [1, 2]
    assert till.report(fact(1), fact(2), fact(3)).json()["complete_to"] == 3


def test_a_refusal_by_link_says_up_to_where_the_messages_are_the_same(till: Till) -> None:
    """Of a disk that was put back the first part may have been sent before; it must not come twice."""
    first, second, other = fact(1), fact(2), fact(2, "drawer.closed")
    till.report(first, second)
    answer = till.post(v1.PATH_REPORTS, till.document(first, other, chain="0" * 64)).json()
    assert (answer["code"], answer["complete_to"]) == ("report.chain", 1)
    answer = till.post(v1.PATH_REPORTS, till.document(other, chain="0" * 64)).json()
    assert (answer["code"], answer["complete_to"]) == ("report.chain", 1)


def test_the_loose_lane_takes_any_order_once_each_and_counts(till: Till) -> None:
    def send(*seqs: int) -> dict[str, object]:
        answer: dict[str, object] = till.post(
            v1.PATH_REPORTS, till.document(*map(fact, seqs), lane="loose", epoch=77)
        ).json()
        return answer

    assert (send(5, 9)["complete_to"], send(1, 5)["held"], send(9)["held"]) == (9, 3, 3)
    assert till.stored() == [5, 9, 1]
    mixed = till.post(v1.PATH_REPORTS, till.document(fact(10), epoch=77))
    assert mixed.json()["code"] == "report.malformed"


def test_a_packed_body_counts_as_what_is_in_it(till: Till) -> None:
    body = zstandard.ZstdCompressor().compress(till.document(fact(1)))
    assert packed(till, body)["complete_to"] == 1


def test_a_body_that_unpacks_to_too_much_is_refused_before_it_fills_the_memory(till: Till) -> None:
    bomb = zstandard.ZstdCompressor(write_content_size=False).compress(b" " * (1 << 28))
    assert len(bomb) < v1.REPORT_BYTES
    assert packed(till, bomb)["code"] == "report.too_large"
    assert packed(till, b"no frame at all")["code"] == "report.malformed"
    assert packed(till, json.dumps({}).encode(), "gzip")["code"] == "report.encoding"
    assert till.stored() == []


def test_a_long_queue_gets_a_pace_and_a_short_one_does_not(till: Till) -> None:
    long = {"messages": credit.BACKLOG + 1}
    paced = till.post(v1.PATH_REPORTS, till.document(fact(1), queue=long)).json()
    assert 1 <= paced["credit"] <= credit.MESSAGES
    assert 0 < paced["next_s"] <= credit.LONGEST_S
    free = till.post(v1.PATH_REPORTS, till.document(fact(2), queue={"messages": 3})).json()
    assert free.get("credit") is None


def test_who_catches_up_takes_a_small_share_however_many_do() -> None:
    assert credit.pause_s(0.02, 1) == pytest.approx(1.0)
    assert credit.pause_s(0.02, 10) == pytest.approx(10.0)
    assert credit.pause_s(60.0, 1) == credit.LONGEST_S


def test_what_costs_more_comes_in_smaller_reports() -> None:
    assert credit.messages(0.35, 50) == 2
    assert credit.messages(0.005, 50) == credit.MESSAGES
    assert credit.messages(9.0, 1) == 1
    assert credit.messages(0.0, 1) == credit.MESSAGES

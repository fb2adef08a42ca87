"""Enrolment over the wire, and the brake on guessing."""

import base64
import hashlib
import json

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from collector.ingest.enrolling import FAILURES, WINDOW_S, Brake
from collector.ingest.nonces import Nonces
from collector.ingest.problem import Refused
from protocols.wire import v1
from protocols.wire.signing import WINDOW_S as SIGNATURE_WINDOW_S
from tests.collector.served import Served, Till, fact
from tests.collector.still import StillClock


def test_the_authority_is_the_one_that_the_code_names(served: Served) -> None:
    code = json.loads(served.cli("enrol-code", "--customer", "A", "--site", "B", "--json"))["code"]
    secret, _, fingerprint = code.partition(".")
    pem = requests.get(served.url + v1.PATH_AUTHORITY, verify=served.authority, timeout=30).content
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    digest = base64.b32encode(hashlib.sha256(der).digest()).decode().rstrip("=").lower()
    assert fingerprint == digest
    till = Till(served)
    enrolled = v1.Enrolled.model_validate_json(till.enrol(secret).content)
    assert (enrolled.name, enrolled.site, enrolled.customer) == ("kase", "B", "A")
    assert till.report(fact(1)).ok


def test_an_answer_that_was_lost_may_be_asked_for_again(served: Served) -> None:
    secret = served.codes(1)[0]
    till = Till(served)
    assert till.enrol(secret).json()["terminal"] == till.enrol(secret).json()["terminal"]
    other = Till(served).enrol(secret)
    assert (other.status_code, other.json()["code"]) == (403, "enrol.code_used")


def test_expired(served: Served) -> None:
    answer = Till(served).enrol(served.codes(1, ttl_s=-1)[0])
    assert (answer.status_code, answer.json()["code"]) == (403, "enrol.code_expired")


def test_the_signing_key_must_be_the_enrolled_one(served: Served) -> None:
    till, other = Till(served), Till(served)
    body = v1.Enrol(code="X", public_key=other.public, hostname="h", os="o", agent="a")
    answer = till.post(v1.PATH_ENROL, body.model_dump_json().encode(), keyid=till.public)
    assert (answer.status_code, answer.json()["code"]) == (400, "enrol.malformed")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"code": 1}', b"{", b'{"code": "\\u0000"}'])
def test_garbage(served: Served, body: bytes) -> None:
    till = Till(served)
    answer = till.post(v1.PATH_ENROL, body, keyid=till.public)
    assert (answer.status_code, answer.json()["code"]) == (400, "enrol.malformed")


def test_a_keyid_that_is_no_key(served: Served) -> None:
    till = Till(served)
    answer = till.post(v1.PATH_ENROL, b"{}", keyid="nobody")
    assert (answer.status_code, answer.json()["code"]) == (400, "enrol.key_malformed")


def test_guessing_is_slowed_down_per_address(own: Served) -> None:
    till = Till(own)
    answers = [till.enrol("ZZZZZ-ZZZZZ") for _ in range(FAILURES + 1)]
    assert [answer.json()["code"] for answer in answers] == ["enrol.code_invalid"] * FAILURES + [
        "enrol.too_many"
    ]
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1].headers["retry-after"]) <= WINDOW_S + 1


def test_the_brake_lets_go_and_knows_addresses_apart(still: StillClock) -> None:
    brake = Brake()
    for _ in range(FAILURES):
        brake.check("192.0.2.1")
        brake.failed("192.0.2.1")
    with pytest.raises(Refused):
        brake.check("192.0.2.1")
    brake.check("192.0.2.2")
    still.seconds = WINDOW_S
    brake.check("192.0.2.1")


def test_nonces_are_forgotten_only_when_their_time_stamp_is_refused_anyway() -> None:
    nonces = Nonces()
    assert nonces.is_new("a", "n", 1000, 1000)
    assert nonces.is_new("b", "n", 1000, 1000)
    assert not nonces.is_new("a", "n", 1000, 1000 + SIGNATURE_WINDOW_S)
    nonces.is_new("a", "other", 2000, 2000)
    assert nonces.is_new("a", "n", 1000, 2000)


def test_nonces_are_bounded() -> None:
    nonces = Nonces(most=100)
    for n in range(1000):
        nonces.is_new("a", str(n), 1000 + n, 1000 + n)
    assert sum(map(len, nonces._buckets.values())) <= 100

"""Message signatures against an independent implementation of RFC 9421, and every tampering refused."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import http_message_signatures as oracle
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import ReportRefused
from protocols.wire import signing

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
CREATED = 1_700_000_000
BODY = b'{"version":1}'
PATH = "/api/agent/v1/reports"
KEYS = oracle.MappingKeyResolver(public_keys={"t1": KEY.public_key()}, private_keys={"t1": KEY})


@dataclass
class Message:
    """What the oracle reads of a request."""

    headers: dict[str, str]
    method: str = "POST"
    url: str = "https://127.0.0.1:8443" + PATH
    body: bytes = field(default=BODY)


def signed() -> dict[str, str]:
    return signing.sign(KEY, "POST", PATH, BODY, keyid="t1", created=CREATED, nonce="n-1")


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def check(
    headers: dict[str, str],
    *,
    method: str = "POST",
    path: str = PATH,
    body: bytes = BODY,
    key: Ed25519PrivateKey = KEY,
    now_s: float = CREATED,
) -> signing.Signed:
    found = signing.read(method, path, lower(headers))
    signing.verify(found, body, key.public_key(), now_s)
    return found


def test_what_we_sign_the_oracle_accepts() -> None:
    verifier = oracle.HTTPMessageVerifier(signature_algorithm=oracle.algorithms.ED25519, key_resolver=KEYS)
    results = verifier.verify(
        Message(signed()),
        max_age=None,
        expect_tag=signing.TAG,
        require_components=("@method", "@path", "content-digest"),
        body=BODY,
    )
    assert len(results) == 1


def test_what_the_oracle_signs_we_accept() -> None:
    message = Message({"Content-Digest": signing.content_digest(BODY)})
    headers = oracle_signed(message)
    assert check(headers, now_s=CREATED).keyid == "t1"


def oracle_signed(message: Message) -> dict[str, str]:
    oracle.HTTPMessageSigner(signature_algorithm=oracle.algorithms.ED25519, key_resolver=KEYS).sign(
        message,
        key_id="t1",
        created=dt.datetime.fromtimestamp(CREATED, dt.UTC),
        nonce="n-2",
        label=signing.LABEL,
        tag=signing.TAG,
        covered_component_ids=("@method", "@path", "content-digest"),
        use_existing_digest=True,
    )
    return message.headers


def test_a_good_signature_tells_who_and_when() -> None:
    found = check(signed())
    assert (found.keyid, found.created, found.nonce) == ("t1", CREATED, "n-1")


@pytest.mark.parametrize(
    ("tampering", "code"),
    [
        ({"body": BODY + b" "}, "digest.mismatch"),
        ({"body": b""}, "digest.mismatch"),
        ({"method": "PUT"}, "signature.invalid"),
        ({"path": PATH + "x"}, "signature.invalid"),
        ({"path": PATH + "?a=1"}, "signature.invalid"),
        ({"key": OTHER}, "signature.invalid"),
        ({"now_s": CREATED + signing.WINDOW_S + 1}, "signature.expired"),
        ({"now_s": CREATED - signing.WINDOW_S - 1}, "signature.expired"),
    ],
)
def test_tampering_with_the_request_is_refused(tampering: dict[str, Any], code: str) -> None:
    with pytest.raises(ReportRefused) as caught:
        check(signed(), **tampering)
    assert caught.value.code == code


@pytest.mark.parametrize("now_s", [CREATED - signing.WINDOW_S, CREATED + signing.WINDOW_S])
def test_the_edge_of_the_window_is_still_inside(now_s: float) -> None:
    assert check(signed(), now_s=now_s)


@pytest.mark.parametrize(
    ("header", "old", "new", "code"),
    [
        ("Signature-Input", f"created={CREATED}", f"created={CREATED + 1}", "signature.invalid"),
        ("Signature-Input", '"n-1"', '"n-2"', "signature.invalid"),
        ("Signature-Input", '"t1"', '"t2"', "signature.invalid"),
        ("Signature-Input", ';tag="plomba"', "", "signature.malformed"),
        ("Signature-Input", "plomba", "other", "signature.malformed"),
        ("Signature-Input", ' "@path"', "", "signature.malformed"),
        ("Signature-Input", "ed25519", "hmac-sha256", "signature.malformed"),
        ("Signature-Input", ';nonce="n-1"', ';nonce="n-1";nonce="n-1"', "signature.malformed"),
        ("Signature-Input", ';nonce="n-1"', ';nonce=""', "signature.malformed"),
        ("Signature-Input", ';alg="ed25519"', ';alg="ed25519";expires=1', "signature.malformed"),
        ("Signature-Input", "sig1=", "sig2=", "signature.malformed"),
        ("Signature", "sig1=:", "sig1=:AAAA", "signature.malformed"),
        ("Content-Digest", "sha-256", "md5", "signature.malformed"),
    ],
)
def test_tampering_with_a_header_is_refused(header: str, old: str, new: str, code: str) -> None:
    headers = signed()
    assert old in headers[header]
    headers[header] = headers[header].replace(old, new)
    with pytest.raises(ReportRefused) as caught:
        check(headers)
    assert caught.value.code == code


@pytest.mark.parametrize("header", ["Signature", "Signature-Input", "Content-Digest"])
def test_a_missing_header_is_refused(header: str) -> None:
    headers = signed()
    del headers[header]
    with pytest.raises(ReportRefused) as caught:
        check(headers)
    assert caught.value.code == "signature.missing"


def test_every_byte_of_the_signature_counts() -> None:
    found = signing.read("POST", PATH, lower(signed()))
    for at in range(64):
        wrong = bytearray(found.signature)
        wrong[at] ^= 1
        broken = signing.Signed(
            found.created, found.keyid, found.nonce, found.base, bytes(wrong), found.digest
        )
        with pytest.raises(ReportRefused):
            signing.verify(broken, BODY, KEY.public_key(), CREATED)


def test_a_digest_of_another_body_does_not_save_it() -> None:
    """Body and digest are changed together: then the signature no longer covers the digest."""
    headers = signed() | {"Content-Digest": signing.content_digest(b"evil")}
    with pytest.raises(ReportRefused) as caught:
        check(headers, body=b"evil")
    assert caught.value.code == "signature.invalid"

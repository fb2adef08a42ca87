"""Web hooks, SMS gateways and push services: real HTTPS on loopback, and what is refused before anything is sent."""

import base64
import hashlib
import hmac
import ipaddress
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from collector.core import authority, clock
from collector.notify.channels import http as asking
from collector.notify.channels import push, sms, webhook
from collector.notify.channels.channel import DeliveryError, Sealed, Target
from tests.collector.notify.conftest import Configured
from tests.collector.notify.servers import Answer, HttpServer, make_tls

SEALED = Sealed(
    key="told:7:3",
    language="ru",
    subject='Ошибка: "бумага" & <чек>',
    text='Нет бумаги "TM-T20" & <1> {to} $x \\ \n',
    made_at=datetime(2026, 5, 4, 9, tzinfo=UTC),
    facts={"incidents": [{"id": 7}], "path": "/incidents/7/", "urgent": True},
)


def refused_by(url: str) -> DeliveryError:
    with pytest.raises(DeliveryError) as refused:
        asking.post(url, b"", {}, 5)
    return refused.value


# Web hooks


def test_a_web_hook_is_signed(configured: Configured, http: HttpServer) -> None:
    webhook.deliver(SEALED, Target(f"{http.url}/hook?a=1", {"secret": "s3cret"}))
    (asked,) = http.asked
    told = json.loads(asked.body)
    assert asked.path == "/hook?a=1"
    assert told["subject"] == SEALED.subject
    assert told["incidents"] == [{"id": 7}]
    assert asked.headers["idempotency-key"] == "told:7:3"
    at = asked.headers["plomba-timestamp"]
    assert abs(int(at) - clock.now().timestamp()) < 60
    said = hmac.new(b"s3cret", f"{at}.".encode() + asked.body, hashlib.sha256).hexdigest()
    assert asked.headers["plomba-signature"] == f"v1={said}"


@pytest.mark.parametrize(
    ("status", "retriable", "bad"),
    [(410, False, True), (404, False, True), (400, False, False), (429, True, False), (503, True, False),
     (302, False, False)],
)  # fmt: skip
def test_what_a_status_means(
    configured: Configured, http: HttpServer, status: int, retriable: bool, bad: bool
) -> None:
    http.answer = lambda _asked: Answer(
        status, b"why", {"Retry-After": "90", "Location": "http://127.0.0.1/"}
    )
    with pytest.raises(DeliveryError) as refused:
        webhook.deliver(SEALED, Target(http.url, {}))
    assert (refused.value.retriable, refused.value.bad_address) == (retriable, bad)
    assert refused.value.retry_after_s == 90
    assert f"HTTP {status} why" in str(refused.value)
    assert len(http.asked) == 1


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "localhost", "10.1.2.3", "192.168.1.1", "169.254.169.254", "172.20.0.1", "0.0.0.0", "[::1]",
     "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:7f00:1::]", "100.64.0.1",
     "2130706433", "0x7f.1", "224.0.0.1"],
)  # fmt: skip
def test_the_house_is_not_called(configured: Configured, address: str) -> None:
    configured.change("notify", allow=())
    refused = refused_by(f"https://{address}:9/hook")
    assert refused.code == "http.private_address", refused
    assert not refused.retriable


def test_control_the_same_is_called_where_it_is_allowed(configured: Configured, http: HttpServer) -> None:
    assert webhook.deliver(SEALED, Target(http.url, {})).startswith("HTTP 200")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.com/", "http.address"),
        ("https:///x", "http.address"),
        ("https://u:p@example.com/", "http.address"),
        ("https://exa mple.com/", "http.address"),
        ("https://example.com/\r\nX: y", "http.address"),
        ("https://example.com:99999/", "http.address"),
        ("http://8.8.8.8/", "http.in_the_clear"),
    ],
)
def test_what_is_no_address(configured: Configured, url: str, code: str) -> None:
    assert refused_by(url).code == code


def test_public_and_private() -> None:
    public = ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")
    assert all(asking.is_public(ipaddress.ip_address(a)) for a in public)


def test_a_strangers_certificate(configured: Configured, http: HttpServer, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    make_tls(other)
    configured.change("notify", ca_file=other / authority.CA_CERT)
    assert refused_by(http.url).code == "http.certificate"
    assert http.asked == []


def test_an_endless_answer_is_cut(configured: Configured, http: HttpServer) -> None:
    http.answer = lambda _asked: Answer(200, b"x" * 1_000_000)
    assert len(webhook.deliver(SEALED, Target(http.url, {}))) < 300


# SMS


def test_sms_in_json(configured: Configured, http: HttpServer) -> None:
    sms.deliver(SEALED, Target("+371 2000-0000"))
    (asked,) = http.asked
    assert json.loads(asked.body) == {
        "to": "+37120000000",
        "from": "Plomba",
        "text": SEALED.text,
        "reference": "told:7:3",
    }
    assert asked.headers["authorization"] == "Bearer noslepums"
    assert asked.headers["idempotency-key"] == "told:7:3"


def test_sms_in_a_form(configured: Configured, http: HttpServer) -> None:
    configured.change("sms", gateway="form")
    sms.deliver(SEALED, Target("+37120000000"))
    form = {name: values[0] for name, values in parse_qs(http.asked[0].body.decode()).items()}
    assert form["to"] == "37120000000"
    assert form["text"] == SEALED.text
    assert form["password"] == "noslepums"


def test_a_gateway_of_ones_own(configured: Configured, http: HttpServer, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'encoding = "xml"\nmethod = "POST"\ntaken = "<ok/>"\nbad_number = ["NO SUCH"]\n'
        'body = "<sms to=\\"{to}\\" basic=\\"{basic}\\">{text}</sms>"\n'
    )
    configured.change("sms", gateway="mine.toml")
    http.answer = lambda _asked: Answer(200, b"<ok/>")
    sms.deliver(SEALED, Target("+37120000000"))
    assert "&amp; &lt;1&gt; {to} $x" in http.asked[0].body.decode()
    http.answer = lambda _asked: Answer(200, b"<error>NO SUCH NUMBER</error>")
    with pytest.raises(DeliveryError) as refused:
        sms.deliver(SEALED, Target("+37120000000"))
    assert (refused.value.code, refused.value.bad_address) == ("sms.number", True)
    http.answer = lambda _asked: Answer(200, b"<error>no money</error>")
    with pytest.raises(DeliveryError) as refused:
        sms.deliver(SEALED, Target("+37120000000"))
    assert refused.value.code == "sms.refused"


def test_a_secret_that_no_header_can_hold(configured: Configured, http: HttpServer, tmp_path: Path) -> None:
    (tmp_path / "sms.secret").write_text("noslēpums")
    with pytest.raises(DeliveryError) as refused:
        sms.deliver(SEALED, Target("+37120000000"))
    assert refused.value.code == "http.headers"
    assert http.asked == []


@pytest.mark.parametrize("text", ['encoding = "json"\nbody = "{what}"', "encoding", 'encoding = "yaml"'])
def test_a_gateway_file_that_is_wrong(configured: Configured, tmp_path: Path, text: str) -> None:
    (tmp_path / "wrong.toml").write_text(text)
    configured.change("sms", gateway="wrong.toml")
    with pytest.raises(DeliveryError) as refused:
        sms.deliver(SEALED, Target("+37120000000"))
    assert (refused.value.code, refused.value.retriable) == ("sms.configuration", True)
    assert "wrong.toml" in str(refused.value)


# Web Push


def test_the_example_of_rfc_8291() -> None:
    """Appendix A: keys, salt and text of a message, and the bytes that it must become."""
    own = ec.derive_private_key(
        int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
    )
    target = Target(
        "",
        {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    )
    body = push.encrypt_with(
        b"When I grow up, I want to be a watermelon", target, own, raw("DGv6ra1nlYgDCS1FRnbzlw")
    )
    assert body == raw(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


class Browser:
    """The other end of RFC 8291, written from it with nothing of ours."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = b"0123456789abcdef"

    def target(self, url: str) -> Target:
        return Target(url, {"p256dh": text(_point(self.key.public_key())), "auth": text(self.auth)})

    def read(self, body: bytes) -> bytes:
        salt, size, keyid_length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        server, sealed = body[21 : 21 + keyid_length], body[21 + keyid_length :]
        assert len(sealed) <= size
        shared = self.key.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), server)
        )
        info = b"WebPush: info\x00" + _point(self.key.public_key()) + server
        ikm = _hkdf(self.auth, shared, info, 32)
        key = _hkdf(salt, ikm, b"Content-Encoding: aes128gcm\x00", 16)
        plain = AESGCM(key).decrypt(_hkdf(salt, ikm, b"Content-Encoding: nonce\x00", 12), sealed, None)
        return plain.rstrip(b"\x00").removesuffix(b"\x02")


def test_a_browser_can_read_it_and_knows_who_sent_it(configured: Configured, http: HttpServer) -> None:
    browser = Browser()
    push.deliver(SEALED, browser.target(f"{http.url}/push/abc"))
    (asked,) = http.asked
    told = json.loads(browser.read(asked.body))
    assert told["title"] == SEALED.subject
    assert told["url"] == "/incidents/7/"
    assert (asked.headers["content-encoding"], asked.headers["urgency"]) == ("aes128gcm", "high")
    assert int(asked.headers["ttl"]) > 0
    assert 0 < len(asked.headers["topic"]) <= 32
    scheme, _, parameters = asked.headers["authorization"].partition(" ")
    given = dict(part.strip().split("=", 1) for part in parameters.split(","))
    assert scheme == "vapid"
    said, _, signature = given["t"].rpartition(".")
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw(given["k"]))
    r, s = raw(signature)[:32], raw(signature)[32:]
    der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    key.verify(der, said.encode(), ec.ECDSA(hashes.SHA256()))
    claims = json.loads(raw(said.split(".")[1]))
    assert claims["aud"] == http.url
    assert 0 < claims["exp"] - clock.now().timestamp() <= 24 * 3600


def test_the_same_message_has_the_same_topic_and_other_bytes(
    configured: Configured, http: HttpServer
) -> None:
    browser = Browser()
    for _ in range(2):
        push.deliver(SEALED, browser.target(http.url))
    first, second = http.asked
    assert first.headers["topic"] == second.headers["topic"]
    assert first.body != second.body


def test_a_long_text_is_cut(configured: Configured, http: HttpServer) -> None:
    browser = Browser()
    long = Sealed(key="k", language="ru", subject="Много", text="ы" * 20_000, made_at=SEALED.made_at)
    push.deliver(long, browser.target(http.url))
    assert len(http.asked[0].body) <= 4096
    assert json.loads(browser.read(http.asked[0].body))["title"] == "Много"


def test_a_browser_that_is_gone(configured: Configured, http: HttpServer) -> None:
    http.answer = lambda _asked: Answer(410)
    with pytest.raises(DeliveryError) as refused:
        push.deliver(SEALED, Browser().target(http.url))
    assert refused.value.bad_address


def test_keys_that_are_none(configured: Configured, http: HttpServer) -> None:
    with pytest.raises(DeliveryError) as refused:
        push.deliver(SEALED, Target(http.url, {"p256dh": "x", "auth": "y"}))
    assert refused.value.code == "push.keys"
    assert http.asked == []


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with one block."""
    prk = hmac.new(salt, secret, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()[:length]


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    numbers = key.public_numbers()
    return b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def raw(said: str) -> bytes:
    return base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))


def text(said: bytes) -> str:
    return base64.urlsafe_b64encode(said).decode().rstrip("=")

"""Web Push: encrypted for one browser (RFC 8291 over RFC 8188) and signed with the collector's own key (RFC 8292).
The browser's maker carries it and cannot read it."""

import base64
import contextlib
import json
import secrets
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from collector.core import authority, clock
from collector.core.config import Config
from collector.notify.channels import http
from collector.notify.channels.channel import DeliveryError, Sealed, Target

RECORD = 4096
MOST_BYTES = 3000
"""Of a message. RFC 8291 4 lets a push service refuse what is over 4096 encrypted."""
KEPT_S = 12 * 3600
"""So long the push service keeps it for a computer that is off."""
TOKEN_S = 3600


def deliver(message: Sealed, target: Target) -> str:
    """Taken by the push service; whether a browser showed it is not known. `Topic` is made of the key, so that of one
    message that was handed over twice the browser gets one, if it was off meanwhile; the notification's tag does
    the same for what is already on the screen."""
    config: Config = settings.CONFIG
    key = own_key(config)
    headers = {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEPT_S),
        "Urgency": "high" if message.facts.get("urgent") else "normal",
        "Topic": topic(message.key),
        "Authorization": _vapid(key, target.address, config),
    }
    body = encrypt(_payload(message), target)
    return http.judged(http.post(target.address, body, headers, config.notify.timeout_s), "the push service")


def topic(key: str) -> str:
    """RFC 8030 5.4: at most 32 letters of the URL-safe base64 alphabet."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.encode())
    return _b64(digest.finalize())[:32]


def _payload(message: Sealed) -> bytes:
    text = message.text
    while True:
        told = {
            "key": message.key,
            "title": message.subject,
            "text": text,
            "lang": message.language,
            "url": message.facts.get("path", "/"),
        }
        payload = json.dumps(told, ensure_ascii=False).encode()
        if len(payload) <= MOST_BYTES or not text:
            return payload
        text = text[: len(text) // 2]


def encrypt(payload: bytes, target: Target) -> bytes:
    """DeliveryError where the browser's keys are none."""
    return encrypt_with(payload, target, ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16))


def encrypt_with(payload: bytes, target: Target, own: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """RFC 8291 3.4, one record. `own` and `salt` must be new for each message."""
    try:
        browser = _unb64(target.keys.get("p256dh", ""))
        auth = _unb64(target.keys.get("auth", ""))
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), browser)
    except ValueError as e:
        what = "the browser's keys are broken; switch messages off and on in that browser"
        raise DeliveryError(what, code="push.keys", retriable=False, bad_address=True) from e
    mine = point(own)
    info = b"WebPush: info\0" + browser + mine
    ikm = HKDF(hashes.SHA256(), 32, auth, info).derive(own.exchange(ec.ECDH(), public))
    key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(ikm)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(ikm)
    header = salt + RECORD.to_bytes(4, "big") + bytes([len(mine)]) + mine
    return header + AESGCM(key).encrypt(nonce, payload + b"\x02", None)


def own_key(config: Config) -> ec.EllipticCurvePrivateKey:
    """Made on first use. Every browser is bound to it: with a new one all must say yes again."""
    file = config.path(config.notify.push_key_file)
    if not file.exists():
        made = ec.generate_private_key(ec.SECP256R1())
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with contextlib.suppress(FileExistsError):
            authority.write_private(file, pem)
    key = load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise DeliveryError(
            f"{file} holds no P-256 key; move it away", code="push.configuration", retriable=True
        )
    return key


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """X9.62 uncompressed, 65 bytes."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def application_key(config: Config) -> str:
    """What a page hands to `pushManager.subscribe`."""
    return _b64(point(own_key(config)))


def _vapid(key: ec.EllipticCurvePrivateKey, endpoint: str, config: Config) -> str:
    """RFC 8292: a token for the push service of this endpoint, signed ES256 (RFC 7518 3.4: r and s side by side)."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int(clock.now().timestamp()) + TOKEN_S,
        "sub": config.notify.push_contact or config.public_url,
    }
    said = ".".join(_b64(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
    r, s = decode_dss_signature(key.sign(said.encode(), ec.ECDSA(hashes.SHA256())))
    token = f"{said}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    return f"vapid t={token}, k={_b64(point(key))}"


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

"""RFC 9421 message signatures with Ed25519 over `@method`, `@path` and `content-digest` (RFC 9530), nothing
else. The caller gives the time and the nonce; it also looks up keys and remembers nonces."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.errors import ReportRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

TAG = "plomba"
LABEL = "sig1"
WINDOW_S = 300
"""How far `created` may lie from the receiver's clock, either way."""

_COMPONENTS = '("@method" "@path" "content-digest")'
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
_SIGNATURE = re.compile(LABEL + r"=:([A-Za-z0-9+/]{86}==):")
_PARAMETER = re.compile(
    r';(created|keyid|nonce|alg|tag)=(?:(\d{1,12})|"([\x20\x21\x23-\x5b\x5d-\x7e]{0,128})")'
)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature as read from the headers; nothing in it is proven before `verify`. `created` is in seconds
    since 1970."""

    created: int
    keyid: str
    nonce: str
    base: bytes
    signature: bytes
    digest: bytes


def content_digest(body: bytes | memoryview) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign(
    key: "Ed25519PrivateKey",
    method: str,
    path: str,
    body: bytes | memoryview,
    *,
    keyid: str,
    created: int,
    nonce: str,
) -> dict[str, str]:
    """The three headers of one request. `nonce` must be fresh for every call, retries included."""
    digest = content_digest(body)
    parameters = f'{_COMPONENTS};created={created};keyid="{keyid}";nonce="{nonce}";alg="ed25519";tag="{TAG}"'
    signature = key.sign(_base(method, path, digest, parameters))
    return {
        "Content-Digest": digest,
        "Signature-Input": f"{LABEL}={parameters}",
        "Signature": f"{LABEL}=:{base64.b64encode(signature).decode()}:",
    }


def read(method: str, path: str, headers: Mapping[str, str]) -> Signed:
    """Take the signature from headers with lower-case names. ReportRefused with the code `signature.missing`
    or `signature.malformed`."""
    given = [headers.get(name, "") for name in ("content-digest", "signature-input", "signature")]
    if not all(given):
        raise ReportRefused("the request is not signed", code="signature.missing")
    digest_header, signature_input, signature_header = given
    digest = _DIGEST.fullmatch(digest_header)
    signature = _SIGNATURE.fullmatch(signature_header)
    head, _, parameters = signature_input.partition("=")
    found = _parameters(parameters)
    if not digest or not signature or head != LABEL or found is None:
        raise ReportRefused("the signature headers are not of the agreed form", code="signature.malformed")
    return Signed(
        created=int(found["created"]),
        keyid=found["keyid"],
        nonce=found["nonce"],
        base=_base(method, path, digest_header, parameters),
        signature=_decode(signature[1]),
        digest=_decode(digest[1]),
    )


def verify(signed: Signed, body: bytes, key: "Ed25519PublicKey", now_s: float) -> None:
    """ReportRefused unless the body is the signed one, the key made the signature, and it is fresh by
    `now_s`."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - 8 MiB that signing does not need

    if hashlib.sha256(body).digest() != signed.digest:
        raise ReportRefused("the body is not the one that was signed", code="digest.mismatch")
    try:
        key.verify(signed.signature, signed.base)
    except InvalidSignature as e:
        raise ReportRefused("the signature does not fit the key", code="signature.invalid") from e
    if abs(now_s - signed.created) > WINDOW_S:
        raise ReportRefused("the signature is not of this time", code="signature.expired")


def _base(method: str, path: str, digest: str, parameters: str) -> bytes:
    return (
        f'"@method": {method}\n"@path": {path}\n"content-digest": {digest}\n"@signature-params": {parameters}'
    ).encode()


def _parameters(text: str) -> dict[str, str] | None:
    """The parameters after the component list, each once and all there; None where the text is anything
    else."""
    if not text.startswith(_COMPONENTS):
        return None
    rest, found = text[len(_COMPONENTS) :], {}
    while rest:
        part = _PARAMETER.match(rest)
        if not part or part[1] in found:
            return None
        number, string = part[2], part[3]
        if (number is None) == (part[1] == "created"):
            return None
        found[part[1]] = string if number is None else number
        rest = rest[part.end() :]
    if found.keys() != {"created", "keyid", "nonce", "alg", "tag"} and found.keys() != {
        "created",
        "keyid",
        "nonce",
        "tag",
    }:
        return None
    if found.get("alg", "ed25519") != "ed25519" or found["tag"] != TAG or not found["nonce"]:
        return None
    return found


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as e:
        raise ReportRefused("the signature headers are not base64", code="signature.malformed") from e

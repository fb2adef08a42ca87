"""Names of stored objects and the clear, signed header of a snapshot: all that a collector without any key
may know of a backup. Layout: docs/backup-format.md. The encrypted body and the packs are opaque here."""

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from protocols.errors import IntegrityError, RepositoryRefused
from protocols.wire.source_name import Name

VERSION: Literal[2] = 2
SNAPSHOT_MAGIC = b"PLBSNP"
PACK_MAGIC = b"PLBPCK"
OBJECT_BYTES = (8 << 20) + (64 << 10)
"""No stored object is larger."""

PACKS = "packs"
SNAPSHOTS = "snapshots"
KINDS = (PACKS, SNAPSHOTS)
OF = "of/"
"""Before the terminal and the name of an object that is another till's, below PATH_OBJECTS: read only, and only as a
signed job says."""

_NAME = re.compile(r"(packs|snapshots)/([0-9a-f]{64})", re.ASCII)
_HEAD = struct.Struct(">6sHI")
_SIGNATURE_BYTES = 64
_SIGNED_FOR = b"plomba snapshot 2\0"

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeySlot(Part):
    """The data key, wrapped for one recovery key. `id` names that key, `wrapped` is base64url without
    padding."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    wrapped: Annotated[str, Field(max_length=2048)]


class PackRef(Part):
    digest: Digest
    size: Annotated[int, Field(ge=1, le=OBJECT_BYTES)]


class Header(Part):
    """`sequence` counts the snapshots of one source from 1 and orders them whatever the terminal's clock did;
    `previous` is the digest of the snapshot before, "" for the first. `signer` is the raw Ed25519 key,
    base64url. `packs` are all that a restore needs; the last `new_packs` of them this run stored, with
    `changed_bytes` plain bytes in them."""

    version: Literal[2] = VERSION
    terminal: Name
    signer: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
    source: Name
    engine: Name
    mode: Name
    run: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    sequence: Annotated[int, Field(ge=1)]
    previous: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    started_at: AwareDatetime
    finished_at: AwareDatetime
    source_bytes: Annotated[int, Field(ge=0)]
    changed_bytes: Annotated[int, Field(ge=0)]
    new_packs: Annotated[int, Field(ge=0)]
    keys: Annotated[tuple[KeySlot, ...], Field(min_length=1, max_length=16)]
    packs: tuple[PackRef, ...]
    body_digest: Digest
    body_bytes: Annotated[int, Field(ge=16, le=OBJECT_BYTES)]

    @property
    def stored_bytes(self) -> int:
        """What this run added to the repository, the header aside."""
        fresh = self.packs[len(self.packs) - self.new_packs :]
        return self.body_bytes + sum(pack.size for pack in fresh)


@dataclass(frozen=True, slots=True)
class SnapshotObject:
    """A parsed snapshot whose signature fits the key in its own header. Whose key that is, the caller must
    know."""

    header: Header
    body: bytes


def encode_key(public: Ed25519PublicKey) -> str:
    return base64.urlsafe_b64encode(public.public_bytes_raw()).rstrip(b"=").decode()


def decode_key(text: str) -> Ed25519PublicKey:
    """IntegrityError where the text is not a raw Ed25519 key in base64url without padding."""
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text + "=", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as e:
        raise IntegrityError("the signer's key in the snapshot header is damaged") from e


def seal(header: Header, body: bytes, key: Ed25519PrivateKey) -> bytes:
    """The whole snapshot object. The header must already name the body's digest and size and the key's public
    half."""
    text = header.model_dump_json().encode()
    signed = _HEAD.pack(SNAPSHOT_MAGIC, VERSION, len(text)) + text
    return signed + key.sign(_SIGNED_FOR + signed) + body


def parse(data: bytes) -> SnapshotObject:
    """IntegrityError unless the object is whole, of a known version, and signed by the key that its header
    names."""
    if len(data) < _HEAD.size:
        raise IntegrityError("the snapshot is cut short")
    magic, version, length = _HEAD.unpack_from(data)
    if magic != SNAPSHOT_MAGIC:
        raise IntegrityError("this object is not a snapshot")
    if version != VERSION:
        raise IntegrityError(f"snapshot format {version} is not known to this version", code="backup.format")
    end = _HEAD.size + length
    signed, signature, body = data[:end], data[end : end + _SIGNATURE_BYTES], data[end + _SIGNATURE_BYTES :]
    if len(signed) != end or len(signature) != _SIGNATURE_BYTES:
        raise IntegrityError("the snapshot is cut short")
    try:
        header = Header.model_validate_json(signed[_HEAD.size :])
    except ValidationError as e:
        raise IntegrityError("the snapshot header is damaged") from e
    _check_signature(header, signed, signature)
    if len(body) != header.body_bytes or hashlib.sha256(body).hexdigest() != header.body_digest:
        raise IntegrityError("the snapshot body is not the one that its header was signed with")
    return SnapshotObject(header, body)


def _check_signature(header: Header, signed: bytes, signature: bytes) -> None:
    try:
        decode_key(header.signer).verify(signature, _SIGNED_FOR + signed)
    except InvalidSignature as e:
        raise IntegrityError("the snapshot header's signature does not fit") from e


class _Made(str):
    """A name, and the very object that it was made from: that need not be hashed once more."""

    made_from: object = None


def object_name(kind: str, data: bytes | memoryview) -> str:
    name = _Made(f"{kind}/{hashlib.sha256(data).hexdigest()}")
    name.made_from = data
    return name


def split_name(name: str) -> tuple[str, str]:
    """Kind and digest. RepositoryRefused where it is not the name of a stored object."""
    match = _NAME.fullmatch(name)
    if not match:
        raise RepositoryRefused("this is not the name of a backup object", code="backup.object_name")
    return match[1], match[2]


def object_path(name: str) -> str:
    """Where the object lies below a repository's folder, with forward slashes; the same at till and
    collector."""
    kind, digest = split_name(name)
    return f"{kind}/{digest[:2]}/{digest}"


def check_digest(name: str, data: bytes | memoryview) -> None:
    """IntegrityError unless the bytes are those that the name stands for."""
    kind, digest = split_name(name)
    if isinstance(name, _Made) and name.made_from is data:
        return
    if hashlib.sha256(data).hexdigest() != digest:
        raise IntegrityError(
            f"{kind} object {digest[:12]} is damaged: its bytes are not those that were stored"
        )

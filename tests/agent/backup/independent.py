"""Opens a backup by docs/backup-format.md alone. Imports nothing of Plomba, so that it cannot share a mistake
with it."""

import base64
import hashlib
import json
import struct
from collections.abc import Mapping

import blake3
import zstandard
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Objects = Mapping[str, bytes]
"""By digest."""


def unbase(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def recovery_secret(text: str) -> X25519PrivateKey:
    mark, letters = text.split(" ", 1)
    letters = letters.replace("-", "").replace(" ", "").upper().strip()
    data = base64.b32decode(letters + "=" * (-len(letters) % 8))
    assert data[32:] == hashlib.sha256(mark.encode() + data[:32]).digest()[:4]
    return X25519PrivateKey.from_private_bytes(data[:32])


def open_key(secret: X25519PrivateKey, header: dict) -> bytes:
    own = hashlib.sha256(secret.public_key().public_bytes_raw()).hexdigest()[:16]
    wrapped = next(slot["wrapped"] for slot in header["keys"] if slot["id"] == own)
    suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    return suite.decrypt(unbase(wrapped), secret, b"plomba data key 1\0" + bound(header))


def bound(header: dict) -> bytes:
    return header["terminal"].encode() + b"\0" + bytes.fromhex(header["run"])


def unseal(key: bytes, nonce: bytes, data: bytes, associated: bytes) -> bytes:
    return AESGCM(key).decrypt(nonce, data, associated)


def counted(use: int, number: int) -> bytes:
    return use.to_bytes(4, "big") + number.to_bytes(8, "big")


def about(word: str, header: dict) -> bytes:
    return f"plomba {word} 1\0".encode() + bound(header)


def frames(pack: bytes, secret: X25519PrivateKey) -> list[bytes]:
    magic, version, length = struct.unpack(">6sHI", pack[:12])
    assert (magic, version) == (b"PLBPCK", 1)
    header = json.loads(pack[12 : 12 + length])
    size, count, end, version = struct.unpack(">II6sH", pack[-16:])
    assert (end, version, size) == (b"PLBEND", 1, 21 * count + 16)
    key, at = open_key(secret, header), 12 + length
    directory = unseal(
        key, counted(2, header["number"]), pack[-16 - size : -16], about("directory", header) + pack[:at]
    )
    plain = []
    for index in range(count):
        entry = directory[21 * index : 21 * index + 21]
        codec, stored, raw, _file, _offset = struct.unpack(">BIIIQ", entry)
        number = counted(1, header["first_frame"] + index)
        data = unseal(key, number, pack[at : at + stored], about("frame", header) + entry)
        plain.append(zstandard.decompress(data) if codec else data)
        assert len(plain[-1]) == raw
        at += stored
    assert at == len(pack) - 16 - size
    return plain


def open_backup(name: str, objects: Objects, secret: X25519PrivateKey) -> tuple[dict[str, bytes], dict]:
    """The files by name, and the facts."""
    data = objects[name]
    assert hashlib.sha256(data).hexdigest() == name
    magic, version, length = struct.unpack(">6sHI", data[:12])
    assert (magic, version) == (b"PLBSNP", 1)
    signed, signature, body = data[: 12 + length], data[12 + length : 76 + length], data[76 + length :]
    header = json.loads(signed[12:])
    signer = Ed25519PublicKey.from_public_bytes(unbase(header["signer"]))
    signer.verify(signature, b"plomba snapshot 1\0" + signed)
    assert (hashlib.sha256(body).hexdigest(), len(body)) == (header["body_digest"], header["body_bytes"])
    text = zstandard.ZstdDecompressor().decompress(
        unseal(open_key(secret, header), counted(3, 0), body, about("body", header)), max_output_size=1 << 26
    )
    content, files = json.loads(text), {}
    for file in content["files"]:
        whole = b""
        for number, frame, skip, offset, size in file["runs"]:
            digest = header["packs"][number]["digest"]
            pack = objects[digest]
            assert hashlib.sha256(pack).hexdigest() == digest
            assert offset == len(whole)
            whole += b"".join(frames(pack, secret)[frame:])[skip : skip + size]
        assert blake3.blake3(whole).hexdigest() == file["blake3"]
        files[file["name"]] = whole
    return files, content["facts"]

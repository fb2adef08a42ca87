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
    return suite.decrypt(unbase(wrapped), secret, b"plomba data key 2\0" + bound(header))


def bound(header: dict) -> bytes:
    return header["terminal"].encode() + b"\0" + bytes.fromhex(header["run"])


def unseal(key: bytes, nonce: bytes, data: bytes, associated: bytes) -> bytes:
    return AESGCM(key).decrypt(nonce, data, associated)


def counted(use: int, number: int) -> bytes:
    return use.to_bytes(4, "big") + number.to_bytes(8, "big")


def about(word: str, header: dict) -> bytes:
    return f"plomba {word} 2\0".encode() + bound(header)


class Numbers:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def one(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed(self) -> int:
        value = self.one()
        return value // 2 if value % 2 == 0 else -(value + 1) // 2

    def digest(self) -> str:
        self.at += 32
        return self.data[self.at - 32 : self.at].hex()


def directory(data: bytes, count: int) -> tuple[list[str], list[dict]]:
    """The packs that others are based on, and the frames."""
    numbers = Numbers(data)
    bases = []
    for _ in range(numbers.one()):
        bases.append(numbers.digest())
        numbers.one()
    found = []
    for _ in range(count):
        codec, stored, raw, _depth, extents, runs = (numbers.one() for _ in range(6))
        frame = {"codec": codec, "stored": stored, "raw": raw, "extents": [], "bases": []}
        for kind, size in (("extents", extents), ("bases", runs)):
            end = 0
            for _ in range(size):
                what, begin, length = numbers.one(), end + numbers.signed(), numbers.one()
                frame[kind].append((what, begin, length))
                end = begin + length
        found.append(frame)
    assert numbers.at == len(data)
    return bases, found


def plain(digest: str, objects: Objects, secret: X25519PrivateKey, known: dict[str, bytes]) -> bytes:
    """All plain bytes of a pack."""
    if digest in known:
        return known[digest]
    pack = objects[digest]
    assert hashlib.sha256(pack).hexdigest() == digest
    magic, version, length = struct.unpack(">6sHI", pack[:12])
    assert (magic, version) == (b"PLBPCK", 2)
    header = json.loads(pack[12 : 12 + length])
    size, count, end, version = struct.unpack(">II6sH", pack[-16:])
    assert (end, version) == (b"PLBEND", 2)
    key, at = open_key(secret, header), 12 + length
    sealed = pack[-16 - size : -16]
    listed = unseal(key, counted(2, header["number"]), sealed, about("directory", header) + pack[:at])
    bases, frames = directory(zstandard.decompress(listed), count)
    out = b""
    for index, frame in enumerate(frames):
        number = counted(1, header["first_frame"] + index)
        told = about("frame", header) + struct.pack(">BI", frame["codec"], frame["raw"])
        data = unseal(key, number, pack[at : at + frame["stored"]], told)
        words = b""
        for base, position, length in frame["bases"]:
            words += plain(bases[base], objects, secret, known)[position : position + length]
        out += expand(data, frame, words)
        at += frame["stored"]
    assert at == len(pack) - 16 - size
    known[digest] = out
    return out


def expand(data: bytes, frame: dict, words: bytes) -> bytes:
    if frame["codec"] == 0:
        return data
    base = zstandard.ZstdCompressionDict(words, dict_type=zstandard.DICT_TYPE_RAWCONTENT) if words else None
    raw = zstandard.ZstdDecompressor(dict_data=base).decompress(data, max_output_size=frame["raw"])
    assert len(raw) == frame["raw"] == sum(length for _, _, length in frame["extents"])
    return raw


def runs(data: bytes) -> list[tuple[int, int, int]]:
    """Pack (0: zeros), position and length."""
    numbers = Numbers(data)
    unit, count, size = numbers.one(), numbers.one(), numbers.one()
    packs = [numbers.one() for _ in range(count)]
    steps = [numbers.signed() if pack else 0 for pack in packs]
    units = [numbers.one() for _ in range(count)]
    assert numbers.at == len(data)
    found, ends, left = [], {}, size
    for pack, step, length in zip(packs, steps, units, strict=True):
        position = ends.get(pack, 0) + step * unit
        found.append((pack, position, min(length * unit, left)))
        ends[pack] = position + length * unit
        left -= found[-1][2]
    assert left == 0
    return found


def open_backup(name: str, objects: Objects, secret: X25519PrivateKey) -> tuple[dict[str, bytes], dict]:
    """The files by name, and the facts."""
    data = objects[name]
    assert hashlib.sha256(data).hexdigest() == name
    magic, version, length = struct.unpack(">6sHI", data[:12])
    assert (magic, version) == (b"PLBSNP", 2)
    signed, signature, body = data[: 12 + length], data[12 + length : 76 + length], data[76 + length :]
    header = json.loads(signed[12:])
    signer = Ed25519PublicKey.from_public_bytes(unbase(header["signer"]))
    signer.verify(signature, b"plomba snapshot 2\0" + signed)
    assert (hashlib.sha256(body).hexdigest(), len(body)) == (header["body_digest"], header["body_bytes"])
    text = zstandard.ZstdDecompressor().decompress(
        unseal(open_key(secret, header), counted(3, 0), body, about("body", header)), max_output_size=1 << 26
    )
    end = 4 + int.from_bytes(text[:4], "big")
    content, files, known = json.loads(text[4:end]), {}, {}
    for file in content["files"]:
        whole = b""
        for pack, position, size in runs(text[end : end + file["map_bytes"]]) if file["map_bytes"] else []:
            if pack == 0:
                whole += bytes(size)
            else:
                source = plain(header["packs"][pack - 1]["digest"], objects, secret, known)
                whole += source[position : position + size]
        end += file["map_bytes"]
        assert len(whole) == file["size"]
        assert blake3.blake3(whole).hexdigest() == file["blake3"]
        files[file["name"]] = whole
    assert end == len(text)
    return files, content["facts"]

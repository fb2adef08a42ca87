"""Bytes written by an earlier version stay readable, and the same input still gives the same bytes. The
vector was made once with the fixed keys that it holds (docs/backup-format.md describes every byte)."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import blake3
import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from agent.backup.catalogue import Wanted, choose
from agent.backup.key import DataKey, KeyRing, RecoverySecret, load_secret
from agent.backup.pack import BUFFER_BYTES, DELTA, Extent, PackBuilder, PackReader
from agent.backup.progress import Silent
from agent.backup.repository.local import LocalRepository
from agent.backup.restore import open_snapshot, restore
from protocols.errors import IntegrityError
from protocols.wire import snapshot
from tests.agent.backup import independent
from tests.agent.backup.till import SECRET, Till

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "backup"


@pytest.fixture(params=[path.name for path in sorted(VECTORS.glob("*.json"))])
def vector(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / request.param).read_text())
    return found


@pytest.fixture
def repository(vector: dict[str, Any], tmp_path: Path) -> LocalRepository:
    """The vector's objects, laid out by hand as the document says."""
    for kind, texts in (("packs", vector["packs"]), ("snapshots", [vector["snapshot"]])):
        for text in texts:
            data = bytes.fromhex(text)
            digest = hashlib.sha256(data).hexdigest()
            folder = tmp_path / "repository" / kind / digest[:2]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / digest).write_bytes(data)
    return LocalRepository(tmp_path / "repository")


@pytest.fixture
def secret(vector: dict[str, Any], tmp_path: Path) -> RecoverySecret:
    (tmp_path / "recovery.key").write_text(vector["recovery_key"])
    return load_secret(tmp_path / "recovery.key")


def data_key(vector: dict[str, Any]) -> DataKey:
    slots = tuple(snapshot.KeySlot(**slot) for slot in vector["slots"])
    return DataKey(bytes.fromhex(vector["data_key"]), bytes.fromhex(vector["run"]), vector["terminal"], slots)


def test_there_is_a_vector() -> None:
    assert list(VECTORS.glob("*.json"))


def test_an_old_repository_restores(
    vector: dict[str, Any], repository: LocalRepository, secret: RecoverySecret, tmp_path: Path
) -> None:
    found = choose(repository, Wanted())
    back = restore(found, repository, secret, tmp_path / "back", progress=Silent())
    assert (tmp_path / "back").read_bytes() == bytes.fromhex(vector["file"])
    assert back.body.facts == vector["facts"]
    (file,) = back.body.files
    assert file.blake3 == blake3.blake3(bytes.fromhex(vector["file"])).hexdigest()
    assert file.meta == vector["meta"]
    assert found.header.sequence == 3


def test_the_same_input_gives_the_same_pack(vector: dict[str, Any]) -> None:
    """The first pack holds frames that do not compress, so that it does not depend on a version of zstd."""
    builder = PackBuilder(data_key(vector), 0, 0, bytearray(BUFFER_BYTES))
    for codec, raw, extents in vector["first_pack"]:
        builder.add(codec, bytes.fromhex(raw), tuple(Extent(*one) for one in extents))
    assert builder.finish().hex() == vector["packs"][0]


def test_the_same_header_and_body_give_the_same_snapshot(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["snapshot"])
    parsed = snapshot.parse(data)
    signer = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["signing_key"]))
    assert snapshot.seal(parsed.header, parsed.body, signer) == data
    assert parsed.header.signer == snapshot.encode_key(signer.public_key())


def test_packs_alone_tell_where_their_bytes_belong(vector: dict[str, Any], secret: RecoverySecret) -> None:
    """With every snapshot object lost, the bytes can still be put where they were, the later run over the earlier."""
    whole = bytearray(len(vector["file"]) // 2 + 100)
    plain: dict[str, bytes] = {}
    for text in vector["packs"]:
        data = bytes.fromhex(text)
        reader = PackReader(data, KeyRing(secret))
        read = b""
        for index, frame in enumerate(reader.frames):
            bases = ((plain[reader.bases[one.pack].digest], one.position, one.length) for one in frame.bases)
            words = b"".join(source[begin : begin + length] for source, begin, length in bases)
            assert bool(words) == (frame.codec == DELTA)
            raw, at = reader.read(index, words), 0
            read += raw
            for extent in frame.extents:
                whole[extent.offset : extent.offset + extent.length] = raw[at : at + extent.length]
                at += extent.length
        plain[hashlib.sha256(data).hexdigest()] = read
    assert bytes(whole[: len(vector["file"]) // 2]) == bytes.fromhex(vector["file"])


def test_a_run_may_begin_inside_a_frame_and_a_hole_is_not_stored(
    vector: dict[str, Any], repository: LocalRepository, secret: RecoverySecret
) -> None:
    (runs,) = open_snapshot(choose(repository, Wanted()), KeyRing(secret)).runs
    assert [run.pack for run in runs] == [1, 2, 0, 2]
    assert next(iter(runs)).position == 600


@pytest.mark.parametrize("at", [6, 7])
def test_a_later_format_is_named_and_not_guessed(vector: dict[str, Any], at: int) -> None:
    secret = RecoverySecret(bytes(32))
    for text, read in (
        (vector["snapshot"], snapshot.parse),
        (vector["packs"][0], lambda data: PackReader(data, KeyRing(secret))),
    ):
        data = bytearray.fromhex(text)
        data[at] ^= 4
        with pytest.raises(IntegrityError) as refused:
            read(bytes(data))
        assert refused.value.code == "backup.format"


def test_the_wrapped_key_is_plain_hpke(vector: dict[str, Any], secret: RecoverySecret) -> None:
    """By another road than the code's own: RFC 9180 base mode, its parts named in the document."""
    suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    info = b"plomba data key 2\0" + vector["terminal"].encode() + b"\0" + bytes.fromhex(vector["run"])
    wrapped = base64.urlsafe_b64decode(vector["slots"][0]["wrapped"] + "==")
    assert len(wrapped) == 80
    opened = suite.decrypt(wrapped, X25519PrivateKey.from_private_bytes(secret.raw), info)
    assert opened.hex() == vector["data_key"]


def test_the_document_is_enough_to_open_the_vector(vector: dict[str, Any]) -> None:
    objects = {
        hashlib.sha256(data).hexdigest(): data
        for data in map(bytes.fromhex, [*vector["packs"], vector["snapshot"]])
    }
    name = hashlib.sha256(bytes.fromhex(vector["snapshot"])).hexdigest()
    files, facts = independent.open_backup(name, objects, independent.recovery_secret(vector["recovery_key"]))
    assert files == {"pos.db": bytes.fromhex(vector["file"])}
    assert facts == vector["facts"]


def test_the_document_is_enough_to_open_a_backup_of_today(till: Till) -> None:
    till.make_database(rows=9000, journal="delete", noise=1000)
    done = till.backup()
    objects = {path.name: path.read_bytes() for path in till.objects()}
    secret = X25519PrivateKey.from_private_bytes(SECRET.raw)
    files, facts = independent.open_backup(done.snapshot, objects, secret)
    assert files == {"pos.db": till.database.read_bytes()}
    assert facts == done.facts

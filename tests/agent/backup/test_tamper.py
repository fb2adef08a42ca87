"""Whatever is done to a repository, a restore gives the right bytes or an IntegrityError, never anything
else."""

import hashlib
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import blake3
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from agent.backup.catalogue import Found, Wanted
from agent.backup.key import KeyRing, new_data_key
from agent.backup.manifest import FileEntry, Run, Runs, seal_body
from agent.backup.pack import PackReader
from agent.backup.state import recall
from protocols.errors import IntegrityError
from protocols.wire import snapshot
from protocols.wire.audit import Audit, Finding
from tests.agent.backup.till import SECRET, TERMINAL, Till, small_pack

FLIPS = 1000
RESTORES = 40


@pytest.fixture
def filled(till: Till) -> Till:
    """Two snapshots, the newer one of several packs."""
    till.make_database(rows=20, journal="delete")
    till.backup()
    till.add(60_000, noise=120)
    assert len(till.backup().header.packs) >= 2
    return till


def packs(till: Till) -> list[Path]:
    return [till.folder / snapshot.object_path(f"packs/{pack.digest}") for pack in till.find().header.packs]


def snapshots(till: Till) -> list[Path]:
    return sorted(path for path in (till.folder / "snapshots").rglob("*") if path.is_file())


def refused(till: Till) -> str:
    target = till.root / "back.db"
    with pytest.raises(IntegrityError) as failed:
        till.restore(target)
    assert not list(till.root.glob("back.db*"))
    return str(failed.value)


def audited(till: Till) -> list[Finding]:
    """What a keeper without a key finds."""
    audit = Audit(snapshot.encode_key(till.key.public_key()))
    for kind in snapshot.KINDS:
        for info in till.repository.list(kind):
            audit.take(info.name, till.repository.get(info.name))
    return audit.findings()


def test_every_flipped_bit_is_found_and_named(till: Till) -> None:
    """Over a whole repository of a full backup and two increments, by whoever keeps it and needs no key."""
    till.make_database(rows=60, journal="delete")
    for _ in range(3):
        till.backup()
        till.add(5)
    assert audited(till) == []
    chance = random.Random(20261122)
    found = 0
    for _ in range(FLIPS):
        file = chance.choice(till.objects())
        data = bytearray(file.read_bytes())
        at = chance.randrange(len(data) * 8)
        data[at // 8] ^= 1 << at % 8
        whole = file.read_bytes()
        file.write_bytes(data)
        found += any(file.name in finding.name for finding in audited(till))
        file.write_bytes(whole)
    assert found == FLIPS
    assert audited(till) == []


def test_a_flipped_bit_stops_a_restore_and_is_named(filled: Till) -> None:
    chance = random.Random(20261122)
    for _ in range(RESTORES):
        file = chance.choice([*packs(filled), *snapshots(filled)])
        data = file.read_bytes()
        damaged = bytearray(data)
        at = chance.randrange(len(data) * 8)
        damaged[at // 8] ^= 1 << at % 8
        file.write_bytes(damaged)
        assert file.name[:12] in refused(filled)
        file.write_bytes(data)
    filled.restore(filled.root / "back.db")
    assert (filled.root / "back.db").read_bytes() == filled.database.read_bytes()


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_keeper_names_what_is_cut_swapped_gone_and_replayed(filled: Till, keep: int) -> None:
    files = filled.objects()
    for file in files:
        data = file.read_bytes()
        file.write_bytes(data[:keep])
        assert file.name in audited(filled)[0].name
        file.write_bytes(data)
    one, two = packs(filled)[:2]
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert {one.name, two.name} <= {finding.name.partition("/")[2] for finding in audited(filled)}
    one.write_bytes(first)
    two.unlink()
    assert [finding.code for finding in audited(filled)] == ["backup.pack_missing"]
    two.write_bytes(second)
    old, new = sorted(
        snapshots(filled), key=lambda file: filled.find(Wanted(snapshot=file.name)).header.sequence
    )
    newest = new.read_bytes()
    new.write_bytes(old.read_bytes())
    assert any(new.name in finding.name for finding in audited(filled))
    new.write_bytes(newest)
    assert audited(filled) == []


def test_a_keeper_notices_a_second_line(filled: Till) -> None:
    """The disk of a till that was put back goes on from an old number, or somebody holds its key."""
    newest = filled.find()
    header = newest.header.model_copy(update={"mode": "forged"})
    put(filled, snapshot.seal(header, newest.snapshot.body, filled.key))
    assert "backup.sequence_twice" in {finding.code for finding in audited(filled)}
    header = newest.header.model_copy(update={"sequence": newest.header.sequence + 1, "previous": "0" * 64})
    put(filled, snapshot.seal(header, newest.snapshot.body, filled.key))
    assert "backup.chain" in {finding.code for finding in audited(filled)}


@pytest.mark.parametrize("keep", [0, 1, 11, 12, 100, -65, -1])
@pytest.mark.parametrize("which", [packs, snapshots])
def test_a_cut_object_is_noticed(filled: Till, which: Callable[[Till], list[Path]], keep: int) -> None:
    file = which(filled)[-1]
    file.write_bytes(file.read_bytes()[:keep])
    refused(filled)


def test_a_longer_object_is_noticed(filled: Till) -> None:
    for file in (packs(filled)[0], snapshots(filled)[0]):
        data = file.read_bytes()
        file.write_bytes(data + b"\0")
        refused(filled)
        file.write_bytes(data)


def test_swapped_objects_are_noticed(filled: Till) -> None:
    one, two, *_ = packs(filled)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    refused(filled)


def test_a_missing_pack_is_named(filled: Till) -> None:
    packs(filled)[1].unlink()
    with pytest.raises(IntegrityError) as failed:
        filled.restore(filled.root / "back.db")
    assert failed.value.code == "backup.pack_missing"


def test_an_old_snapshot_under_the_newest_name_is_noticed(filled: Till) -> None:
    old = filled.find(Wanted(snapshot=first_digest(filled)))
    newest = filled.find()
    path = filled.folder / snapshot.object_path(f"snapshots/{newest.digest}")
    shutil.copy(filled.folder / snapshot.object_path(f"snapshots/{old.digest}"), path)
    refused(filled)


def test_an_old_header_before_a_new_body_is_noticed(filled: Till) -> None:
    old = (filled.folder / snapshot.object_path(f"snapshots/{first_digest(filled)}")).read_bytes()
    new = filled.find()
    forged = old[: len(old) - new_body_start(old)] + new.snapshot.body
    with pytest.raises(IntegrityError):
        snapshot.parse(forged)


def test_a_forged_snapshot_beside_the_true_ones_is_not_chosen_silently(filled: Till) -> None:
    """Anybody can encrypt for a public key; only the till can sign as itself."""
    true = filled.find()
    forger = Ed25519PrivateKey.generate()
    header = true.header.model_copy(
        update={"sequence": 99, "signer": snapshot.encode_key(forger.public_key())}
    )
    put(filled, snapshot.seal(header, true.snapshot.body, forger))
    with pytest.raises(IntegrityError) as failed:
        filled.find()
    assert failed.value.code == "backup.signers"


@pytest.mark.parametrize(
    "runs",
    [
        (Run(1, 0, 99),),  # too short
        (Run(2, 0, 100),),  # a pack that there is not
        (Run(1, 100, 100),),  # bytes that there are not
        (Run(1, 1, 100),),  # more than the pack holds
        (Run(1, 0, 50), Run(0, 0, 50)),  # other bytes than those that were read
    ],
)
def test_a_map_that_lies_is_noticed(till: Till, runs: tuple[Run, ...]) -> None:
    """Signed, sealed, and still wrong: a bug of the writer must not become wrong data."""
    key = new_data_key(TERMINAL, [SECRET.public])
    name, data = small_pack(key, b"x" * 100)
    till.folder.mkdir(exist_ok=True)
    till.repository.put_new(name, data)
    entry = FileEntry(name="x", size=100, blake3=blake3.blake3(b"x" * 100).hexdigest())
    body = seal_body([entry], [Runs(runs)], {}, key)
    till.database.touch()
    made = till.backup().header
    header = made.model_copy(
        update={
            "sequence": 2,
            "run": key.run.hex(),
            "keys": key.slots,
            "packs": (snapshot.PackRef(digest=hashlib.sha256(data).hexdigest(), size=len(data)),),
            "body_digest": hashlib.sha256(body).hexdigest(),
            "body_bytes": len(body),
        }
    )
    put(till, snapshot.seal(header, body, till.key))
    refused(till)


def test_frames_of_one_run_cannot_change_places() -> None:
    """Even with the data key in hand, a frame opens only where it was sealed."""
    key = new_data_key(TERMINAL, [SECRET.public])
    _, data = small_pack(key, random.Random(0).randbytes(1000), random.Random(1).randbytes(1000))
    ring = KeyRing(SECRET)
    reader = PackReader(data, ring)
    start = reader._starts[0]
    size = reader.frames[0].stored
    swapped = data[:start] + data[start + size : start + 2 * size] + data[start : start + size]
    broken = PackReader(swapped + data[start + 2 * size :], ring)
    assert PackReader(data, ring).read(0) == random.Random(0).randbytes(1000)
    for number in range(2):
        with pytest.raises(IntegrityError):
            broken.read(number)


def test_the_newest_snapshot_cannot_vanish_unseen_from_the_till(filled: Till) -> None:
    """The till remembers what it stored; `drill --name` compares."""
    newest = filled.find()
    (filled.folder / snapshot.object_path(f"snapshots/{newest.digest}")).unlink()
    known = recall(filled.root / "state", filled.repository.address, TERMINAL, "pos")
    assert known
    assert known.sequence > filled.find().header.sequence


def test_a_pack_of_another_terminal_is_not_taken(filled: Till) -> None:
    other = replace(filled, terminal="till-2", root=filled.root / "other")
    other.root.mkdir()
    other.make_database(journal="delete")
    other.backup(filled.repository)
    strange = filled.find(Wanted(terminal="till-2")).header.packs
    true = filled.find(Wanted(terminal=TERMINAL))
    header = true.header.model_copy(update={"packs": strange, "sequence": 9})
    put(filled, snapshot.seal(header, true.snapshot.body, filled.key))
    with pytest.raises(IntegrityError):
        filled.restore(filled.root / "back.db", Wanted(terminal=TERMINAL))


def put(till: Till, data: bytes) -> None:
    till.repository.put_new(snapshot.object_name("snapshots", data), data)


def first_digest(till: Till) -> str:
    found: list[Found] = [till.find(Wanted(snapshot=path.name)) for path in snapshots(till)]
    return min(found, key=lambda one: one.header.sequence).digest


def new_body_start(data: bytes) -> int:
    return len(snapshot.parse(data).body)


@given(
    data=st.binary(max_size=300), kind=st.sampled_from([snapshot.SNAPSHOT_MAGIC, snapshot.PACK_MAGIC, b""])
)
def test_no_bytes_at_all_bring_the_readers_down(data: bytes, kind: bytes) -> None:
    """Garbage is garbage: one error, never another one."""
    for garbage in (kind + data, kind + b"\0\2" + data, kind + b"\0\2\0\0\0\2{}" + data):
        with pytest.raises(IntegrityError):
            snapshot.parse(garbage)
        with pytest.raises(IntegrityError):
            PackReader(garbage, KeyRing(SECRET))
